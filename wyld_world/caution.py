"""What a world does differently after one that did not end in its own time: perhaps a command ended it, and would end this one too.

The first commands run one in a turn, and each is noted in the database before it runs. So when this world ends too, the next one knows which
command that was; one that was noted at two ends in a row is left out.
"""

from __future__ import annotations

from typing import Final

from wyld_rpc.messages import SessionId
from wyld_world.committer import Committer
from wyld_world.store import SavedWorld, Suspect

CAREFUL: Final = 200
"""Commands: what the gateways send again comes first, and each costs a commit."""
ENDS: Final = 2
"""Worlds in a row that may end at a command before it is left out: one may have been killed by chance while that command was next."""


class Caution:
    """One for the whole engine. It wears off with the commands that run.

    Args:
        saved: How the world before ended.
        committer: Writes the notes.
    """

    def __init__(self, saved: SavedWorld, committer: Committer) -> None:
        self._suspect = saved.suspect
        self._committer = committer
        self._left = 0 if saved.clean else CAREFUL

    @property
    def is_needed(self) -> bool:
        """Whether commands still have to be noted, and to run one in a turn."""
        return self._left > 0

    async def note(self, session: SessionId, number: int) -> None:
        """Return once it is noted that this command is about to run, or that nothing can be noted.

        Cancellation: it may have been noted or not.
        """
        await self._committer.note(Suspect(session, number, self._ends_at(session, number) + 1))

    def allows(self, session: SessionId, number: int) -> bool:
        """Whether a command may run, which counts as run; False for the one that has ended `ENDS` worlds."""
        if self._left:
            self._left -= 1
        return self._ends_at(session, number) < ENDS

    def _ends_at(self, session: SessionId, number: int) -> int:
        """How many worlds in a row have ended with this command noted."""
        suspect = self._suspect
        if suspect is None or (suspect.session, suspect.number) != (session, number):
            return 0
        return suspect.ends
