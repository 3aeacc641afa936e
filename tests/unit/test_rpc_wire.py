"""Messages to plain values and back: every one survives the trip, and nothing a peer sends raises anything but the remote family."""

from __future__ import annotations

import contextlib
from enum import Enum
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs
import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wyld_rpc import wire
from wyld_rpc.errors import LocalProtocolError, RemoteProtocolError, UnknownEvent
from wyld_rpc.frames import Event, FrameDecoder, encode, encode_event
from wyld_rpc.messages import (
    CALL_ERRORS,
    METHODS,
    STYLES,
    TO_GATEWAY,
    TO_WORLD,
    Acks,
    AuthError,
    AuthErrorCode,
    Choice,
    ClientChanged,
    Combat,
    Command,
    CommandError,
    CommandErrorCode,
    CommandResult,
    Commands,
    Delivery,
    DisconnectReason,
    Drain,
    EntityStateUpdate,
    FormattedText,
    Positions,
    RoomDescription,
    SelectCharacter,
    SessionDisconnected,
    SessionEnded,
    SessionReport,
    Span,
    StateDelivery,
    StateUpdateType,
    Structured,
    System,
    Text,
    Tick,
)

# --------------------------------------------------------------------------------------------- strategies

words = st.text(max_size=8)
ids = st.binary(min_size=16, max_size=16)
numbers = st.integers(0, 2**53)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | words
scalars |= st.floats(allow_nan=False)
plain = st.recursive(
    scalars | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)
json_maps = st.dictionaries(words, scalars | st.lists(scalars, max_size=3), max_size=4)

outputs = st.one_of(
    st.builds(Text, words, st.none() | words),
    st.builds(
        FormattedText,
        st.lists(st.builds(Span, words, st.sampled_from(STYLES)), max_size=3).map(tuple),
        st.booleans(),
    ),
    st.builds(Structured, words, json_maps, words),
    st.builds(
        RoomDescription,
        words,
        words,
        *[st.lists(words, max_size=3).map(tuple)] * 3,
    ),
    st.builds(Combat, words, words, words, st.integers(-100, 10_000), st.booleans()),
    st.builds(System, words),
)
updates = st.builds(EntityStateUpdate, st.sampled_from(StateUpdateType), json_maps, words)
some_ids = st.lists(ids, max_size=3)


@st.composite
def deliveries(draw: st.DrawFn) -> Delivery:
    sessions = draw(some_ids)
    return Delivery(draw(outputs), sessions, [draw(numbers) for _ in sessions])


results = st.builds(
    CommandResult,
    ids,
    numbers,
    st.none() | st.builds(CommandError, st.sampled_from(CommandErrorCode), words),
)
ends = st.builds(SessionEnded, ids, st.sampled_from(DisconnectReason), words)
ticks = st.builds(
    Tick,
    numbers,
    st.lists(results, max_size=3),
    st.lists(deliveries(), max_size=3),
    st.lists(st.builds(StateDelivery, updates, some_ids), max_size=3),
    st.lists(ends, max_size=3),
    st.booleans(),
)
events = st.one_of(
    ticks,
    st.builds(Commands, st.lists(st.builds(Command, ids, numbers, numbers, words), max_size=3)),
    st.builds(Acks, numbers, st.lists(st.tuples(ids, numbers), max_size=3)),
    st.builds(SessionDisconnected, ids, numbers, st.sampled_from(DisconnectReason)),
    st.builds(ClientChanged, ids, numbers, st.booleans()),
    st.builds(Drain, st.floats(0, 100), words),
)


def of_type(kind: Any) -> st.SearchStrategy[Any]:
    """Values for one annotation of a message's field."""
    if attrs.has(kind):
        return messages(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is tuple:
        return st.lists(of_type(arguments[0]), max_size=3).map(tuple)
    if origin is dict:
        return json_maps if arguments[1] is Any else st.dictionaries(words, numbers, max_size=3)
    if origin in (Union, UnionType):
        return st.one_of([of_type(argument) for argument in arguments])
    if issubclass(getattr(kind, "__supertype__", kind), Enum):
        return st.sampled_from(kind)
    simple = {bytes: ids, str: words, int: numbers, bool: st.booleans(), type(None): st.none()}
    simple[float] = st.floats(allow_nan=False)
    return simple[getattr(kind, "__supertype__", kind)]


def messages(cls: type) -> st.SearchStrategy[Any]:
    """Instances of a message, made from the annotations of its fields."""
    hints = get_type_hints(cls)
    return st.builds(cls, **{field.name: of_type(hints[field.name]) for field in attrs.fields(cls)})


request_classes = sorted(
    {cls for params, result, _ in METHODS.values() for cls in (params, result)}, key=lambda cls: cls.__name__
)


def over_the_link(value: Any) -> Any:
    """A value as it comes out of a frame at the other end."""
    decoder = FrameDecoder()
    decoder.receive_data(encode(Event("value", value)))
    frame = decoder.next_frame()
    assert isinstance(frame, Event)
    return frame.body


# -------------------------------------------------------------------------------------------- round trips


@pytest.mark.parametrize("cls", request_classes, ids=lambda cls: cls.__name__)
@settings(max_examples=20)
@given(data=st.data())
def test_every_request_and_result_survives_the_trip(cls, data):
    message = data.draw(messages(cls))

    assert wire.structure(cls, over_the_link(wire.unstructure(message))) == message


@given(event=events)
def test_every_event_survives_the_trip(event):
    assert wire.unpack_event(event.KIND, over_the_link(wire.pack_event(event))) == event


@given(output=outputs)
def test_every_output_survives_the_trip(output):
    assert wire.unpack_output(over_the_link(wire.pack_output(output))) == output


@given(output=outputs)
def test_an_output_encoded_on_its_own_survives_the_trip(output):
    assert wire.decode_output(wire.encode_output(output)) == output


@given(noise=st.binary(max_size=40))
def test_noise_in_place_of_an_encoded_output_is_the_peers_mistake(noise):
    with contextlib.suppress(RemoteProtocolError):
        wire.decode_output(noise)


@pytest.mark.parametrize("field", ["session", "account_id", "character_id"])
def test_a_malformed_id_inside_a_report_is_refused(field):
    report = SessionReport(b"s" * 16, 1, b"a" * 16, b"c" * 16, b"e" * 8, 0, 0, 0, attached=True)
    spelled = wire.unstructure(Positions(0, (report,)))
    spelled["sessions"][0][field] = b"short"

    with pytest.raises(RemoteProtocolError, match="16 bytes"):
        wire.structure(Positions, over_the_link(spelled))


@pytest.mark.parametrize("field", ["generation", "acked", "received", "confirmed"])
def test_a_negative_position_in_a_report_is_refused(field):
    report = SessionReport(b"s" * 16, 1, b"a" * 16, b"c" * 16, b"e" * 8, 0, 0, 0, attached=True)
    spelled = wire.unstructure(Positions(0, (report,)))
    spelled["sessions"][0][field] = -1

    with pytest.raises(RemoteProtocolError, match=field):
        wire.structure(Positions, over_the_link(spelled))


@pytest.mark.parametrize("code", [code for _, codes in CALL_ERRORS.values() for code in codes])
def test_every_failure_survives_the_trip(code):
    (error_class,) = [error for error, codes in CALL_ERRORS.values() if codes is type(code)]

    error = wire.error_from_wire(*wire.error_to_wire(error_class(code, "in words")))

    assert type(error) is error_class
    assert (error.code, error.text) == (code, "in words")


@given(tick=ticks)
def test_a_tick_written_piece_by_piece_is_the_same_tick(tick):
    body = wire.encode_tick(
        tick.number,
        more=tick.more,
        acks=tick.acks,
        outputs=[
            wire.encode_delivery(wire.encode_output(each.output), each.sessions, each.numbers)
            for each in tick.outputs
        ],
        states=[wire.encode_state(each.update, each.sessions) for each in tick.states],
        ends=tick.disconnects,
    )

    decoder = FrameDecoder()
    decoder.receive_data(encode_event(Tick.KIND, body))
    frame = decoder.next_frame()
    assert wire.unpack_event(frame.kind, frame.body) == tick
    assert body == msgpack.packb(wire.pack_event(tick))


# ----------------------------------------------------------------------------------------- hostile input


@pytest.mark.parametrize("cls", request_classes, ids=lambda cls: cls.__name__)
@settings(max_examples=20)
@given(value=plain)
def test_no_value_makes_structure_raise_anything_else(cls, value):
    with contextlib.suppress(RemoteProtocolError):
        wire.structure(cls, value)


@pytest.mark.parametrize("cls", request_classes, ids=lambda cls: cls.__name__)
@settings(max_examples=20)
@given(data=st.data())
def test_no_changed_field_makes_structure_raise_anything_else(cls, data):
    value = wire.unstructure(data.draw(messages(cls)))
    if value:
        value[data.draw(st.sampled_from(sorted(value)))] = data.draw(plain)

    with contextlib.suppress(RemoteProtocolError):
        wire.structure(cls, value)


@pytest.mark.parametrize("kind", [cls.KIND for cls in TO_WORLD + TO_GATEWAY])
@settings(max_examples=50)
@given(body=plain)
def test_no_body_makes_unpacking_raise_anything_else(kind, body):
    with contextlib.suppress(RemoteProtocolError):
        wire.unpack_event(kind, body)


@given(event=events, data=st.data())
def test_no_changed_part_makes_unpacking_raise_anything_else(event, data):
    body = over_the_link(wire.pack_event(event))
    part = body
    while isinstance(part, list | dict) and part:
        keys = list(part) if isinstance(part, dict) else range(len(part))
        key = data.draw(st.sampled_from(list(keys)))
        if data.draw(st.booleans()) or not isinstance(part[key], list | dict) or not part[key]:
            part[key] = data.draw(plain)
            break
        part = part[key]

    with contextlib.suppress(RemoteProtocolError):
        wire.unpack_event(event.KIND, body)


@given(value=plain)
def test_no_value_makes_an_output_raise_anything_else(value):
    with contextlib.suppress(RemoteProtocolError):
        wire.unpack_output(value)


@given(code=words, data=plain)
def test_what_is_no_failure_of_ours_is_none(code, data):
    assert wire.error_from_wire(f"not ours {code}", "words", data) is None


@pytest.mark.parametrize("missing_or_extra", [{}, {"session": bytes(16), "generation": 1, "x": 1}])
def test_fields_must_be_exactly_those_of_the_message(missing_or_extra):
    with pytest.raises(RemoteProtocolError):
        wire.structure(SelectCharacter, missing_or_extra)


def test_an_id_is_sixteen_bytes():
    good = wire.unstructure(SelectCharacter(bytes(16), 1, bytes(16), bytes(16)))

    for name in ("session", "account_id", "character_id"):
        with pytest.raises(RemoteProtocolError, match="16 bytes"):
            wire.structure(SelectCharacter, good | {name: bytes(15)})


def test_an_unknown_event_is_told_apart():
    with pytest.raises(UnknownEvent):
        wire.unpack_event("dance", None)


def tick_of(outputs: Any = (), states: Any = ()) -> list[Any]:
    return [1, False, [], list(outputs), list(states), []]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Tick.KIND, tick_of([[[0, "numbers do not match", None], [bytes(16)], []]])),
        (Tick.KIND, tick_of([[[0, "sessions are a map", None], {}, []]])),
        (Tick.KIND, tick_of([[[1, [["no such style", "blink"]], False], [], []]])),
        (Tick.KIND, tick_of([[[-1, "no such tag"], [], []]])),
        (Tick.KIND, tick_of([[[True, [], False], [], []]])),
        (Tick.KIND, tick_of([[[3, "name", "description", "exits", [], []], [], []]])),
        (Tick.KIND, tick_of(states=[["stats", "", [], []]])),
        (Commands.KIND, [bytes(16), 1, 1, b"bytes"]),
        (Commands.KIND, [bytes(16), 1, -1, "text"]),
        (Commands.KIND, [bytes(16), 1, True, "text"]),
    ],
)
def test_what_only_looks_right_is_refused(kind, body):
    with pytest.raises(RemoteProtocolError):
        wire.unpack_event(kind, body)


# ------------------------------------------------------------------------------------- what cannot travel


@pytest.mark.parametrize(
    "output",
    [
        Text("\ud800"),
        Combat("a", "b", "c", 2**70),
        Structured("who", {5: 1}, "x"),
        Structured("who", {"a": object()}, "x"),
        System({1, 2}),
    ],
)
def test_an_output_that_cannot_travel_is_our_mistake(output):
    with pytest.raises(LocalProtocolError):
        wire.encode_output(output)


def test_a_state_that_cannot_travel_is_our_mistake():
    with pytest.raises(LocalProtocolError):
        wire.encode_state(EntityStateUpdate(StateUpdateType.STATS, {1: 2}), [bytes(16)])


def test_passwords_do_not_show():
    for params, _, _ in METHODS.values():
        for field in attrs.fields(params):
            assert field.name != "password" or not field.repr


def test_errors_carry_their_words():
    error = AuthError(AuthErrorCode.NAME_TAKEN, "The name Ann is taken.")

    assert str(error) == error.text == "The name Ann is taken."


def test_choices_are_tuples_at_both_ends():
    assert isinstance(Choice("elf", "Tall."), Choice)
