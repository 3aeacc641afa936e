"""From the first screen to a character in play, for people who answer questions and for scripts that know them.

    first screen -> account and password -> character list -> in play

Every step can be said on one line, and lines may come before they are asked for. A wrong password leads back to the question, never
to the door; "quit" leaves anywhere. What the player chooses is asked for here; `asking` deals with a world or a database that is away,
`creation` with the questions about a new character, `entering` with the last step.

The session moves along (`sessions.lifecycle`): Authenticating at the first question, CharacterSelection, with a row, from the moment
the account is known, Playing at the end.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import partial
from typing import Final

from wyld_gateway import creation, limits
from wyld_gateway.adapter import CredentialsMessage
from wyld_gateway.asking import Asking
from wyld_gateway.client import Client
from wyld_gateway.dialogue import CredentialsGiven, Dialogue
from wyld_gateway.entering import enter_play
from wyld_gateway.errors import NoAnswer
from wyld_gateway.gateway import ID_BYTES, Gateway
from wyld_gateway.sessions.lifecycle import Move, State
from wyld_gateway.sessions.session import Session
from wyld_gateway.telnet.options import mssp
from wyld_rpc.messages import (
    AccountId,
    Authenticate,
    CallError,
    CharacterCreationData,
    CharacterInfo,
    CharacterList,
    CharacterSummary,
    CreateAccount,
    CreateCharacter,
    CreationChoices,
    DeleteCharacter,
    EntityId,
    ListCharacters,
)
from wyld_service.log import Event, get_logger

FIRST_SCREEN: Final = """\
For a screen reader, type //screenreader on.

Wyld

A world that keeps your place when your connection does not.

  connect <account> <password>    come in with an account that you have
  create <account> <password>     make a new account
  help, //help                    what else can be typed here
  quit                            leave

Or type the name of your account alone, and you are asked for the rest."""

HELP: Final = """\
  <account>                                    you are asked for the password
  connect <account> <password>                 to the list of your characters
  connect <account> <password> <character>     into the game at once
  create                                       a new account, question by question
  create <account> <password>                  a new account
  quit                                         leave"""

CHARACTER_HELP: Final = """\
  play <name or number>     into the game; the name or the number alone will do
  new <name>                a new character, question by question
  new <name> quick          a new character without questions
  delete <name>             delete a character for ever
  list                      your characters again
  quit                      leave"""

NO_CHARACTER: Final = (
    'You have no character yet. Type "new <name>" to make one, or "new <name> quick" to skip the questions.'
)
NOT_UNDERSTOOD: Final = 'That was not understood. Type "help" for what can be typed here.'
NO_ANSWER: Final = "That did not work: there was no answer. Please try again."
NOT_KEPT: Final = "What you typed meanwhile was not carried out."
TOO_LONG: Final = "That is too long for a name or a password."

_log = get_logger()


class Login:
    """One client's way into play; belongs to the connection's own task. Cancelled, the session stays in the state that it has.

    Args:
        gateway: Ours.
        client: Its `session` must be set, and in the state that the first method needs.
    """

    def __init__(self, gateway: Gateway, client: Client) -> None:
        self._gateway = gateway
        self._client = client
        self._dialogue = Dialogue(client)
        self._asking = Asking(gateway, client, self._dialogue)
        self._wanted = ""
        self._lines_are_commands = False
        self._without_questions = False
        self._characters: tuple[CharacterSummary, ...] = ()

    @property
    def _session(self) -> Session:
        assert self._client.session is not None
        return self._client.session

    @property
    def _account_id(self) -> AccountId:
        assert self._session.account_id is not None
        return self._session.account_id

    # -- Account ---------------------------------------------------------------------------------------------

    async def authenticate(self) -> None:
        """From Connecting until the account is known and the session has a row.

        Raises:
            ConnectionEnded: The client is gone, or said "quit".
        """
        self._gateway.registry.move(self._session, Move.GREET)
        self._dialogue.say(FIRST_SCREEN)
        self._dialogue.takes_credentials = True
        while self._session.state is State.AUTHENTICATING:
            self._wanted, self._without_questions = "", False
            try:
                await self._answer_at_door(await self._dialogue.ask("Account: "))
            except CredentialsGiven as given:
                await self._sign_in(given.credentials)
        self._dialogue.takes_credentials = False

    async def _answer_at_door(self, line: str) -> None:
        words = line.split()
        verb = words[0].lower() if words else ""
        match verb, words[1:]:
            case "", []:
                pass
            case "help" | "?", []:
                self._dialogue.say(HELP)
            case _, [] if words[0] == mssp.PLAIN_REQUEST:
                self._dialogue.say(mssp.in_lines(self._gateway.listing.status()))
            case "connect", [account, password]:
                await self._connect(account, password)
            case "connect", [account, password, character]:
                self._wanted = character
                await self._connect(account, password)
            case "connect", [account]:
                await self._connect(account, await self._ask_password("Password: "))
            case "create", [account, password]:
                await self._create(account, password)
            case "create", ([] | [_]) as name:
                await self._create_by_questions(name)
            case _, [] if verb != "connect":
                await self._connect(words[0], await self._ask_password("Password: "))
            case _:
                self._dialogue.say(NOT_UNDERSTOOD)

    async def _ask_password(self, prompt: str) -> str:
        return await self._dialogue.ask(prompt, secret=True)

    async def _create_by_questions(self, name: Sequence[str]) -> None:
        account = name[0] if name else await self._dialogue.ask("Name of the new account: ")
        if not account:
            return
        password = await self._ask_password("New password: ")
        if password == await self._ask_password("The same again: "):
            await self._create(account, password)
        else:
            self._dialogue.say("The two passwords were not the same. Nothing was made.")

    async def _connect(self, account: str, password: str) -> None:
        peer = self._client.adapter.peer
        await self._enter_account(Authenticate(self._session.id, account, password, peer))

    async def _sign_in(self, given: CredentialsMessage) -> None:
        """With what the client sent by itself; whoever has one character, or named one, is not asked for it either."""
        account, _, self._wanted = given.account.partition(" ")
        self._without_questions = True
        await self._connect(account, given.password)

    async def _create(self, account: str, password: str) -> None:
        peer, account_id = self._client.adapter.peer, AccountId(secrets.token_bytes(ID_BYTES))
        await self._enter_account(CreateAccount(account_id, self._session.id, account, password, peer))

    async def _enter_account(self, request: Authenticate | CreateAccount) -> None:
        if len(request.account) > limits.ACCOUNT_NAME or len(request.password) > limits.PASSWORD:
            self._refuse_login(TOO_LONG)
            return
        session = self._session
        try:
            result = await self._asking.world(request)
            session.account, session.account_id = result.account, result.account_id
            self._gateway.registry.move(session, Move.AUTHENTICATE)
            await self.store_session()
        except (CallError, NoAnswer) as error:
            _log.info(Event.AUTH_FAIL, peer=self._client.adapter.peer, reason=_reason(error))
            self._refuse_login(_words(error))
            return
        self._client.stage(self._client.adapter.encode_login_result(True, ""))
        _log.info(Event.SESS_CREATE, sid=session.short_id, peer=session.client_addr, account=session.account)
        self._dialogue.say(f"Welcome, {session.account}.")

    def _refuse_login(self, text: str) -> None:
        self._client.stage(self._client.adapter.encode_login_result(False, text))
        self._dialogue.say(text)

    async def store_session(self) -> None:
        """Give the session its row, waiting for the database if need be."""
        await self._asking.store(partial(self._gateway.store.create, self._session.row()))

    # -- After the world was lost ----------------------------------------------------------------------------

    async def come_back(self, old: Session) -> None:
        """With a new session to the account and, when the world is there, to the character of one that was lost with the world.

        Raises:
            ConnectionEnded: The client is gone.
        """
        session = self._gateway.new_session(self._client.adapter)
        session.account, session.account_id = old.account, old.account_id
        self._client.session, session.client = session, self._client
        self._gateway.registry.move(session, Move.GREET)
        self._gateway.registry.move(session, Move.AUTHENTICATE)
        self._asking.start_patience()
        self._wanted, self._lines_are_commands = old.character, True
        await self._asking.until_world_is_up(away="")
        await self.store_session()

    # -- Character -------------------------------------------------------------------------------------------

    async def choose(self) -> None:
        """From CharacterSelection until a character is in play.

        Raises:
            ConnectionEnded: The client is gone, or said "quit".
        """
        while self._session.state is not State.PLAYING:
            try:
                listing: CharacterList = await self._asking.world(
                    ListCharacters(self._session.id, self._account_id)
                )
            except (CallError, NoAnswer) as error:
                self._say_why(error)
                await self._dialogue.ask("Press Enter to try again: ")
                continue
            self._characters = listing.characters
            wanted, self._wanted = self._wanted, ""
            if self._without_questions and len(self._characters) == 1:
                wanted = wanted or self._characters[0].name
            self._without_questions = False
            if not wanted or not await self._play(wanted):
                self._forget_commands()
                self._show_characters()
                await self._choose_from(listing.choices)

    async def _choose_from(self, choices: CreationChoices) -> None:
        """Answer what is typed at the list, until a character is in play or the list is to be shown anew."""
        default = max(self._characters, key=lambda character: character.last_played or 0.0, default=None)
        prompt = f"Character [{default.name}]: " if default else "Character: "
        done = False
        while not done:
            words = (await self._dialogue.ask(prompt)).split()
            if not words and default is not None:
                words = ["play", default.name]
            done = await self._answer_at_list(words, choices)

    async def _answer_at_list(self, words: list[str], choices: CreationChoices) -> bool:
        verb = words[0].lower() if words else ""
        match verb, words[1:]:
            case "", []:
                return False
            case "help" | "?", []:
                self._dialogue.say(CHARACTER_HELP)
                return False
            case "list", []:
                return True
            case "play", [name]:
                return await self._play(name)
            case "new", [name]:
                return await self._make_by_questions(name, choices)
            case "new", [name, quick] if quick.lower() == "quick":
                return await self._make(creation.quick(name, choices))
            case "delete", [name]:
                return await self._delete(name)
            case _, []:
                return await self._play(words[0])
            case _:
                self._dialogue.say(NOT_UNDERSTOOD)
                return False

    def _forget_commands(self) -> None:
        """What was typed for the game must not answer the questions of the login."""
        if self._lines_are_commands and self._client.lines:
            self._client.lines.clear()
            self._dialogue.say(NOT_KEPT)
        self._lines_are_commands = False

    def _show_characters(self) -> None:
        if not self._characters:
            self._dialogue.say(NO_CHARACTER)
            return
        lines = [
            f"  {number}. {character.name}, {character.race} {character.character_class}, {character.location}"
            for number, character in enumerate(self._characters, 1)
        ]
        self._dialogue.say(
            "\n".join(["Your characters:", *lines, 'Type a number or a name to play, or "help".'])
        )

    def _find(self, name: str) -> CharacterSummary | None:
        """The character of that number or name; None, and the player told, if there is none."""
        if name.isascii() and name.isdecimal() and 1 <= int(name[:9]) <= len(self._characters):
            return self._characters[int(name[:9]) - 1]
        for character in self._characters:
            if character.name.lower() == name.lower():
                return character
        shown = name[: limits.CHARACTER_NAME]
        self._dialogue.say(f'You have no character named "{shown}". Type "help" for what can be typed here.')
        return None

    async def _play(self, name: str) -> bool:
        character = self._find(name)
        if character is None:
            return False
        try:
            await enter_play(
                self._gateway, self._client, self._asking, self._dialogue, self._session, character
            )
        except (CallError, NoAnswer) as error:
            self._say_why(error)
            return False
        return True

    async def _make_by_questions(self, name: str, choices: CreationChoices) -> bool:
        try:
            return await self._make(await creation.ask_for_all(self._dialogue, name, choices))
        except creation.GivenUp:
            self._dialogue.say("Nothing was made.")
            return False

    async def _make(self, data: CharacterCreationData) -> bool:
        if len(data.name) > limits.CHARACTER_NAME:
            self._dialogue.say(TOO_LONG)
            return False
        request = CreateCharacter(
            EntityId(secrets.token_bytes(ID_BYTES)), self._session.id, self._account_id, data
        )
        try:
            made: CharacterInfo = await self._asking.world(request)
        except (CallError, NoAnswer) as error:
            self._say_why(error)
            return False
        self._dialogue.say(f"{made.name} is ready.")
        return True

    async def _delete(self, name: str) -> bool:
        character = self._find(name)
        if character is None:
            return False
        self._dialogue.say(f"This deletes {character.name} and cannot be undone.")
        answer = await self._dialogue.ask(f'Type "{character.name}" to delete it, anything else to keep it: ')
        if answer.lower() != character.name.lower():
            self._dialogue.say(f"{character.name} stays.")
            return False
        try:
            await self._asking.world(DeleteCharacter(self._session.id, self._account_id, character.id))
        except (CallError, NoAnswer) as error:
            self._say_why(error)
            return False
        self._dialogue.say(f"{character.name} is gone.")
        return True

    def _say_why(self, error: CallError | NoAnswer) -> None:
        self._dialogue.say(_words(error))


def _words(error: CallError | NoAnswer) -> str:
    """For the player."""
    return error.text if isinstance(error, CallError) else NO_ANSWER


def _reason(error: CallError | NoAnswer) -> str:
    return str(error.code.value) if isinstance(error, CallError) else str(error)
