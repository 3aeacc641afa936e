"""NAWS, the window size (RFC 1073): four bytes, width and height as 16-bit big endian numbers, again at every
resize.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from wyld_gateway.telnet.constants import OptionCode
from wyld_gateway.telnet.errors import RemoteProtocolError
from wyld_gateway.telnet.events import Event, Side, WindowSize
from wyld_gateway.telnet.options.base import TelnetOption

# Text wrapped to fewer columns than this is unreadable; no window is larger than the upper ends.
MIN_WIDTH, MAX_WIDTH = 20, 500
MIN_HEIGHT, MAX_HEIGHT = 5, 500

_BODY = struct.Struct("!HH")


class NegotiateAboutWindowSize(TelnetOption):
    """See the module."""

    __slots__ = ()

    code = OptionCode.WINDOW_SIZE
    offered = Side.REMOTE
    accepted = frozenset({Side.REMOTE})

    def received(self, body: bytes) -> Sequence[Event]:
        """Take a window size; 0 means that the client leaves that dimension to us."""
        if len(body) != _BODY.size:
            raise RemoteProtocolError(f"a window size has {_BODY.size} bytes, not {len(body)}")
        width, height = _BODY.unpack(body)
        return (
            WindowSize(
                _clamped(width, MIN_WIDTH, MAX_WIDTH),
                _clamped(height, MIN_HEIGHT, MAX_HEIGHT),
            ),
        )


def encode_window_size(width: int, height: int) -> bytes:
    """The body that a client sends, 0 to 65535 each; 0 leaves a dimension open."""
    return _BODY.pack(width, height)


def _clamped(value: int, low: int, high: int) -> int | None:
    return max(low, min(value, high)) if value else None
