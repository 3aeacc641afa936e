"""Commands on their way from the players to the world: numbered, kept until they are confirmed, sent in fair turns.

Imports no trio. A command is in one of three places: in the session's window and not sent over the link of now, under way, or
confirmed and gone. When the link is lost, everything that is not confirmed is in the first place again.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from wyld_gateway import limits
from wyld_gateway.sessions.session import Session
from wyld_rpc.errors import WindowFull
from wyld_rpc.messages import Command

TURN: Final = 16
"""Commands of one session that are taken before it is the next one's turn, when not all can leave at once."""


class Submission(enum.Enum):
    """What became of a command."""

    TAKEN = "taken"
    DUPLICATE = "duplicate"
    """Its number was used before: it is under way, or done."""
    GAP = "gap"
    """A number before it is missing."""
    FULL = "full"
    """Too much is unconfirmed; it got no number."""


class Submissions:
    """For all sessions of one gateway.

    Args:
        clock: Seconds since 1970.

    Attributes:
        in_flight: Commands that left over the link of now and are not confirmed.
        sent: Commands that left, ever.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._unsent: deque[Session] = deque()
        self.in_flight = 0
        self.sent = 0

    @property
    def waiting(self) -> bool:
        """Whether anything is to be sent."""
        return bool(self._unsent)

    def submit(self, session: Session, text: str, number: int | None) -> Submission:
        """Take a command of a session in play, with the number that its client gave it or with the next one."""
        window = session.commands
        if number is not None and number != window.next:
            return Submission.DUPLICATE if number < window.next else Submission.GAP
        try:
            window.append(text, len(text) if text.isascii() else len(text.encode()), 0.0)
        except WindowFull:
            return Submission.FULL
        session.last_activity = self._clock()
        if session.sent + 1 == window.last:
            self._unsent.append(session)
        return Submission.TAKEN

    def begin_link(self, sessions: Iterable[Session]) -> None:
        """A link is there, and the world has said of all these sessions in play what it has applied: the rest is to be sent."""
        self._unsent = deque([session for session in sessions if session.sent < session.commands.last])

    def end_link(self, sessions: Iterable[Session]) -> None:
        """The link is lost. Nothing is taken before the next `begin_link`."""
        self._unsent.clear()
        self.in_flight = 0
        for session in sessions:
            session.unsend()

    def take(self) -> list[Command]:
        """As many commands as may be under way, in turns of the sessions that have some."""
        taken: list[Command] = []
        room = limits.IN_FLIGHT - self.in_flight
        while self._unsent and room > 0:
            session = self._unsent.popleft()
            if not session.in_play:
                continue
            items = session.commands.replay(session.sent).items
            share = items[: min(TURN, room)]
            taken += [Command(session.id, session.generation, number, text) for number, text in share]
            session.sent += len(share)
            session.left = max(session.left, session.sent)
            room -= len(share)
            if len(share) < len(items):
                self._unsent.append(session)
        self.in_flight += len(taken)
        self.sent += len(taken)
        return taken

    def confirm(self, session: Session, number: int) -> None:
        """The world has carried out all commands of a session up to `number`. Raises what `Session.applied` raises."""
        before = session.in_flight
        session.applied(number)
        self.in_flight -= before - session.in_flight

    def forget(self, session: Session) -> None:
        """The session is over, and nothing of it will be confirmed any more."""
        self.in_flight -= session.in_flight
