"""Frames: what is encoded comes back, however it is cut; what is hostile ends in RemoteProtocolError and nothing else."""

from __future__ import annotations

import itertools
import struct
from contextlib import suppress

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wyld_rpc.errors import LocalProtocolError, ProtocolError, RemoteProtocolError, UnknownEvent
from wyld_rpc.frames import (
    MAX_DEPTH,
    MAX_FRAME,
    MAX_ID,
    MAX_ITEMS,
    MAX_NAME,
    Event,
    Failure,
    Frame,
    FrameDecoder,
    Request,
    Response,
    encode,
    encode_event,
    pack_body,
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.binary(max_size=8)
)
keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
ids = st.integers(0, MAX_ID)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=MAX_NAME)
frames = (
    st.builds(Request, ids, names, values)
    | st.builds(Response, ids, st.none(), values)
    | st.builds(Response, ids, st.builds(Failure, names, keys, values), st.none())
    | st.builds(Event, names, values)
)


def decode(data: bytes, *cuts: int) -> list[Frame]:
    """Feed `data` in the pieces between `cuts` and return every frame."""
    decoder, found = FrameDecoder(), []
    edges = [0, *sorted(cuts), len(data)]
    for start, end in itertools.pairwise(edges):
        decoder.receive_data(data[start:end])
        while (frame := decoder.next_frame()) is not None:
            found.append(frame)
    assert decoder.unread() == b""
    return found


def framed(payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + payload


def nested(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(depth - 1):
        value = [value]
    return value


@given(st.lists(frames, max_size=4), st.data())
def test_frames_come_back_however_they_are_cut(sent: list[Frame], data: st.DataObject) -> None:
    wire = b"".join(encode(frame) for frame in sent)
    cuts = data.draw(st.lists(st.integers(0, len(wire)), max_size=5))

    assert decode(wire) == sent
    assert decode(wire, *cuts) == sent
    assert decode(wire, *range(len(wire))) == sent


@given(names, values)
def test_an_event_packed_beforehand_is_the_same_bytes(kind: str, body: object) -> None:
    assert encode_event(kind, pack_body(body)) == encode(Event(kind, body))


def test_tuples_travel_as_arrays() -> None:
    assert decode(encode(Event("k", (1, ("a", 2))))) == [Event("k", [1, ["a", 2]])]


@given(st.binary(max_size=200))
@example(b"\x00\x00\x00\x01\xc1")
def test_any_bytes_raise_only_the_remote_family(data: bytes) -> None:
    for wire in (
        data,
        framed(data),
        framed(b"\x93\x02" + data),
        framed(b"\x94\x00" + data),
        framed(b"\x94\x01" + data),
    ):
        decoder = FrameDecoder()
        decoder.receive_data(wire)
        with suppress(RemoteProtocolError):
            while decoder.next_frame() is not None:
                pass


@given(frames, st.data())
def test_a_damaged_frame_raises_only_the_remote_family(frame: Frame, data: st.DataObject) -> None:
    wire = bytearray(encode(frame))
    for _ in range(data.draw(st.integers(1, 4))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    decoder = FrameDecoder()
    decoder.receive_data(wire)

    with suppress(RemoteProtocolError):
        while decoder.next_frame() is not None:
            pass


@given(st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(scalars, inner), max_leaves=8))
def test_whatever_can_be_encoded_can_be_decoded(body: object) -> None:
    try:
        wire = encode(Event("kind", body))
    except LocalProtocolError:
        return

    assert decode(wire) == [Event("kind", body)]


MALFORMED = {
    "not an array": framed(b"\x01"),
    "a map": framed(msgpack.packb({"0": 1})),
    "an empty array": framed(b"\x90"),
    "an empty payload": framed(b""),
    "a kind that is a boolean": framed(msgpack.packb([False, 1, "m", None])),
    "an unknown kind": framed(msgpack.packb([3, "k", None])),
    "a short request": framed(msgpack.packb([0, 1, "m"])),
    "a long request": framed(msgpack.packb([0, 1, "m", None, None])),
    "a short response": framed(msgpack.packb([1, 1, None])),
    "a long event": framed(msgpack.packb([2, "k", None, None])),
    "a negative id": framed(msgpack.packb([0, -1, "m", None])),
    "an id too large": framed(msgpack.packb([0, MAX_ID + 1, "m", None])),
    "an id that is a boolean": framed(msgpack.packb([1, True, None, None])),
    "an empty method": framed(msgpack.packb([0, 1, "", None])),
    "a method too long": framed(msgpack.packb([0, 1, "m" * (MAX_NAME + 1), None])),
    "a kind of event that is bytes": framed(msgpack.packb([2, b"k", None])),
    "an error that is text": framed(msgpack.packb([1, 1, "no", None])),
    "an error of two elements": framed(msgpack.packb([1, 1, ["code", "message"], None])),
    "an error without a message": framed(msgpack.packb([1, 1, ["code", 5, None], None])),
    "an error and a result": framed(msgpack.packb([1, 1, ["code", "message", None], 5])),
    "two values": framed(msgpack.packb([2, "k", None]) + b"\xc0"),
    "half a value": framed(msgpack.packb([2, "k", None])[:-1]),
    "a byte that msgpack does not use": framed(b"\x93\x02\xa1k\xc1"),
    "an integer as a key": framed(msgpack.packb([2, "k", {1: 2}])),
    "bytes as a key": framed(msgpack.packb([2, "k", {b"a": 2}])),
    "an array as a key": framed(b"\x93\x02\xa1k\x81\x90\xc0"),
    "text that is not UTF-8": framed(b"\x93\x02\xa1k\xa1\xff"),
    "an extension type": framed(msgpack.packb([2, "k", msgpack.ExtType(5, b"x")])),
    "an empty extension type": framed(msgpack.packb([2, "k", msgpack.ExtType(5, b"")])),
    "a timestamp": framed(msgpack.packb([2, "k", msgpack.Timestamp(1, 2)])),
    "a broken timestamp": framed(b"\x93\x02\xa1k\xd7\xff" + b"\xff" * 8),
    "a body too deep": framed(msgpack.packb([2, "k", nested(MAX_DEPTH)])),
    "a body deeper than msgpack goes": framed(b"\x91" * 5000 + b"\xc0"),
    "an array that claims too much": framed(b"\x93\x02\xa1k\xdd\xff\xff\xff\xff"),
    "arrays that claim much at every depth": framed((b"\xdd" + struct.pack(">I", MAX_ITEMS)) * 200),
    "a map that claims too much": framed(b"\x93\x02\xa1k\xdf\xff\xff\xff\xff"),
    "an array too long": framed(msgpack.packb([2, "k", [0] * (MAX_ITEMS + 1)])),
    "a frame too long": struct.pack(">I", MAX_FRAME + 1),
}


@pytest.mark.parametrize("wire", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_frame_is_refused_with_a_sentence_and_for_good(wire: bytes) -> None:
    decoder = FrameDecoder()
    decoder.receive_data(wire)

    with pytest.raises(RemoteProtocolError, match=r"^malformed frame: .{10,}") as first:
        decoder.next_frame()
    with pytest.raises(RemoteProtocolError) as second:
        decoder.next_frame()

    assert str(first.value) == str(second.value)


IMPOSSIBLE = {
    "a set": {1},
    "an object": object(),
    "a bytearray": bytearray(b"a"),
    "an integer too large": 2**64,
    "an integer too small": -(2**63) - 1,
    "a lone surrogate": "\ud800",
    "an integer as a key": {1: 2},
    "bytes as a key": {b"a": 2},
    "too deep": nested(MAX_DEPTH),
    "too many entries": [0] * (MAX_ITEMS + 1),
    "too large": b"x" * MAX_FRAME,
    "an extension type": msgpack.ExtType(5, b"x"),
    "a timestamp": msgpack.Timestamp(1),
}


@pytest.mark.parametrize("body", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_what_cannot_be_sent_is_refused_as_our_own_mistake(body: object) -> None:
    with pytest.raises(LocalProtocolError):
        encode(Event("kind", body))
    with pytest.raises(LocalProtocolError):
        encode_event("kind", pack_body(body))


@pytest.mark.parametrize(
    "frame",
    [
        Request(-1, "m", None),
        Request(1, "", None),
        Response(1, Failure("code", "message"), 5),
        Response(MAX_ID + 1, None, None),
        Event("k" * (MAX_NAME + 1), None),
        ("k", None),
    ],
)
def test_what_is_no_frame_is_refused_as_our_own_mistake(frame: Frame) -> None:
    with pytest.raises(LocalProtocolError):
        encode(frame)


def test_a_packed_event_needs_a_name() -> None:
    with pytest.raises(LocalProtocolError, match="event kind"):
        encode_event("", pack_body(None))


def test_the_largest_frame_and_the_deepest_body_pass() -> None:
    overhead = len(encode(Event("k", b"x" * 70_000))) - 4 - 70_000
    largest = Event("k", b"x" * (MAX_FRAME - overhead))
    deepest = Event("k", nested(MAX_DEPTH - 1))

    assert decode(encode(largest)) == [largest]
    assert decode(encode(deepest)) == [deepest]
    assert encode_event("k", pack_body(deepest.body)) == encode(deepest)


def test_a_length_over_the_limit_is_refused_before_its_frame_arrives() -> None:
    decoder = FrameDecoder(max_frame=100)

    decoder.receive_data(b"\x00\x00\x00")
    assert decoder.next_frame() is None
    decoder.receive_data(b"\x65")
    with pytest.raises(RemoteProtocolError, match="101 bytes; at most 100"):
        decoder.next_frame()


def test_memory_is_bounded_by_one_frame_and_one_read() -> None:
    decoder = FrameDecoder(max_frame=100)
    decoder.receive_data(struct.pack(">I", 100) + b"\xc0" * 99)
    assert decoder.next_frame() is None

    decoder.receive_data(b"\xc0" * 1000)

    with pytest.raises(LocalProtocolError, match="next_frame"):
        decoder.receive_data(b"")


def test_what_follows_the_last_frame_can_be_taken_elsewhere() -> None:
    first, second = encode(Event("first", 1)), encode(Event("second", 2))
    decoder = FrameDecoder(max_frame=20)
    decoder.receive_data(first + second[:5])

    assert decoder.next_frame() == Event("first", 1)
    assert decoder.unread() == second[:5]


def test_the_base_of_the_protocol_families_is_never_raised() -> None:
    with pytest.raises(TypeError, match="whose mistake"):
        ProtocolError("neither")
    assert issubclass(UnknownEvent, RemoteProtocolError)
