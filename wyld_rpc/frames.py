"""Frames of the link: a u32 big-endian length, then one msgpack array of that many bytes.

    [0, id, method, params]   a request       id: 0 to 2**63 - 1, chosen by the caller, never used twice on a link
    [1, id, error, result]    its response    error: nil, or [code, message, data] and then result is nil
    [2, kind, body]           an event        has no answer

Method names, event kinds and error codes are strings of 1 to 64 characters.  `params`, `result`, `data` and
`body` are *values*: nil, booleans, integers from -2**63 to 2**64 - 1, floats, valid UTF-8 strings, byte
strings, arrays, and maps whose keys are strings; at most `MAX_DEPTH` containers deep and `MAX_ITEMS` long.
Extension types, and so msgpack's timestamps, are refused (msgpack specification, "Extension types").

`encode` refuses exactly what `FrameDecoder` refuses, so that nothing that came from a player and passes
through one end can end the link at the other.

Pure: no I/O, no clock.  What a method or an event means is none of this module's business.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import attrs
import msgpack

from wyld_rpc.errors import LocalProtocolError, RemoteProtocolError

# A recursive union would be exact and useless: list[str] is not a list[Value] to a type checker.
Value: TypeAlias = Any

MAX_FRAME: Final = 1024 * 1024
"""Bytes after the length: room for the largest tick, and what one hostile length can make us hold."""
MAX_DEPTH: Final = 32
"""Containers inside each other: low enough that code which walks, compares or prints a value may recurse."""
MAX_ITEMS: Final = 65_536
"""Entries of one array or map: msgpack reserves memory for as many as a header claims, at every depth."""
MAX_NAME: Final = 64
"""Characters of a method name, an event kind or an error code."""
MAX_ID: Final = 2**63 - 1
"""Enough that no link lives to see it, so that ids need no wrapping."""

_REQUEST: Final = 0
_RESPONSE: Final = 1
_EVENT: Final = 2

_LENGTH: Final = struct.Struct(">I")
_EVENT_PREFIX: Final = bytes((0x93, _EVENT))  # an array of three, then the event's tag
_SCALARS: Final = frozenset({type(None), bool, int, float, str, bytes})
_PACKER: Final = msgpack.Packer()


@attrs.frozen
class Request:
    """Asks the other end to do something and to answer with the same `id`."""

    id: int
    method: str
    params: Value


@attrs.frozen
class Failure:
    """Why a request was not carried out: `code` for programs, `message` for people."""

    code: str
    message: str
    data: Value = None


@attrs.frozen
class Response:
    """The answer to the request with this `id`: `error`, or else `result`."""

    id: int
    error: Failure | None
    result: Value


@attrs.frozen
class Event:
    """Tells the other end something; there is no answer."""

    kind: str
    body: Value


Frame: TypeAlias = Request | Response | Event


def encode(frame: Frame) -> bytes:
    """Return the bytes of one frame, length included.

    Raises:
      LocalProtocolError: the frame is longer than `MAX_FRAME` or holds what is not a value.
    """
    array: tuple[Value, ...]
    if type(frame) is Request:
        array = (_REQUEST, frame.id, frame.method, frame.params)
    elif type(frame) is Response:
        error = frame.error
        failure = None if error is None else (error.code, error.message, error.data)
        array = (_RESPONSE, frame.id, failure, frame.result)
    elif type(frame) is Event:
        array = (_EVENT, frame.kind, frame.body)
    else:
        raise LocalProtocolError(f"{type(frame).__name__} is not a frame")
    try:
        _parse(array)
    except ValueError as error:
        raise LocalProtocolError(f"cannot send this {type(frame).__name__}: {error}") from error
    return _with_length(_pack(array))


def pack_body(body: Value) -> bytes:
    """Return the msgpack bytes of one value, to be sent to many with `encode_event`.

    Raises:
      LocalProtocolError: it is not a value.
    """
    try:
        # One container deep already: the body will lie inside the array of its frame.
        _check((body,), MAX_DEPTH)
    except ValueError as error:
        raise LocalProtocolError(f"cannot send this body: {error}") from error
    return _pack(body)


def unpack_body(packed: bytes) -> Value:
    """Return the value that `pack_body` packed.

    Raises:
      RemoteProtocolError: these are not the bytes of one value.
    """
    try:
        body = _unpack(packed)
        _check((body,), MAX_DEPTH)
    except ValueError as error:
        raise RemoteProtocolError(f"malformed body: {error}") from error
    return body


def encode_event(kind: str, packed: bytes) -> bytes:
    """Return the bytes of an event whose body `pack_body` has packed already; the body is trusted.

    Raises:
      LocalProtocolError: the kind is not a name, or the frame is longer than `MAX_FRAME`.
    """
    try:
        name = _name(kind, "event kind")
    except ValueError as error:
        raise LocalProtocolError(str(error)) from error
    return _with_length(_EVENT_PREFIX + _pack(name) + packed)


class FrameDecoder:
    """Turns the bytes of one direction of a link into frames, however they are cut.

    Give it what was read with `receive_data`, then call `next_frame` until it returns None.  It holds at most
    `max_frame` bytes, their length and one read.  After a RemoteProtocolError the stream has no more meaning:
    every later `next_frame` raises the same sentence.

    Args:
      max_frame: the longest frame that is accepted, in bytes after the length.
    """

    __slots__ = ("_buffer", "_failure", "_max_frame")

    def __init__(self, max_frame: int = MAX_FRAME) -> None:
        self._max_frame = max_frame
        self._buffer = bytearray()
        self._failure: str | None = None

    def receive_data(self, data: bytes | bytearray) -> None:
        """Add bytes as they arrived.

        Raises:
          LocalProtocolError: a whole frame is still inside; taking more would break the bound on memory.
        """
        if len(self._buffer) >= _LENGTH.size + self._max_frame:
            raise LocalProtocolError("call next_frame until it returns None before giving more data")
        self._buffer += data

    def next_frame(self) -> Frame | None:
        """Return the next whole frame, or None when more bytes are needed.

        Raises:
          RemoteProtocolError: the bytes are no frame.  A length over the limit is refused as soon as it is
            known, before its frame has arrived.
        """
        if self._failure is not None:
            raise RemoteProtocolError(self._failure)
        buffer = self._buffer
        if len(buffer) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(buffer)
        end = _LENGTH.size + length
        try:
            if length > self._max_frame:
                raise ValueError(f"a frame of {length} bytes; at most {self._max_frame} are allowed")
            if len(buffer) < end:
                return None
            frame = _parse(_unpack(buffer[_LENGTH.size : end]))
        except ValueError as error:
            self._failure = f"malformed frame: {error}"
            raise RemoteProtocolError(self._failure) from error
        del buffer[:end]
        return frame

    def unread(self) -> bytes:
        """Return the bytes that no frame has been made of yet: whatever follows the last frame."""
        return bytes(self._buffer)


# -- One array, both ways: each function raises ValueError with half a sentence ------------------------------


def _parse(array: Value) -> Frame:
    """Make the frame that `array` spells; every rule of the module docstring is checked here, for both ways."""
    _check(array, MAX_DEPTH)
    if type(array) is dict or not array or type(array[0]) is not int:
        raise ValueError("not an array that begins with a kind of frame")
    read = _READERS.get(array[0])
    if read is None:
        raise ValueError(f"unknown kind of frame {array[0]}")
    return read(array)


def _read_request(array: list[Value]) -> Request:
    if len(array) != 4:
        raise ValueError(f"a request has 4 elements, not {len(array)}")
    return Request(_id(array[1]), _name(array[2], "method"), array[3])


def _read_response(array: list[Value]) -> Response:
    if len(array) != 4:
        raise ValueError(f"a response has 4 elements, not {len(array)}")
    error, result = array[2], array[3]
    if error is None:
        return Response(_id(array[1]), None, result)
    if type(error) not in (list, tuple) or len(error) != 3 or type(error[1]) is not str:
        raise ValueError("an error is [code, message, data]")
    if result is not None:
        raise ValueError("a response has an error or a result, not both")
    return Response(_id(array[1]), Failure(_name(error[0], "error code"), error[1], error[2]), None)


def _read_event(array: list[Value]) -> Event:
    if len(array) != 3:
        raise ValueError(f"an event has 3 elements, not {len(array)}")
    return Event(_name(array[1], "event kind"), array[2])


_READERS: Final[dict[int, Callable[[list[Value]], Frame]]] = {
    _REQUEST: _read_request,
    _RESPONSE: _read_response,
    _EVENT: _read_event,
}


def _id(value: Value) -> int:
    if type(value) is not int or not 0 <= value <= MAX_ID:
        raise ValueError("an id is an integer from 0 to 2**63 - 1")
    return value


def _name(value: Value, what: str) -> str:
    if type(value) is not str or not 0 < len(value) <= MAX_NAME:
        raise ValueError(f"the {what} is not a string of 1 to {MAX_NAME} characters")
    return value


def _check(container: Value, depth: int) -> None:
    """Refuse a container, or anything in it, that is not a value.  `depth` is how many levels are left."""
    if depth == 0:
        raise ValueError(f"more than {MAX_DEPTH} containers inside each other")
    kind = type(container)
    if kind is dict:
        for key in container:
            if type(key) is not str:
                raise ValueError(f"a map key is a {type(key).__name__}; only strings are allowed")
    elif kind is not list and kind is not tuple:
        raise ValueError(f"{kind.__name__} is not a type that travels")
    if len(container) > MAX_ITEMS:
        raise ValueError(f"{len(container)} entries in one container; at most {MAX_ITEMS} are allowed")
    for value in container.values() if kind is dict else container:
        if type(value) not in _SCALARS:
            _check(value, depth - 1)


def _unpack(data: bytes | bytearray) -> Value:
    try:
        return msgpack.unpackb(data, max_array_len=MAX_ITEMS, max_map_len=MAX_ITEMS)
    except msgpack.FormatError as error:  # carries no text of its own
        raise ValueError("a byte that msgpack does not use") from error
    except msgpack.StackError as error:
        raise ValueError(f"more than {MAX_DEPTH} containers inside each other") from error


def _pack(value: Value) -> bytes:
    try:
        packed: bytes = _PACKER.pack(value)
    except (OverflowError, UnicodeEncodeError) as error:
        raise LocalProtocolError(f"cannot send this value: {error}") from error
    return packed


def _with_length(payload: bytes) -> bytes:
    if len(payload) > MAX_FRAME:
        raise LocalProtocolError(f"a frame of {len(payload)} bytes; at most {MAX_FRAME} are allowed")
    return _LENGTH.pack(len(payload)) + payload
