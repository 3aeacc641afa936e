"""What players hear of a world that is away: that it will go, once that it went, from time to time that it still is, and that it is back.

- A break that is over within `QUIET` seconds tells nobody anything.
- `sweep` reminds whoever waits (`Client.wait`).
- "The world is back" stands before everything that the world says then, and tells what became of the lines that were kept. So from the
  moment when there is a link until those are carried out, the client is held (`Client.hold`), which is a moment.
"""

from __future__ import annotations

from typing import Final

import trio

from wyld_gateway.client import Client, Wait
from wyld_gateway.pool import Pool
from wyld_gateway.wording import restart_ahead
from wyld_rpc.messages import CommandErrorCode, CommandResult

QUIET: Final = 2.0
"""Seconds. Shorter breaks are not noticed by somebody who reads."""

SHOWN: Final = 10
"""Lines that are repeated to whoever typed them; of more, the newest ones."""

GOING: Final = "The world is restarting. You stay connected; what you type now is kept."
BACK: Final = "The world is back. "
MISSED_NOTHING: Final = BACK + "You missed nothing."


class Absence:
    """For everybody who plays at this gateway; synchronous, for the event loop's thread.

    Args:
        pool: The way to them.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._since: float | None = None
        self._warned = False

    def warn(self, seconds: float, reason: str) -> None:
        """The world will stop in so many seconds. Of several such warnings a screen reader hears the first."""
        for client, _ in self._pool.playing():
            if not (self._warned and client.adapter.metadata.screen_reader):
                client.notice(restart_ahead(seconds, reason))
                client.flush()
        self._warned = True

    def begin(self) -> None:
        """The link is lost, perhaps not for the first time since the world was there."""
        self._warned = False
        if self._since is None:
            self._since = trio.current_time()
        for client, _ in self._pool.playing():
            if client.wait is not None:
                client.release()

    def check(self, now: float) -> None:
        """Called about once a second; `now` is Trio's time."""
        if self._since is not None and now - self._since >= QUIET:
            self.announce()

    def announce(self) -> None:
        """Tell everybody that the world is going, or has gone, who has not heard it yet."""
        for client, _ in self._pool.playing():
            if client.wait is None:
                client.wait = Wait("the world", trio.current_time())
                client.notice(GOING)
                client.flush()

    def hold(self) -> None:
        """A new link is there, and nothing has been heard over it: what is kept now is what will be carried out."""
        for client, session in self._pool.playing():
            if client.wait is not None:
                client.hold()
                window = session.commands
                client.wait.kept = {
                    number: text for number, text in window.replay(window.acked).items if text
                }

    def end(self) -> None:
        """The world is back, and has said what it had applied: tell everybody who heard that it was away."""
        self._since = None
        for client, session in self._pool.playing():
            if client.wait is not None:
                self._tell_when_done(client, client.wait, session.commands.acked)

    def carried_out(self, client: Client, result: CommandResult) -> None:
        """Commands of a client with a `wait` are done."""
        wait = client.wait
        if wait is not None:
            if result.error is not None and result.error.code is CommandErrorCode.SKIPPED:
                wait.kept.pop(result.applied, None)
            if self._since is None and client.held:
                self._tell_when_done(client, wait, result.applied)

    def give_up(self, client: Client) -> None:
        """The client's session ended with the world; it is told so elsewhere."""
        client.wait = None
        client.release()

    def _tell_when_done(self, client: Client, wait: Wait, applied: int) -> None:
        if max(wait.kept, default=0) <= applied:
            client.wait = None
            client.release(client.adapter.encode_notice(_what_was_done(list(wait.kept.values()))))


def _what_was_done(lines: list[str]) -> str:
    if not lines:
        return MISSED_NOTHING
    done = "1 command was" if len(lines) == 1 else f"{len(lines)} commands were"
    which = ", the last ones" if len(lines) > SHOWN else ""
    return f"{BACK}{done} carried out{which}: {', '.join(lines[-SHOWN:])}."
