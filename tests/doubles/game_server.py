"""The echo game for tests that are not in Trio themselves: in a thread of its own.

Playwright's synchronous interface and Trio both want the thread they run in for themselves.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Final

import attrs
import trio

from doubles.echo_game import EchoGame, serve_echo_game

START_DEADLINE: Final = 10.0
"""Seconds until the port must be open."""


@attrs.define
class GameServer:
    """The echo game on a port that stays the same when it is stopped and started again."""

    game: EchoGame = attrs.field(factory=EchoGame)
    port: int = 0
    _token: trio.lowlevel.TrioToken | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @contextmanager
    def running(self) -> Iterator[None]:
        started: SimpleQueue[tuple[int, trio.lowlevel.TrioToken, trio.CancelScope]] = SimpleQueue()

        async def serve() -> None:
            with trio.CancelScope() as scope:
                async with serve_echo_game(self.game, self.port) as listener:
                    port = int(listener.address.rpartition(":")[2])
                    started.put((port, trio.lowlevel.current_trio_token(), scope))
                    await trio.sleep_forever()

        thread = threading.Thread(target=trio.run, args=(serve,), name="echo game")
        thread.start()
        self.port, self._token, scope = started.get(timeout=START_DEADLINE)
        try:
            yield
        finally:
            self._token.run_sync_soon(scope.cancel)
            thread.join()

    def happen(self, command: str) -> None:
        """Let something happen to everybody in play that nobody typed."""
        trio.from_thread.run(self.game.happen, command, trio_token=self._token)
