"""A gateway for tests of the world: the real peer over a memory stream, with everything that arrives kept.

It may be linked any number of times, to one world after the other. At the beginning of each link it says what it has, and it sends again
what was not applied, as a gateway does.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import attrs
import trio
import trio.testing

from wyld_rpc import wire
from wyld_rpc.errors import LinkClosed, RpcError
from wyld_rpc.frames import Event, Request
from wyld_rpc.messages import (
    MAX_REPORTS,
    METHODS,
    AccountId,
    Acks,
    AuthResult,
    CharacterCreationData,
    CharacterInfo,
    CharacterList,
    CharacterSelected,
    Command,
    CommandResult,
    Commands,
    CreateAccount,
    CreateCharacter,
    DisconnectReason,
    Drain,
    EntityId,
    EntityStateUpdate,
    FormattedText,
    GameOutput,
    ListCharacters,
    PositionList,
    Positions,
    RoomDescription,
    SelectCharacter,
    SessionDisconnected,
    SessionEnded,
    SessionId,
    SessionReport,
    Tick,
)
from wyld_rpc.numbering import Epoch
from wyld_rpc.peer import Peer, open_gateway_side
from wyld_world.running import RunningWorld

KEY = b"the key of these tests, 32 bytes"
PASSWORD = "correct horse"
PATIENCE = 20 * 60.0
"""Seconds of virtual time: longer than anything in the world takes."""

T = TypeVar("T")


def words(output: GameOutput) -> str:
    """What a player would read of an output."""
    match output:
        case RoomDescription():
            return "\n".join((output.name, output.description, *output.entities, *output.items))
        case FormattedText():
            return "".join(span.text for span in output.spans)
        case _:
            return str(getattr(output, "text", output))


@attrs.define(eq=False)
class FakeSession:
    """One session of a fake gateway, with all that it got, in order."""

    gateway: FakeGateway
    id: SessionId
    account_id: AccountId
    generation: int = 1
    typed: int = 0
    outputs: list[tuple[int, GameOutput]] = attrs.field(factory=list)
    states: list[EntityStateUpdate] = attrs.field(factory=list)
    acks: list[CommandResult] = attrs.field(factory=list)
    ended: SessionEnded | None = None
    character_id: EntityId | None = None
    epoch: bytes = b""
    confirmed: int = 0
    attached: bool = True
    unacked: list[Command] = attrs.field(factory=list)
    agreed: int = 0
    """Up to which number the world has said that commands are applied when the last link began."""

    @property
    def lines(self) -> list[str]:
        return [words(output) for _, output in self.outputs]

    @property
    def applied(self) -> int:
        return max((ack.applied for ack in self.acks), default=self.agreed)

    @property
    def received(self) -> int:
        return self.outputs[-1][0] if self.outputs else 0

    def report(self) -> SessionReport:
        kept = [wire.encode_output(output) for number, output in self.outputs if number > self.confirmed]
        assert self.character_id is not None
        return SessionReport(
            self.id,
            self.generation,
            self.account_id,
            self.character_id,
            self.epoch,
            self.applied,
            self.received,
            self.confirmed,
            self.attached,
            kept=tuple(kept),
        )

    def take(self, number: int, output: GameOutput) -> None:
        """Take an output as a gateway does: what is known already is dropped, and nothing may be missing."""
        if number > self.received:
            assert number == self.received + 1 or not self.outputs
            self.outputs.append((number, output))
        else:
            self.gateway.repeated.append((self.id, number))

    def type(self, *lines: str) -> None:
        """Send lines as one batch of commands; without a link they are sent when the next one has begun."""
        commands = [self.next_command(line) for line in lines]
        self.unacked += commands
        if self.gateway.settled:
            self.gateway.send_commands(*commands)

    def next_command(self, line: str) -> Command:
        self.typed += 1
        return Command(self.id, self.generation, self.typed, line)

    async def sees(self, text: str) -> str:
        """Wait for a line that holds `text`, among all that ever came."""
        return await self.gateway.until(lambda: next((line for line in self.lines if text in line), None))

    def disconnect(self, reason: DisconnectReason = DisconnectReason.NETWORK_ERROR) -> None:
        self.gateway.notify(SessionDisconnected(self.id, self.generation, reason))


@attrs.define(eq=False)
class FakeGateway:
    """The gateway's end of one link.

    Attributes:
        ticks: As they came, continued ones joined.
        repeated: Outputs that came a second time.
        settled: Whether both sides know where they stand, on the link that there is.
        batch: Sessions in one request for positions.
        acknowledge: Whether ticks are acknowledged as they come.
        lost: Why the link has ended, if it broke.
    """

    id: bytes = attrs.field(factory=lambda: secrets.token_bytes(16))
    epoch: Epoch = attrs.field(factory=lambda: Epoch(secrets.token_bytes(8)))
    acknowledge: bool = True
    sessions: dict[SessionId, FakeSession] = attrs.field(factory=dict)
    ticks: list[Tick] = attrs.field(factory=list)
    repeated: list[tuple[SessionId, int]] = attrs.field(factory=list)
    settled: bool = False
    batch: int = MAX_REPORTS
    parts: int = 0
    lost: str | None = None
    drains: list[Drain] = attrs.field(factory=list)
    _peer: Peer | None = None
    _begun: list[Tick] = attrs.field(factory=list)
    _news: trio.Event = attrs.field(factory=trio.Event)

    @asynccontextmanager
    async def linked(self, world: RunningWorld) -> AsyncIterator[FakeGateway]:
        """Link to a world for as long as the block lasts, or until the link breaks: see `lost`."""
        ours, theirs = trio.testing.memory_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.serve_link, theirs)
            async with self.over(ours):
                yield self

    @asynccontextmanager
    async def over(self, stream: trio.abc.Stream) -> AsyncIterator[FakeGateway]:
        """The same over a stream that leads to a world."""
        async with trio.open_nursery() as nursery:
            leave = trio.Event()
            self.lost = None
            await nursery.start(self._stay_linked, stream, leave)
            await self.settle()
            yield self
            leave.set()

    async def _stay_linked(
        self, stream: trio.abc.Stream, leave: trio.Event, *, task_status: trio.TaskStatus[None]
    ) -> None:
        opening = open_gateway_side(
            stream, key=KEY, gateway_id=self.id, gateway_epoch=self.epoch, handler=self
        )
        opened = False
        try:
            async with opening as self._peer:
                opened = True
                task_status.started()
                await leave.wait()
        except LinkClosed as error:
            self.lost = error.reason
            self._news.set()
        finally:
            self.settled = False
            self._begun.clear()
            if not opened:
                task_status.started()

    async def settle(self) -> None:
        """Say what we have, and send again what was not applied. Nothing happens if the link breaks meanwhile."""
        playing = [each for each in self.sessions.values() if each.character_id and each.ended is None]
        while self.lost is None:
            batch, playing = playing[: self.batch], playing[self.batch :]
            reports = tuple(session.report() for session in batch)
            try:
                answer = await self.call("positions", Positions(self.applied, reports, bool(playing)))
            except LinkClosed:
                return
            self._take_positions(answer)
            if not playing:
                self.settled = True
                return

    def _take_positions(self, answer: PositionList) -> None:
        for ended in answer.ended:
            self.sessions[ended.session].ended = ended
        for positions in answer.sessions:
            session = self.sessions[positions.session]
            session.agreed = positions.applied
            session.unacked = [command for command in session.unacked if command.number > positions.applied]
            if session.unacked:
                self.send_commands(*session.unacked)

    @property
    def applied(self) -> int:
        return self.ticks[-1].number if self.ticks else 0

    # ------------------------------------------------------------------------------------- asking

    async def call(self, method: str, params: Any) -> Any:
        """Call and return the result, or raise the `CallError` that is the answer."""
        assert self._peer is not None
        _, result, _ = METHODS[method]
        try:
            return wire.structure(result, await self._peer.call(method, wire.unstructure(params)))
        except RpcError as error:
            refusal = wire.error_from_wire(error.code, error.message, error.data)
            raise (refusal or error) from error

    async def create_account(self, name: str) -> FakeSession:
        session = SessionId(secrets.token_bytes(16))
        request = CreateAccount(AccountId(secrets.token_bytes(16)), session, name, PASSWORD, "192.0.2.7:5")
        result: AuthResult = await self.call("create_account", request)
        self.sessions[session] = FakeSession(self, session, result.account_id)
        return self.sessions[session]

    def session_of(self, account_id: AccountId) -> FakeSession:
        """A further session of an account."""
        session = SessionId(secrets.token_bytes(16))
        self.sessions[session] = FakeSession(self, session, account_id)
        return self.sessions[session]

    async def create_character(self, session: FakeSession, name: str) -> CharacterInfo:
        listed: CharacterList = await self.call(
            "list_characters", ListCharacters(session.id, session.account_id)
        )
        data = creation_data(listed, name)
        request = CreateCharacter(EntityId(secrets.token_bytes(16)), session.id, session.account_id, data)
        info: CharacterInfo = await self.call("create_character", request)
        return info

    async def select(self, session: FakeSession, character: EntityId) -> CharacterSelected:
        request = SelectCharacter(session.id, session.generation, session.account_id, character)
        selected: CharacterSelected = await self.call("select_character", request)
        session.character_id, session.epoch = character, selected.positions.epoch
        return selected

    async def play(self, name: str) -> FakeSession:
        """A new account with a new character of the same name, in play."""
        session = await self.create_account(f"{name}s-account")
        await self.select(session, (await self.create_character(session, name)).id)
        return session

    # -------------------------------------------------------------------------------------- telling

    def notify(self, event: Any) -> None:
        assert self._peer is not None
        self._peer.notify(event.KIND, wire.pack_event(event))

    def send_commands(self, *commands: Command) -> None:
        self.notify(Commands(commands))

    # ------------------------------------------------------------------------------------- hearing

    async def until(self, get: Any) -> Any:
        """Wait until `get()` gives something true, and return that; looks whenever something comes in."""
        with trio.fail_after(PATIENCE):
            while not (value := get()):
                await self._news.wait()
        return value

    def on_request(self, request: Request) -> None:
        raise AssertionError(f"the world asks: {request}")

    def on_event(self, event: Event) -> None:
        message = wire.unpack_event(event.kind, event.body)
        if isinstance(message, Drain):
            self.drains.append(message)
        else:
            assert isinstance(message, Tick)
            self._take(message)
        self._news.set()
        self._news = trio.Event()

    def _take(self, part: Tick) -> None:
        self.parts += 1
        self._begun.append(part)
        if part.more:
            return
        parts, self._begun = self._begun, []
        assert {each.number for each in parts} == {self.applied + 1}
        tick = Tick(
            part.number,
            [ack for each in parts for ack in each.acks],
            [output for each in parts for output in each.outputs],
            [state for each in parts for state in each.states],
            [end for each in parts for end in each.disconnects],
        )
        self.ticks.append(tick)
        self._apply(tick)
        if self.acknowledge:
            self.notify(Acks(tick.number))

    def _apply(self, tick: Tick) -> None:
        for delivery in tick.outputs:
            for session, number in zip(delivery.sessions, delivery.numbers, strict=True):
                self.sessions[session].take(number, delivery.output)
        for state in tick.states:
            for session in state.sessions:
                self.sessions[session].states.append(state.update)
        for ack in tick.acks:
            session = self.sessions[ack.session]
            session.acks.append(ack)
            session.unacked = [command for command in session.unacked if command.number > ack.applied]
        for end in tick.disconnects:
            self.sessions[end.session].ended = end


def creation_data(listed: CharacterList, name: str) -> CharacterCreationData:
    """The first of everything, with the points spent from the first attribute on."""
    choices = listed.choices
    attributes = {choice.name: choices.attribute_minimum for choice in choices.attributes}
    points = choices.attribute_points
    for attribute in attributes:
        spent = min(points, choices.attribute_maximum - choices.attribute_minimum)
        attributes[attribute] += spent
        points -= spent
    return CharacterCreationData(name, choices.races[0].name, choices.classes[0].name, attributes)
