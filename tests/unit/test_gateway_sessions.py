"""The session's table of states, its row, the registry and the claims."""

from __future__ import annotations

import itertools

import attrs
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from wyld_gateway.adapter import ClientMetadata, Protocol
from wyld_gateway.close import Close
from wyld_gateway.errors import LocalError
from wyld_gateway.sessions.claims import Claims
from wyld_gateway.sessions.lifecycle import IN_PLAY, MOVES, STORED, IllegalMove, Move, State, after
from wyld_gateway.sessions.registry import Registry
from wyld_gateway.sessions.session import Session, SessionRow
from wyld_rpc.messages import AccountId, EntityId, SessionId

NOW = 1_700_000_000.0
BRON = EntityId(b"bron".ljust(16))


def new_session(number: int = 0, **changes: object) -> Session:
    session = Session(
        SessionId(bytes([number]) * 16), Protocol.TELNET, "192.0.2.7:1", NOW, b"g" * 16, b"epoch..1"
    )
    for name, value in changes.items():
        setattr(session, name, value)
    return session


def walk(session: Session, *moves: Move) -> Session:
    for move in moves:
        session.move(move, NOW)
    return session


# -- The table -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "move"), list(itertools.product(State, Move)))
def test_every_pair_of_state_and_move_is_in_the_table_or_illegal(state: State, move: Move) -> None:
    if (state, move) in MOVES:
        assert after(state, move) is MOVES[state, move]
    else:
        with pytest.raises(IllegalMove) as error:
            after(state, move)
        assert (error.value.state, error.value.move) == (state, move)
        assert isinstance(error.value, LocalError)


def test_every_state_but_closed_can_be_closed_and_closed_is_the_end() -> None:
    assert {state for state, move in MOVES if move is Move.CLOSE} == set(State) - {State.CLOSED}
    assert not [pair for pair in MOVES if pair[0] is State.CLOSED]


def test_every_state_can_be_reached() -> None:
    assert set(MOVES.values()) | {State.CONNECTING} == set(State)


def test_whoever_is_in_play_has_a_row() -> None:
    assert IN_PLAY < STORED


# -- The session -----------------------------------------------------------------------------------------------


def test_illegal_move_changes_nothing() -> None:
    session = new_session()

    with pytest.raises(IllegalMove):
        session.move(Move.SELECT, NOW)

    assert session.state is State.CONNECTING


def test_times_of_leaving_and_ending_are_kept() -> None:
    session = walk(new_session(), Move.GREET, Move.AUTHENTICATE, Move.SELECT)

    session.move(Move.DETACH, NOW + 1)
    assert session.detached_at == NOW + 1
    session.move(Move.ATTACH, NOW + 2)
    assert session.detached_at is None
    session.move(Move.CLOSE, NOW + 3, "quit")

    assert (session.closed_at, session.close_reason) == (NOW + 3, "quit")


def test_numbering_begins_where_the_world_says() -> None:
    session = new_session()

    session.number_from(b"epoch..2", 7)

    assert session.commands.next == 8
    assert (session.epoch, session.sent, session.commands.acked) == (b"epoch..2", 7, 7)


@given(st.text(max_size=300), st.lists(st.text(max_size=20), max_size=3))
def test_row_holds_nothing_that_the_database_refuses(name: str, capabilities: list[str]) -> None:
    session = new_session(metadata=ClientMetadata(client_name=name, capabilities=tuple(capabilities)))

    stored = str(session.row().metadata)

    assert "\0" not in stored
    stored.encode()
    assert len(session.row().metadata.get("client_name", "")) <= 128


def test_row_leaves_out_what_is_not_known() -> None:
    session = new_session(metadata=ClientMetadata(width=100, screen_reader=True))

    assert session.row().metadata == {"width": 100, "screen_reader": True}


# -- The registry ----------------------------------------------------------------------------------------------


@attrs.define
class Rows:
    noted: list[SessionRow] = attrs.field(factory=list)

    def states(self) -> list[State]:
        return [row.state for row in self.noted]


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def registry(rows: Rows) -> Registry:
    return Registry(lambda: NOW, rows.noted.append)


def in_play(registry: Registry, number: int = 0) -> Session:
    session = new_session(number, account_id=AccountId(b"a" * 16), character_id=BRON)
    registry.add(session)
    for move in (Move.GREET, Move.AUTHENTICATE, Move.SELECT):
        registry.move(session, move)
    return session


def test_only_changes_of_rows_that_exist_are_noted(registry: Registry, rows: Rows) -> None:
    session = in_play(registry)
    assert rows.states() == [State.PLAYING]

    registry.move(session, Move.DETACH)
    registry.move(session, Move.CLOSE, "quit")

    assert rows.states() == [State.PLAYING, State.DISCONNECTED, State.CLOSED]
    assert rows.noted[-1].close_reason == "quit"


def test_visitor_is_never_noted(registry: Registry, rows: Rows) -> None:
    session = new_session()
    registry.add(session)

    registry.move(session, Move.GREET)
    registry.move(session, Move.CLOSE, "eof")

    assert not rows.noted
    assert not registry.by_id


def test_sessions_are_counted_by_state(registry: Registry) -> None:
    session = in_play(registry)
    registry.add(new_session(1))
    assert (registry.counts[State.PLAYING], registry.counts[State.CONNECTING]) == (1, 1)

    registry.move(session, Move.CLOSE, "quit")

    assert registry.counts[State.PLAYING] == registry.counts[State.CLOSED] == 0


def test_sessions_in_play_are_listed_attached_or_not(registry: Registry) -> None:
    first, second = in_play(registry, 1), in_play(registry, 2)
    registry.add(new_session(3))
    registry.move(first, Move.DETACH)

    assert {session.id for session in registry.in_play()} == {first.id, second.id}


# -- Claims ----------------------------------------------------------------------------------------------------


async def test_newer_claim_evicts_the_older_one_and_waits_for_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    claims, order = Claims(), list[str]()

    async def log_in(name: str) -> None:
        with trio.CancelScope() as scope:
            async with claims.claim(BRON, scope.cancel):
                order.append(f"{name} in")
                try:
                    await trio.sleep(10)
                    order.append(f"{name} plays")
                finally:
                    with trio.CancelScope(shield=True):
                        await trio.sleep(0.1)
                    order.append(f"{name} out")

    async with trio.open_nursery() as nursery:
        for name in "abc":
            nursery.start_soon(log_in, name)
            await trio.sleep(1)

    assert order == ["a in", "a out", "b in", "b out", "c in", "c plays", "c out"]
    assert not claims._turns


async def test_claims_of_different_characters_do_not_meet() -> None:
    claims = Claims()

    def evicted() -> None:
        pytest.fail("evicted")

    async with claims.claim(BRON, evicted), claims.claim(EntityId(b"cato".ljust(16)), evicted):
        pass

    assert not claims._turns


async def test_evicted_while_waiting_leaves_the_turn_to_the_newest(
    autojump_clock: trio.testing.MockClock,
) -> None:
    claims, winners = Claims(), list[int]()

    async def log_in(number: int) -> None:
        with trio.CancelScope() as scope:
            async with claims.claim(BRON, scope.cancel):
                await trio.sleep(5)
                winners.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(log_in, number)
            await trio.testing.wait_all_tasks_blocked()

    assert winners == [9]
    assert not claims._turns


# -- Close reasons ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("close", Close)
def test_every_reason_has_its_terms(close: Close) -> None:
    assert 1000 <= close.terms.code <= 4999
