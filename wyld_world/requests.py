"""The engine's answers to the requests of gateways: the list of characters, creating, deleting and playing them, coming back.

Everything here runs inside a turn of the engine: synchronous, in order with the commands of the same link, and answered when the
turn is released. Passwords are not among it (`accounts.py`): they take time.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import Final

import attrs

from wyld_rpc.messages import (
    AccountId,
    CallError,
    CharacterDeleted,
    CharacterError,
    CharacterErrorCode,
    CharacterList,
    CharacterSelected,
    CreateCharacter,
    DeleteCharacter,
    DisconnectReason,
    ListCharacters,
    ReconnectError,
    ReconnectErrorCode,
    ReconnectResult,
    SelectCharacter,
    SessionEnded,
    SessionReconnected,
)
from wyld_rpc.numbering import ReceiveCursor, new_epoch
from wyld_world.attempts import Attempts
from wyld_world.committer import Committer
from wyld_world.errors import Undone
from wyld_world.gateways import Gateway, Params
from wyld_world.model import presence
from wyld_world.reconciling import REPLACED_TEXT
from wyld_world.sessions import Session, Sessions

UNPROTECTED_TEXT: Final = "The server cannot save anything at the moment. Please try again in a few minutes."
FAILED_TEXT: Final = (
    "That did not work because of a mistake in the server, which has been noted. Please try again."
)


@attrs.frozen
class Promise:
    """An answer that is true only once it is committed."""

    value: object


class Requests:
    """One method per request; `answer` finds it. A `CallError` that a method raises is its answer."""

    def __init__(
        self,
        attempts: Attempts,
        sessions: Sessions,
        committer: Committer,
        accounts: set[AccountId],
    ) -> None:
        self._attempts = attempts
        self._world = attempts.world
        self._sessions = sessions
        self._committer = committer
        self._accounts = accounts

    def answer(self, gateway: Gateway, params: Params) -> object:
        """The result, as it is or as a `Promise`, or the `CallError`."""
        try:
            return self._answer(gateway, params)
        except CallError as error:
            return error
        except Undone:
            return CharacterError(CharacterErrorCode.SERVER_ERROR, FAILED_TEXT)

    def _answer(self, gateway: Gateway, params: Params) -> object:
        match params:
            case ListCharacters():
                return CharacterList(self._world.summaries(params.account_id), self._world.choices)
            case CreateCharacter():
                return self._create_character(params)
            case DeleteCharacter():
                return self._delete_character(params)
            case SelectCharacter():
                return self._select_character(gateway, params)
            case SessionReconnected():
                return self._session_reconnected(gateway, params)

    def _create_character(self, params: CreateCharacter) -> Promise:
        self._refuse_unprotected()
        # The database would refuse a character of nobody, and a refused commit ends the world.
        if params.account_id not in self._accounts:
            raise CharacterError(CharacterErrorCode.NOT_FOUND, "There is no such account.")
        attempts = self._attempts
        create = self._world.create_character
        character = attempts.attempt("create_character", create, attempts.journal, attempts.wall, params)
        return Promise(self._world.info(character))

    def _delete_character(self, params: DeleteCharacter) -> Promise:
        self._refuse_unprotected()
        delete, journal = self._world.delete_character, self._attempts.journal
        character = self._attempts.attempt(
            "delete_character", delete, journal, params.account_id, params.character_id
        )
        return Promise(CharacterDeleted(character.name))

    def _select_character(self, gateway: Gateway, params: SelectCharacter) -> CharacterSelected:
        character = self._world.character(params.account_id, params.character_id)
        session = self._sessions.by_id.get(params.session)
        if session is not None and session.character is not character:
            raise CharacterError(
                CharacterErrorCode.IN_PLAY, f"This session plays {session.character.name} already."
            )
        if session is None:
            self._refuse_unprotected()
            holder = self._sessions.by_character.get(character.id)
            if holder is not None:
                self._attempts.outlet.end(holder, DisconnectReason.REPLACED, REPLACED_TEXT)
            session = Session(
                params.session, character, params.generation, ReceiveCursor(new_epoch(secrets.token_bytes))
            )
            self._sessions.begin(session, gateway)
        else:  # asked again, because the first answer was lost
            self._sessions.attach(session, gateway, max(session.generation, params.generation))
        try:
            self._attempts.act(
                character, presence.enter if character.location is None else presence.regain_link
            )
        except Undone:
            self._sessions.end(session)
            raise
        return CharacterSelected(self._world.info(character), session.positions)

    def _session_reconnected(self, gateway: Gateway, params: SessionReconnected) -> ReconnectResult:
        session = self._sessions.by_id.get(params.session)
        if session is None:
            raise ReconnectError(ReconnectErrorCode.SESSION_NOT_FOUND, "The session has ended.")
        if params.generation <= session.generation:
            raise ReconnectError(ReconnectErrorCode.STALE_GENERATION, "Another connection has this session.")
        if session.gateway is not None and session.gateway is not gateway:
            session.gateway.writer.end(SessionEnded(session.id, DisconnectReason.REPLACED, REPLACED_TEXT))
        self._sessions.attach(session, gateway, params.generation)
        for key, encoded in session.states.items():
            gateway.writer.state(session.id, key, encoded)
        # Within the debounce nobody has seen the player go, so nobody is told of the return.
        if session.character.linkdead:
            with suppress(Undone):
                self._attempts.act(session.character, presence.regain_link)
        return ReconnectResult(
            True, len(session.outputs), self._world.info(session.character), session.positions
        )

    def _refuse_unprotected(self) -> None:
        if self._committer.unprotected_since is not None:
            raise CharacterError(CharacterErrorCode.SERVER_ERROR, UNPROTECTED_TEXT)
