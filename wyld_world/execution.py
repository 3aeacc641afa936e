"""One command of one session: run it, leave it out, or undo it; acknowledge it in every case.

Its number is applied whatever becomes of it, because trying it again would end in the same way.
"""

from __future__ import annotations

from typing import Final

from wyld_rpc.messages import CommandError, CommandErrorCode, System
from wyld_service.log import Event, get_logger
from wyld_world.attempts import Attempts
from wyld_world.caution import Caution
from wyld_world.commands import perform
from wyld_world.errors import Undone
from wyld_world.sessions import Session, Sessions

FAILED_TEXT: Final = (
    "Something went wrong with that command. Nothing has changed, and the mistake has been noted."
)
SKIPPED_TEXT: Final = (
    "The world has ended twice at that command, so it was left out. The mistake has been noted."
)
_FAILED: Final = CommandError(CommandErrorCode.FAILED, FAILED_TEXT)
_SKIPPED: Final = CommandError(CommandErrorCode.SKIPPED, SKIPPED_TEXT)

_log = get_logger()


class Execution:
    """One for the whole engine, used in its turns.

    Attributes:
        commands: What has run, ever.
    """

    def __init__(self, attempts: Attempts, sessions: Sessions, caution: Caution) -> None:
        self.commands = 0
        self._attempts = attempts
        self._sessions = sessions
        self._caution = caution

    def run(self, session: Session, number: int, text: str) -> None:
        """Run a command whose number is accepted, and acknowledge it to the gateway that has the session, if there is one."""
        self.commands += 1
        self._sessions.changed.add(session)
        gateway, error = session.gateway, None  # the command may end the session
        if not self._caution.allows(session.id, number):
            error = self._leave_out(session)
        elif text:  # an empty command has only its number: its gateway has answered it, or dropped it
            error = self._perform(session, text)
        if gateway is None:
            return
        if error is None:
            gateway.writer.applied(session.id, number)
        else:
            gateway.writer.failed(session.id, number, error)

    def _perform(self, session: Session, text: str) -> CommandError | None:
        try:
            self._attempts.act(session.character, perform, text)
        except Undone:
            self._say(session, FAILED_TEXT)
            return _FAILED
        return None

    def _leave_out(self, session: Session) -> CommandError:
        _log.error(Event.CMD_FAILED, who=session.character.name, reason="two worlds have ended at it")
        self._say(session, SKIPPED_TEXT)
        return _SKIPPED

    def _say(self, session: Session, text: str) -> None:
        self._attempts.attempt("engine", self._attempts.outlet.send, (session.character,), System(text))
