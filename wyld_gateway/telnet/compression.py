"""The compressed halves of a telnet stream: zlib (RFC 1950) as the MCCP protocols of MUD clients use it.

What a client inflates is its own affair; what we inflate is bounded: a stream may swell to `Inflater`'s ratio of what was sent and
some allowance, and comes out in pieces of at most `PIECE` bytes, so that no input costs more memory than that. Pure.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from wyld_gateway.telnet.errors import RemoteProtocolError

# With these zlib holds some 40 KiB for a connection instead of 270; text of a game is not compressed worse for it.
_LEVEL, _WINDOW_BITS, _MEMORY_LEVEL = 6, 12, 5

#: Bytes of inflated input that are looked at together.
PIECE = 4096

#: Bytes that a stream may swell to whatever its ratio: a pasted walk of a thousand equal steps.
ALLOWANCE = 16 * 1024


class Compressor:
    """One compressed stream to the client."""

    __slots__ = ("_stream",)

    def __init__(self) -> None:
        self._stream = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW_BITS, _MEMORY_LEVEL)

    def batch(self, data: bytes) -> bytes:
        """Bytes from which the client can inflate all of `data` at once."""
        return self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)

    def end(self, data: bytes) -> bytes:
        """`data` and the end of the stream. Nothing may be compressed afterwards."""
        return self._stream.compress(data) + self._stream.flush(zlib.Z_FINISH)


class Inflater:
    """One compressed stream of the client."""

    __slots__ = ("_given", "_ratio", "_stream", "_taken")

    def __init__(self, ratio: int) -> None:
        """`ratio`: how many times larger than what was sent the whole may become, `ALLOWANCE` not counted."""
        self._stream = zlib.decompressobj()
        self._ratio = ratio
        self._taken = 0
        self._given = 0

    def inflate(self, data: bytes) -> Iterator[bytes]:
        """What the next bytes of the stream hold, in pieces of 1 to `PIECE` bytes.

        Raises `RemoteProtocolError` where they are no zlib stream, or swell beyond measure.
        """
        self._taken += len(data)
        try:
            while piece := self._stream.decompress(data, PIECE):
                data = self._stream.unconsumed_tail
                self._given += len(piece)
                if self._given > ALLOWANCE + self._ratio * self._taken:
                    raise RemoteProtocolError("a compressed stream swells beyond measure")
                yield piece
        except zlib.error as error:
            raise RemoteProtocolError(f"not a compressed stream: {error}") from error

    @property
    def ended(self) -> bool:
        """Whether the client has ended the stream."""
        return self._stream.eof

    @property
    def rest(self) -> bytes:
        """What came behind the end of the stream."""
        return self._stream.unused_data
