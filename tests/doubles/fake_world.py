"""A world for tests of the gateway: the real peer over memory streams, answers that a test can bend, ticks at its word.

By itself it behaves: accounts and characters can be made, a command is confirmed and echoed ("you: look"), a selected character gets
one line and a prompt. `away` refuses connections, `silent` leaves methods unanswered, `refusals` answers them with an error. What a
lost link swallowed it sends again.
"""

from __future__ import annotations

import secrets
from collections import Counter
from typing import Any

import attrs
import trio
import trio.testing

from wyld_rpc import wire
from wyld_rpc.frames import Event, Request
from wyld_rpc.messages import (
    METHODS,
    PROMPT,
    AccountId,
    Acks,
    Authenticate,
    AuthError,
    AuthErrorCode,
    AuthResult,
    CallError,
    CharacterDeleted,
    CharacterInfo,
    CharacterList,
    CharacterSelected,
    CharacterSummary,
    Choice,
    CommandResult,
    Commands,
    CreateAccount,
    CreateCharacter,
    CreationChoices,
    DeleteCharacter,
    Delivery,
    DisconnectReason,
    Drain,
    EntityId,
    EntityStateUpdate,
    GameOutput,
    ListCharacters,
    PositionList,
    Positions,
    SelectCharacter,
    SessionEnded,
    SessionId,
    SessionPositions,
    SessionReport,
    StateDelivery,
    StateUpdateType,
    Text,
    Tick,
)
from wyld_rpc.numbering import Epoch
from wyld_rpc.peer import Peer, open_world_side

KEY = "the key of these tests, 32 bytes"

EPOCH = b"epoch..1"

CHOICES = CreationChoices(
    races=(Choice("human", "as you know them"), Choice("elf", "tall and old")),
    classes=(Choice("fighter", "hits"), Choice("mage", "thinks")),
    attributes=(Choice("strength", "to lift"), Choice("agility", "to dodge"), Choice("mind", "to see")),
    attribute_minimum=8,
    attribute_maximum=14,
    attribute_points=9,
    description_limit=40,
)


@attrs.define(eq=False)
class Body:
    """A character and the session that has it."""

    id: EntityId
    account_id: AccountId
    name: str
    session: SessionId | None = None
    generation: int = 0


@attrs.define(eq=False)
class FakeWorld:
    """Attributes:
    commands: (session, number, text) of every command that arrived.
    events: Every other event that arrived.
    requests: Every request that arrived.
    agreements: What the gateway said at the beginning of each link; not among `requests`.
    echoes: Whether commands are confirmed and echoed as they come.
    """

    nursery: trio.Nursery
    away: bool = False
    echoes: bool = True
    agreements: list[Positions] = attrs.field(factory=list)
    silent: set[str] = attrs.field(factory=set)
    refusals: dict[str, CallError] = attrs.field(factory=dict)
    accounts: dict[str, tuple[AccountId, str]] = attrs.field(factory=dict)
    bodies: dict[EntityId, Body] = attrs.field(factory=dict)
    commands: list[tuple[SessionId, int, str]] = attrs.field(factory=list)
    batches: int = 0
    events: list[Any] = attrs.field(factory=list)
    requests: list[Any] = attrs.field(factory=list)
    connections: int = 0
    key: bytes = KEY.encode()
    _peer: Peer | None = None
    _scope: trio.CancelScope | None = None
    _tick: int = 0
    _unacked: list[Tick] = attrs.field(factory=list)
    _agreed: bool = False
    _sent: Counter[SessionId] = attrs.field(factory=Counter)
    _applied: Counter[SessionId] = attrs.field(factory=Counter)

    # -- Edges ---------------------------------------------------------------------------------------------------

    async def connect(self) -> trio.abc.Stream:
        """What a gateway calls to reach us."""
        await trio.lowlevel.checkpoint()
        self.connections += 1
        if self.away:
            raise OSError("Connection refused")
        ours, theirs = trio.testing.memory_stream_pair()
        self.nursery.start_soon(self.serve, ours)
        return theirs

    async def serve(self, stream: trio.abc.Stream) -> None:
        """The other end of one connection, for as long as it lasts."""
        opening = open_world_side(
            stream, key=self.key, world_epoch=Epoch(secrets.token_bytes(8)), handler=self
        )
        with trio.CancelScope() as self._scope:
            try:
                async with opening as self._peer:
                    self._agreed = False
                    await trio.sleep_forever()
            except Exception as error:
                self.events.append(error)

    def restart(self, *, away: bool = False) -> None:
        """Be gone without a word, and there again unless `away`, with everything that was known."""
        self.away = away
        self._agreed = False
        assert self._scope is not None
        self._scope.cancel()

    def restart_without_memory(self, *, away: bool = False) -> None:
        """The same, but forget who played."""
        self.restart(away=away)
        self._sent.clear()
        self._applied.clear()
        self._unacked.clear()
        for body in self.bodies.values():
            body.session = None

    # -- What a test lets it say ---------------------------------------------------------------------------------

    def tell(self, text: str, *names: str) -> None:
        """One output for these characters."""
        self.send(outputs=[self._delivery(Text(text), [self.session_of(name) for name in names])])

    def send(self, **parts: Any) -> None:
        """One tick; the keywords are those of `Tick`. Without a link it is sent over the next one."""
        self._tick += 1
        self._unacked.append(Tick(self._tick, **parts))
        if self._agreed:
            self.send_raw(self._unacked[-1])

    def send_raw(self, event: Any) -> None:
        assert self._peer is not None
        self._peer.notify(event.KIND, wire.pack_event(event))

    def drain(self, seconds: float = 0.0, reason: str = "") -> None:
        self.send_raw(Drain(seconds, reason))

    def end(self, name: str, reason: DisconnectReason, text: str = "") -> None:
        session = self.session_of(name)
        self.body(name).session = None
        self.send(disconnects=[SessionEnded(session, reason, text)])

    def confirm(self, session: SessionId, number: int) -> None:
        self._applied[session] = number
        self.send(acks=[CommandResult(session, number)])

    def reports(self) -> list[SessionReport]:
        """Where sessions stood, whenever the gateway has said it."""
        return [report for agreement in self.agreements for report in agreement.sessions]

    # -- What a test asks ----------------------------------------------------------------------------------------

    def add(self, account: str, password: str, *characters: str) -> None:
        account_id = AccountId(secrets.token_bytes(16))
        self.accounts[account.lower()] = (account_id, password)
        for name in characters:
            body = Body(EntityId(secrets.token_bytes(16)), account_id, name)
            self.bodies[body.id] = body

    def body(self, name: str) -> Body:
        return next(body for body in self.bodies.values() if body.name == name)

    def session_of(self, name: str) -> SessionId:
        session = self.body(name).session
        assert session is not None, f"{name} is not in play"
        return session

    def texts(self) -> list[str]:
        return [text for _, _, text in self.commands]

    def heard(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    # -- The link's handler --------------------------------------------------------------------------------------

    def on_event(self, event: Event) -> None:
        message = wire.unpack_event(event.kind, event.body)
        if isinstance(message, Acks):
            self._unacked = [tick for tick in self._unacked if tick.number > message.tick]
        if not isinstance(message, Commands):
            self.events.append(message)
            return
        self.batches += 1
        for command in message.commands:
            self.commands.append((command.session, command.number, command.text))
            if self.echoes and command.number == self._applied[command.session] + 1:
                self._applied[command.session] = command.number
                output = self._delivery(Text(f"you: {command.text}"), [command.session])
                self.send(outputs=[output], acks=[CommandResult(command.session, command.number)])

    def on_request(self, request: Request) -> None:
        params_class, _, _ = METHODS[request.method]
        params = wire.structure(params_class, request.params)
        if isinstance(params, Positions):
            self.agreements.append(params)
        else:
            self.requests.append(params)
        assert self._peer is not None
        if request.method in self.silent:
            return
        try:
            if request.method in self.refusals:
                raise self.refusals[request.method]
            self._peer.respond(request.id, wire.unstructure(self._answer(params)))
        except CallError as error:
            self._peer.respond_error(request.id, *wire.error_to_wire(error))

    def _answer(self, params: Any) -> Any:
        match params:
            case Authenticate(_, account, password, _):
                account_id, right = self.accounts.get(account.lower(), (None, None))
                if account_id is None or password != right:
                    raise AuthError(
                        AuthErrorCode.INVALID_CREDENTIALS, "That name and password do not go together."
                    )
                return AuthResult(account_id, account)
            case CreateAccount(account_id, _, account, password, _):
                known = self.accounts.setdefault(account.lower(), (account_id, password))
                if known[0] != account_id:
                    raise AuthError(AuthErrorCode.NAME_TAKEN, f"The name {account} is taken.")
                return AuthResult(account_id, account)
            case ListCharacters(_, account_id):
                return CharacterList(self._summaries(account_id), CHOICES)
            case CreateCharacter(character_id, _, account_id, data):
                self.bodies.setdefault(character_id, Body(character_id, account_id, data.name))
                return self._info(character_id)
            case DeleteCharacter(_, _, character_id):
                return CharacterDeleted(self.bodies.pop(character_id).name)
            case SelectCharacter():
                return self._select(params)
            case Positions():
                return self._agree(params)
        raise AssertionError(params)

    def _select(self, params: SelectCharacter) -> CharacterSelected:
        body = self.bodies[params.character_id]
        if body.session is not None and body.session != params.session:
            self.send(disconnects=[SessionEnded(body.session, DisconnectReason.REPLACED, "Taken over.")])
        body.session, body.generation = params.session, params.generation
        prompt = EntityStateUpdate(StateUpdateType.CUSTOM, {"text": "hp 9>"}, PROMPT)
        self.send(
            outputs=[self._delivery(Text(f"{body.name} wakes."), [params.session])],
            states=[
                StateDelivery(EntityStateUpdate(StateUpdateType.STATS, {"hp": 9}), [params.session]),
                StateDelivery(prompt, [params.session]),
            ],
        )
        positions = SessionPositions(params.session, EPOCH, 0, self._sent[params.session])
        return CharacterSelected(self._info(body.id), positions)

    def _agree(self, params: Positions) -> PositionList:
        if not self._agreed:
            self._agreed = True
            self._tick = max(self._tick, params.tick)
            for tick in self._unacked:
                if tick.number > params.tick:
                    self.send_raw(tick)
        playing = {body.session: body for body in self.bodies.values()}
        known = [report for report in params.sessions if report.session in playing]
        unknown = [report for report in params.sessions if report.session not in playing]
        for report in known:
            self._applied[report.session] = max(self._applied[report.session], report.acked)
            self._sent[report.session] = max(self._sent[report.session], report.received)
        return PositionList(
            tuple(
                SessionPositions(r.session, EPOCH, self._applied[r.session], self._sent[r.session])
                for r in known
            ),
            tuple(SessionEnded(r.session, DisconnectReason.SERVER_SHUTDOWN, "Unknown.") for r in unknown),
        )

    def _delivery(self, output: GameOutput, sessions: list[SessionId]) -> Delivery:
        self._sent.update(sessions)
        return Delivery(output, sessions, [self._sent[session] for session in sessions])

    def _summaries(self, account_id: AccountId) -> tuple[CharacterSummary, ...]:
        mine = [body for body in self.bodies.values() if body.account_id == account_id]
        return tuple(CharacterSummary(b.id, b.name, "human", "fighter", "the square", None) for b in mine)

    def _info(self, character_id: EntityId) -> CharacterInfo:
        name = self.bodies[character_id].name
        return CharacterInfo(character_id, name, "human", "fighter", {}, "", "the square", 0.0)
