"""The opening: both ends know each other afterwards, or each knows why not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyld_rpc.errors import (
    LocalProtocolError,
    OpeningRefused,
    RemoteProtocolError,
    VersionMismatch,
    WrongKey,
)
from wyld_rpc.frames import Event, Frame, Request, Response, encode
from wyld_rpc.numbering import Epoch
from wyld_rpc.opening import MAX_OPENING_FRAME, GatewayOpening, Opened, OpeningState, WorldOpening

KEY = b"k" * 32
OPENED = Opened(b"g" * 16, Epoch(b"gate-epo"), Epoch(b"worldepo"))


def gateway(key: bytes = KEY, version: int = 1) -> GatewayOpening:
    return GatewayOpening(
        key=key,
        gateway_id=OPENED.gateway_id,
        gateway_epoch=OPENED.gateway_epoch,
        nonce=b"n" * 32,
        version=version,
    )


def world(key: bytes = KEY, version: int = 1) -> WorldOpening:
    return WorldOpening(key=key, world_epoch=OPENED.world_epoch, nonce=b"w" * 32, version=version)


def answer(opening: GatewayOpening | WorldOpening, frame: Frame) -> Event:
    event = opening.receive(frame)
    assert event is not None
    return event


def challenged() -> tuple[GatewayOpening, WorldOpening, Event]:
    """A gateway that waits for its welcome, a world that waits for the proof, and that proof."""
    ours, theirs = gateway(), world()
    return ours, theirs, answer(ours, answer(theirs, ours.hello()))


def test_both_ends_learn_the_same() -> None:
    ours, theirs, proof = challenged()
    welcome = answer(theirs, proof)
    assert ours.opened is None

    assert ours.receive(welcome) is None

    assert ours.opened == theirs.opened == OPENED
    assert ours.state is theirs.state is OpeningState.OPEN


def test_a_world_notices_a_wrong_key_and_tells_the_gateway() -> None:
    ours, theirs = gateway(key=b"x" * 32), world()
    proof = answer(ours, answer(theirs, ours.hello()))

    with pytest.raises(WrongKey) as refused:
        theirs.receive(proof)
    with pytest.raises(WrongKey):
        ours.receive(theirs.refusal(refused.value))

    assert ours.opened is theirs.opened is None


def test_a_gateway_notices_a_world_without_the_key() -> None:
    ours, _, _ = challenged()

    with pytest.raises(WrongKey):
        ours.receive(Event("welcome", {"mac": b"m" * 32}))


def test_a_proof_sent_back_is_no_proof() -> None:
    ours, _, proof = challenged()

    with pytest.raises(WrongKey):
        ours.receive(Event("welcome", proof.body))


@pytest.mark.parametrize(("ours", "theirs"), [(1, 2), (2, 1)])
def test_each_end_names_both_versions(ours: int, theirs: int) -> None:
    gateway_side, world_side = gateway(version=ours), world(version=theirs)

    with pytest.raises(VersionMismatch) as at_world:
        world_side.receive(gateway_side.hello())
    with pytest.raises(VersionMismatch) as at_gateway:
        gateway_side.receive(world_side.refusal(at_world.value))

    assert (at_world.value.ours, at_world.value.theirs) == (theirs, ours)
    assert (at_gateway.value.ours, at_gateway.value.theirs) == (ours, theirs)


def test_a_version_is_read_before_anything_else() -> None:
    with pytest.raises(VersionMismatch):
        world().receive(Event("hello", {"version": 7, "of a later": "form"}))
    with pytest.raises(VersionMismatch):
        gateway().receive(Event("challenge", {"version": 7}))


@pytest.mark.parametrize("field", ["gateway", "epoch", "nonce"])
def test_everything_in_a_hello_is_under_the_mac(field: str) -> None:
    ours, theirs = gateway(), world()
    hello = ours.hello()
    altered = Event("hello", hello.body | {field: bytes(len(hello.body[field]))})

    proof = answer(ours, answer(theirs, altered))

    with pytest.raises(WrongKey):
        theirs.receive(proof)


@pytest.mark.parametrize("field", ["epoch", "nonce"])
def test_everything_in_a_challenge_is_under_the_mac(field: str) -> None:
    ours, theirs = gateway(), world()
    challenge = answer(theirs, ours.hello())
    altered = Event("challenge", challenge.body | {field: bytes(len(challenge.body[field]))})

    with pytest.raises(WrongKey):
        theirs.receive(answer(ours, altered))


def test_versions_are_under_the_mac() -> None:
    def proof(version: int) -> Event:
        ours = gateway(version=version)
        return answer(ours, answer(world(version=version), ours.hello()))

    assert proof(1) != proof(2)


def test_a_malformed_opening_is_refused_with_its_reason() -> None:
    ours, theirs = gateway(), world()
    with pytest.raises(RemoteProtocolError) as error:
        theirs.receive(Event("hello", {"version": 1}))

    with pytest.raises(OpeningRefused, match="the opening lacks 'gateway'"):
        ours.receive(theirs.refusal(error.value))


def test_the_longest_frames_fit_the_limit_of_an_opening() -> None:
    longest = world().refusal(RemoteProtocolError("\N{GRINNING FACE}" * 10_000))

    assert len(encode(longest)) <= MAX_OPENING_FRAME
    with pytest.raises(OpeningRefused):
        gateway().receive(longest)


def test_a_refusal_can_come_instead_of_the_welcome() -> None:
    ours, theirs, _ = challenged()

    with pytest.raises(OpeningRefused):
        ours.receive(theirs.refusal(RemoteProtocolError("no")))


def states() -> list[GatewayOpening | WorldOpening]:
    """One machine in every state there is."""
    opened_gateway, opened_world, proof = challenged()
    opened_gateway.receive(answer(opened_world, proof))
    failed = world()
    with pytest.raises(RemoteProtocolError):
        failed.receive(Event("nothing", None))
    waiting_gateway, waiting_world, _ = challenged()
    return [gateway(), waiting_gateway, opened_gateway, world(), waiting_world, opened_world, failed]


LEGAL = {
    (OpeningState.AWAITING_CHALLENGE, "challenge"),
    (OpeningState.AWAITING_CHALLENGE, "refused"),
    (OpeningState.AWAITING_WELCOME, "welcome"),
    (OpeningState.AWAITING_WELCOME, "refused"),
    (OpeningState.AWAITING_HELLO, "hello"),
    (OpeningState.AWAITING_PROOF, "proof"),
}


@pytest.mark.parametrize("kind", ["hello", "challenge", "proof", "welcome", "refused", "tick"])
def test_what_is_not_in_the_table_is_refused_and_ends_the_opening(kind: str) -> None:
    seen = set()
    for machine in states():
        seen.add(machine.state)
        if (machine.state, kind) not in LEGAL:
            with pytest.raises(RemoteProtocolError, match=f"'{kind}' while"):
                machine.receive(Event(kind, None))
            assert machine.state is OpeningState.FAILED

    assert seen == set(OpeningState)


@pytest.mark.parametrize(
    ("opening", "event", "sentence"),
    [
        (world, Event("hello", None), "lacks 'version'"),
        (world, Event("hello", {"version": True}), "version is not a number"),
        (world, Event("hello", {"version": 2**16}), "version is not a number"),
        (
            world,
            Event("hello", {"version": 1, "gateway": b"short"}),
            "'gateway' of the opening is not 16 bytes",
        ),
        (gateway, Event("refused", {"code": 5}), "'code' of the opening is not a text"),
        (gateway, Event("refused", {"code": "x" * 201}), "'code' of the opening is not a text"),
    ],
)
def test_a_malformed_body_is_refused_in_words(
    opening: Callable[[], GatewayOpening | WorldOpening], event: Event, sentence: str
) -> None:
    with pytest.raises(RemoteProtocolError, match=sentence):
        opening().receive(event)


@pytest.mark.parametrize("frame", [Request(0, "hello", None), Response(0, None, None)])
def test_a_link_does_not_open_with_calls(frame: Frame) -> None:
    with pytest.raises(RemoteProtocolError, match="opens with events"):
        world().receive(frame)


BODIES: st.SearchStrategy[object] = st.none() | st.dictionaries(
    st.sampled_from(["version", "gateway", "epoch", "nonce", "mac", "code", "message"]),
    st.sampled_from(
        [1, -1, 2**16, True, b"g" * 16, b"e" * 8, b"n" * 32, "key", "version", "x" * 201, [], None]
    ),
)


@given(st.integers(0, 6), st.sampled_from(sorted({kind for _, kind in LEGAL})), BODIES)
def test_any_body_raises_only_what_is_documented(machine: int, kind: str, body: object) -> None:
    opening = states()[machine]

    try:
        opening.receive(Event(kind, body))
        refused = False
    except (RemoteProtocolError, VersionMismatch, WrongKey, OpeningRefused):
        refused = True

    assert refused == (opening.state is OpeningState.FAILED)


@pytest.mark.parametrize(
    "make",
    [
        lambda: gateway(key=b"k" * 15),
        lambda: world(key=b"k" * 15),
        lambda: WorldOpening(key=KEY, world_epoch=Epoch(b"short"), nonce=b"w" * 32),
        lambda: WorldOpening(key=KEY, world_epoch=OPENED.world_epoch, nonce=b"w"),
        lambda: GatewayOpening(key=KEY, gateway_id=b"g", gateway_epoch=OPENED.gateway_epoch, nonce=b"n" * 32),
    ],
)
def test_arguments_of_the_wrong_length_are_our_own_mistake(make: Callable[[], object]) -> None:
    with pytest.raises(LocalProtocolError):
        make()
