"""Messages to plain msgpack values and back.

Pure. Requests and results are rare, so cattrs structures them: maps with the field names as keys, unknown keys refused. Events
are frequent, so they are written by hand as arrays: `commands` and `acks` flat, a `tick` as six lists (see `pack_tick`), a game
output as its tag and its fields in order.

The world does not make `Tick` objects: it encodes an output or a state to bytes when a command makes it, which is also when a value that
cannot travel must fail, and joins those bytes with `encode_delivery` and `encode_tick`. They spell exactly what `pack_tick` does.

Whatever a peer sends, `structure` and the `unpack_` functions raise `RemoteProtocolError` and nothing else.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import attrs
import cattrs
import msgpack

from wyld_rpc.errors import LocalProtocolError, RemoteProtocolError, UnknownEvent
from wyld_rpc.frames import pack_body, unpack_body
from wyld_rpc.messages import (
    CALL_ERRORS,
    GAME_OUTPUTS,
    STYLES,
    AccountId,
    Acks,
    CallError,
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
    EntityId,
    EntityStateUpdate,
    FormattedText,
    GameOutput,
    RoomDescription,
    SessionDisconnected,
    SessionEnded,
    SessionId,
    Span,
    StateDelivery,
    StateUpdateType,
    Structured,
    System,
    Text,
    Tick,
)

T = TypeVar("T")
ID_BYTES = 16

# What reading a hand-written form can stumble over: the wrong number of items, the wrong type, an unknown enum value.
_MALFORMED = (TypeError, ValueError, KeyError, IndexError, AttributeError)


# ------------------------------------------------------------------------------- requests and results


def _strict(kind: type[T]) -> Callable[[Any, Any], T]:
    """cattrs would turn 5 into "5" and "5" into 5; a peer that mixes them up is wrong and must hear so."""

    def check(value: Any, _: Any) -> T:
        if type(value) is not kind:
            raise TypeError(f"expected {kind.__name__}, got {type(value).__name__}")
        return value

    return check


def _strict_float(value: Any, _: Any) -> float:
    if type(value) not in (int, float):
        raise TypeError(f"expected float, got {type(value).__name__}")
    return float(value)


def _structure_id(value: Any, _: Any) -> bytes:
    _check_id(value)
    return cast("bytes", value)


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=False)
    for kind in (int, str, bytes, bool):
        converter.register_structure_hook(kind, _strict(kind))
    converter.register_structure_hook(float, _strict_float)
    for id_type in (SessionId, AccountId, EntityId):
        converter.register_structure_hook_func(functools.partial(operator.is_, id_type), _structure_id)
    # cattrs would walk into the free-form values of a Json map; msgpack has already made them plain.
    converter.register_structure_hook_func(lambda t: t is Any, lambda value, _: value)
    converter.register_unstructure_hook(bytes, lambda value: value)
    return converter


_converter = _make_converter()


def unstructure(message: Any) -> Any:
    """A message as a map of plain values. Raises nothing for a message of `messages.py`."""
    return _converter.unstructure(message)


def structure(cls: type[T], value: Any) -> T:
    """The message that `value` spells. Raises `RemoteProtocolError` for anything that is not exactly of that shape."""
    if not isinstance(value, dict):
        raise RemoteProtocolError(f"{cls.__name__} must be a map, not {type(value).__name__}")
    try:
        return _converter.structure(value, cls)
    except (cattrs.errors.BaseValidationError, cattrs.errors.ForbiddenExtraKeysError, *_MALFORMED) as exc:
        raise RemoteProtocolError(f"malformed {cls.__name__}: {exc}") from exc


def error_to_wire(error: CallError) -> tuple[str, str, dict[str, str]]:
    """`(code, message, data)` as a peer's error answer carries them; the family tells which class it was."""
    return error.code.value, error.text, {"family": error.family}


def error_from_wire(code: str, message: str, data: Any) -> CallError | None:
    """The failure that an error answer spells, or None where it is not one of ours (an unknown method, say)."""
    try:
        error_class, code_class = CALL_ERRORS[data["family"]]
        return error_class(code_class(code), message)
    except _MALFORMED:
        return None


def _check_id(value: Any) -> None:
    if type(value) is not bytes or len(value) != ID_BYTES:
        raise RemoteProtocolError("an id must be 16 bytes")


def _check_number(value: Any) -> None:
    if type(value) is not int or value < 0:
        raise RemoteProtocolError("a number must be an integer of at least 0")


# ------------------------------------------------------------------------------------- game outputs


def pack_output(output: GameOutput) -> list[Any]:
    """`[tag, field, ...]`, spans as `[text, style]` pairs."""
    kind = type(output)
    if kind is Text:
        return [0, output.text, output.channel, output.talker]  # type: ignore[union-attr]
    if isinstance(output, FormattedText):
        return [1, [[span.text, span.style] for span in output.spans], output.decor]
    return [kind.TAG, *(getattr(output, name) for name in _OUTPUT_FIELDS[kind.TAG])]


def unpack_output(value: Any) -> GameOutput:
    """The output that `value` spells. Raises `RemoteProtocolError`."""
    try:
        tag, *fields = value
        kind, checks = _OUTPUTS[_integer(tag)]
        return kind(*[check(field) for check, field in zip(checks, fields, strict=True)])
    except _MALFORMED as exc:
        raise RemoteProtocolError(f"malformed output: {exc}") from exc


def _exact(kind: type[T]) -> Callable[[Any], T]:
    strict = _strict(kind)
    return lambda value: strict(value, kind)


_string = _exact(str)


def _optional_string(value: Any) -> str | None:
    return None if value is None else _string(value)


def _strings(value: Any) -> tuple[str, ...]:
    return tuple([_string(item) for item in _list(value)])


def _spans(value: Any) -> tuple[Span, ...]:
    spans = []
    for text, style in _list(value):
        if style not in STYLES:
            raise ValueError(f"unknown style {style!r}")
        spans.append(Span(_string(text), style))
    return tuple(spans)


_list = _exact(list)
_map = _exact(dict)
_boolean = _exact(bool)
_integer = _exact(int)

_OUTPUT_FIELDS = [tuple(field.name for field in attrs.fields(kind)) for kind in GAME_OUTPUTS]
_OUTPUTS: dict[int, tuple[Callable[..., GameOutput], tuple[Callable[[Any], Any], ...]]] = {
    Text.TAG: (Text, (_string, _optional_string, _optional_string)),
    FormattedText.TAG: (FormattedText, (_spans, _boolean)),
    Structured.TAG: (Structured, (_string, _map, _string)),
    RoomDescription.TAG: (RoomDescription, (_string, _string, _strings, _strings, _strings)),
    Combat.TAG: (Combat, (_string, _string, _string, _integer, _boolean)),
    System.TAG: (System, (_string,)),
}


# -------------------------------------------------------------------------------------------- events


def pack_commands(commands: Commands) -> list[Any]:
    """`[session, generation, number, text, session, ...]`."""
    flat: list[Any] = []
    for command in commands.commands:
        flat += (command.session, command.generation, command.number, command.text)
    return flat


def unpack_commands(body: Any) -> Commands:
    if type(body) is not list or len(body) % 4:
        raise RemoteProtocolError("commands must come in fours")
    commands = []
    for i in range(0, len(body), 4):
        session, generation, number, text = body[i : i + 4]
        _check_id(session)
        _check_number(generation)
        _check_number(number)
        if type(text) is not str:
            raise RemoteProtocolError("a command must be a string")
        commands.append(Command(session, generation, number, text))
    return Commands(commands)


def pack_acks(acks: Acks) -> list[Any]:
    """`[tick, session, number, session, ...]`."""
    flat: list[Any] = [acks.tick]
    for session, number in acks.outputs:
        flat += (session, number)
    return flat


def unpack_acks(body: Any) -> Acks:
    if type(body) is not list or len(body) % 2 == 0:
        raise RemoteProtocolError("acks must be a tick and pairs")
    _check_number(body[0])
    outputs = []
    for i in range(1, len(body), 2):
        _check_id(body[i])
        _check_number(body[i + 1])
        outputs.append((SessionId(body[i]), body[i + 1]))
    return Acks(body[0], outputs)


def pack_tick(tick: Tick) -> list[Any]:
    """`[number, more, acks, outputs, states, disconnects]`."""
    return [
        tick.number,
        tick.more,
        [_pack_result(result) for result in tick.acks],
        [[pack_output(delivery.output), delivery.sessions, delivery.numbers] for delivery in tick.outputs],
        [_pack_state(state.update, state.sessions) for state in tick.states],
        [_pack_end(end) for end in tick.disconnects],
    ]


def unpack_tick(body: Any) -> Tick:
    try:
        number, more, acks, outputs, states, ends = body
        _check_number(number)
        return Tick(
            number,
            [_unpack_result(ack) for ack in acks],
            [_unpack_delivery(output) for output in outputs],
            [_unpack_state(state) for state in states],
            [_unpack_end(end) for end in ends],
            _boolean(more),
        )
    except _MALFORMED as exc:
        raise RemoteProtocolError(f"malformed tick: {exc}") from exc


def encode_output(output: GameOutput) -> bytes:
    """An output as `encode_delivery` wants it. Raises `LocalProtocolError` if it holds what cannot travel."""
    if type(output) is Structured:  # only its data may hold anything but strings, numbers and truth values
        return pack_body(pack_output(output))
    try:
        return _pack(pack_output(output))
    except (TypeError, ValueError, OverflowError) as error:
        raise LocalProtocolError(f"cannot send this {type(output).__name__}: {error}") from error


def decode_output(encoded: bytes) -> GameOutput:
    """The output that `encode_output` encoded. Raises `RemoteProtocolError` for anything else."""
    return unpack_output(unpack_body(encoded))


def encode_state(update: EntityStateUpdate, sessions: list[SessionId]) -> bytes:
    """One entry of a tick's states. Raises `LocalProtocolError` if its data holds what cannot travel."""
    return pack_body(_pack_state(update, sessions))


def encode_delivery(encoded_output: bytes, sessions: list[SessionId], numbers: list[int]) -> bytes:
    """One entry of a tick's outputs: an output of `encode_output` for those sessions."""
    return b"".join((_ARRAY_OF_3, encoded_output, _pack(sessions), _pack(numbers)))


def encode_tick(
    number: int,
    *,
    more: bool,
    acks: Sequence[CommandResult] = (),
    outputs: Sequence[bytes] = (),
    states: Sequence[bytes] = (),
    ends: Sequence[SessionEnded] = (),
) -> bytes:
    """The body of a tick event, from what `encode_delivery` and `encode_state` made. For `frames.encode_event`."""
    return b"".join(
        (
            _ARRAY_OF_6,
            _pack(number),
            _pack(more),
            _pack([_pack_result(result) for result in acks]),
            _array_header(len(outputs)),
            *outputs,
            _array_header(len(states)),
            *states,
            _pack([_pack_end(end) for end in ends]),
        )
    )


_pack: Callable[[Any], bytes] = msgpack.Packer().pack
_array_header: Callable[[int], bytes] = msgpack.Packer().pack_array_header
_ARRAY_OF_3 = _array_header(3)
_ARRAY_OF_6 = _array_header(6)


def _pack_state(update: EntityStateUpdate, sessions: list[SessionId]) -> list[Any]:
    return [update.kind.value, update.name, update.data, sessions]


def _pack_end(end: SessionEnded) -> list[Any]:
    return [end.session, end.reason.value, end.text]


def _pack_result(result: CommandResult) -> list[Any]:
    if result.error is None:
        return [result.session, result.applied]
    return [result.session, result.applied, result.error.code.value, result.error.text]


def _unpack_result(value: Any) -> CommandResult:
    session, applied, *error = value
    _check_id(session)
    _check_number(applied)
    if not error:
        return CommandResult(session, applied)
    code, text = error
    return CommandResult(session, applied, CommandError(CommandErrorCode(code), _string(text)))


def _unpack_delivery(value: Any) -> Delivery:
    output, sessions, numbers = value
    _check_sessions(sessions)
    if type(numbers) is not list or len(sessions) != len(numbers):
        raise ValueError("an output needs one number for each session")
    for number in numbers:
        _check_number(number)
    return Delivery(unpack_output(output), sessions, numbers)


def _unpack_state(value: Any) -> StateDelivery:
    kind, name, data, sessions = value
    _check_sessions(sessions)
    return StateDelivery(EntityStateUpdate(StateUpdateType(kind), _map(data), _string(name)), sessions)


def _unpack_end(value: Any) -> SessionEnded:
    session, reason, text = value
    _check_id(session)
    return SessionEnded(session, DisconnectReason(reason), _string(text))


def _check_sessions(value: Any) -> None:
    if type(value) is not list:
        raise TypeError("sessions must be a list")
    for session in value:
        _check_id(session)


# Each event's kind, with the two functions for its body.
_HAND_WRITTEN: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    Commands.KIND: (pack_commands, unpack_commands),
    Acks.KIND: (pack_acks, unpack_acks),
    Tick.KIND: (pack_tick, unpack_tick),
}
_STRUCTURED: dict[str, type[Any]] = {cls.KIND: cls for cls in (SessionDisconnected, ClientChanged, Drain)}

AnyEvent = SessionDisconnected | ClientChanged | Acks | Commands | Tick | Drain


def pack_event(event: AnyEvent) -> Any:
    """The body of an event's frame; its kind is `event.KIND`."""
    hand_written = _HAND_WRITTEN.get(event.KIND)
    return hand_written[0](event) if hand_written else unstructure(event)


def unpack_event(kind: str, body: Any) -> AnyEvent:
    """The event of that kind. Raises `UnknownEvent`, or `RemoteProtocolError` for a malformed body."""
    if kind in _HAND_WRITTEN:
        return _HAND_WRITTEN[kind][1](body)  # type: ignore[no-any-return]
    if kind in _STRUCTURED:
        return structure(_STRUCTURED[kind], body)  # type: ignore[no-any-return]
    raise UnknownEvent(kind)
