"""A real client program in a pseudo-terminal of its own: what a player at that terminal would type and read."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import trio

from doubles.players import Player

COLUMNS, ROWS = 100, 40

# Escape sequences of a terminal: CSI, OSC, and the ones of two or three bytes.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])")
_BEGUN_ESCAPE = re.compile(r"\x1b[^a-zA-Z\x07\\]*$")


class PtyPlayer(Player):
    """Attributes:
    ended: Set when the program is gone.
    """

    def __init__(self, terminal: trio.lowlevel.FdStream) -> None:
        super().__init__()
        self.ended = trio.Event()
        self._terminal = terminal
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""

    async def type(self, line: str) -> None:
        await self._terminal.send_all(line.encode() + b"\r")

    async def run(self) -> None:
        # When the last program on a pseudo-terminal is gone, Linux reports an I/O error.
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for chunk in self._terminal:
                text = self._pending + self._decoder.decode(chunk).replace("\r", "")
                whole = _BEGUN_ESCAPE.sub("", text)
                self._pending = text[len(whole) :]
                self._take(_ESCAPES.sub("", whole))
        self.ended.set()


@contextlib.asynccontextmanager
async def pty_player(command: Sequence[str], home: Path) -> AsyncIterator[PtyPlayer]:
    """Run a client; it is killed when the block is left.

    It sees a terminal of `COLUMNS` by `ROWS` that calls itself xterm-256color, and has `home` for its files.
    """
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    terminal = trio.lowlevel.FdStream(ours)
    environment = {**os.environ, "TERM": "xterm-256color", "HOME": str(home), "LANG": "C.UTF-8"}
    try:
        process = await trio.lowlevel.open_process(
            command, stdin=its, stdout=its, stderr=its, env=environment, cwd=home, start_new_session=True
        )
    finally:
        os.close(its)
    async with terminal, trio.open_nursery() as nursery:
        player = PtyPlayer(terminal)
        nursery.start_soon(player.run)
        try:
            yield player
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
        nursery.cancel_scope.cancel()
