"""One suite for the world's store and its twin: what a commit does, and that none lands twice or too late."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import attrs
import pytest
from doubles.world_store import MemoryWorldStore

from wyld_rpc import wire
from wyld_rpc.messages import AccountId, EntityId, SessionId
from wyld_rpc.numbering import Epoch
from wyld_service.errors import StoreRefused, StoreUnavailable
from wyld_service.postgres import Connection, open_database
from wyld_service.secret import Secret
from wyld_service.settings import StoreSettings
from wyld_service.units import Duration
from wyld_world.errors import FencedOff
from wyld_world.gateways import Confirmed
from wyld_world.model.rows import Changes, CharacterRow, EntityKind, EntityRow
from wyld_world.postgres_store import PostgresStore
from wyld_world.sessions import SessionRow
from wyld_world.store import (
    Account,
    Commit,
    Fence,
    OutboxRow,
    QueuedCommand,
    SavedWorld,
    Suspect,
    WorldStore,
)

pytestmark = pytest.mark.process

NOTHING = Changes([], [], [])
GATEWAY, EPOCH = bytes(range(16)), Epoch(bytes(range(8)))


@asynccontextmanager
async def open_postgres(settings: StoreSettings) -> AsyncIterator[WorldStore]:
    async with open_database(settings, application="test") as database:
        yield PostgresStore(database)


@asynccontextmanager
async def open_memory() -> AsyncIterator[WorldStore]:
    yield MemoryWorldStore()


@pytest.fixture(params=["memory", "postgres"])
def opening(request):
    # The server starts only for those who want it.
    return (
        open_memory()
        if request.param == "memory"
        else open_postgres(request.getfixturevalue("store_settings"))
    )


@pytest.fixture
async def store(opening):
    async with opening as store:
        yield store


async def commit(store: WorldStore, fence: Fence, **parts: object) -> Fence:
    """Make one commit and return the fence with which the next one goes on."""
    number = fence.last_commit + 1
    await store.commit(Commit(fence.number, number, **({"changes": NOTHING} | parts)))
    return attrs.evolve(fence, last_commit=number)


async def outbox_of(store: WorldStore) -> dict[int, tuple[bytes, ...]]:
    """The bodies of the ticks that are kept for the one gateway of these tests."""
    saved = await store.load()
    return {row.tick: row.bodies for row in saved.outbox if row.gateway_id == GATEWAY}


async def sessions_of(store: WorldStore) -> dict[bytes, SessionRow]:
    return {row.id: row for row in (await store.load()).sessions}


async def queue_up(store: WorldStore, session: SessionId, *commands: QueuedCommand) -> None:
    """What a gateway does: give the session a row and put its commands into the queue."""
    if isinstance(store, MemoryWorldStore):
        store.queue |= {(each.session, each.number): each.text for each in commands}
        return

    def insert(connection: Connection) -> None:
        connection.execute(
            "INSERT INTO sessions (id, state, protocol, client_addr) VALUES (%s, 'Connecting', 'telnet', '')",
            (UUID(bytes=session),),
        )
        for each in commands:
            connection.execute(
                "INSERT INTO session_command_queue (session_id, number, command) VALUES (%s, %s, %s)",
                (UUID(bytes=each.session), each.number, each.text),
            )

    await store._database.run(insert)


def new_id() -> bytes:
    return secrets.token_bytes(16)


def session_row(**changes: object) -> SessionRow:
    row = SessionRow(
        SessionId(new_id()),
        EntityId(new_id()),
        AccountId(new_id()),
        generation=3,
        epoch=EPOCH,
        applied=1,
        sent=5,
        home=(GATEWAY, EPOCH),
        detached=False,
        kept=(b"one", b"two"),
    )
    return attrs.evolve(row, **changes)


async def new_account(store: WorldStore, name: str = "Ann") -> Account:
    account = Account(AccountId(new_id()), name, "$argon2id$", 1_700_000_000.5)
    assert await store.add_account(account) is None
    return account


def character_of(account: Account, name: str = "Ann", room: str = "quay") -> Changes:
    key = EntityId(new_id())
    entity = EntityRow(key, EntityKind.CHARACTER, "", name, room, None, {})
    row = CharacterRow(
        key, account.id, name, "elf", "bard", {"wits": 3}, "Tall.", {"a": [1, None]}, 1_700_000_000.5, None
    )
    return Changes([entity], [row], [])


def item(holder: EntityId | None = None, room: str | None = "quay") -> EntityRow:
    return EntityRow(EntityId(new_id()), EntityKind.ITEM, "coin", "a coin", room, holder, {"count": 1})


def contents(saved: SavedWorld) -> tuple[set[EntityId], set[EntityId]]:
    return {row.id for row in saved.entities}, {row.entity_id for row in saved.characters}


# ---------------------------------------------------------------------------------------- durable things


async def test_what_was_committed_is_loaded_as_it_was(store):
    fence, account = await store.take_over(), await new_account(store)
    changes = character_of(account)
    coin = item(changes.upserts[0].id, room=None)

    await commit(store, fence, changes=Changes([coin, *changes.upserts], changes.characters, []))

    saved = await store.load()
    assert sorted(saved.entities, key=lambda row: row.id) == sorted(
        [coin, *changes.upserts], key=lambda row: row.id
    )
    assert list(saved.characters) == changes.characters
    assert saved.accounts == {account.id}


async def test_a_later_state_replaces_an_earlier_one(store):
    fence, account = await store.take_over(), await new_account(store)
    changes = character_of(account)
    fence = await commit(store, fence, changes=changes)
    moved = attrs.evolve(changes.upserts[0], room="lighthouse")
    played = attrs.evolve(changes.characters[0], last_played=1_700_000_001.25)

    await commit(store, fence, changes=Changes([moved], [played], []))

    saved = await store.load()
    assert list(saved.entities) == [moved]
    assert list(saved.characters) == [played]


async def test_what_is_deleted_leaves_its_name_free_in_the_same_commit(store):
    fence, account = await store.take_over(), await new_account(store)
    old, new = character_of(account), character_of(account)
    coin = item(old.upserts[0].id, room=None)
    fence = await commit(store, fence, changes=Changes([*old.upserts, coin], old.characters, []))
    fallen = attrs.evolve(coin, container_id=None, room="quay")

    await commit(
        store,
        fence,
        changes=Changes([*new.upserts, fallen], new.characters, [old.upserts[0].id, EntityId(new_id())]),
    )

    assert contents(await store.load()) == ({new.upserts[0].id, coin.id}, {new.upserts[0].id})


@pytest.mark.parametrize("wrong", ["holder", "account", "name"])
async def test_a_commit_that_breaks_a_rule_is_refused_as_a_whole(store, wrong):
    fence, account = await store.take_over(), await new_account(store)
    fence = await commit(store, fence, changes=character_of(account))
    before = await store.load()
    changes = {
        "holder": Changes([item(EntityId(new_id()), room=None)], [], []),
        "account": character_of(attrs.evolve(account, id=AccountId(new_id())), "Eve"),
        "name": character_of(account, "ANN"),
    }[wrong]

    with pytest.raises(StoreRefused):
        await commit(store, fence, changes=Changes([item(), *changes.upserts], changes.characters, []))

    assert contents(await store.load()) == contents(before)
    await commit(store, fence, changes=character_of(account, "Eve"))


# ------------------------------------------------------------------------------------ fence and numbers


async def test_a_commit_that_landed_already_is_not_repeated(store):
    fence, account = await store.take_over(), await new_account(store)
    first = Commit(fence.number, fence.last_commit + 1, character_of(account))
    await store.commit(first)

    await store.commit(first)

    assert contents(await store.load()) == ({first.changes.upserts[0].id},) * 2


async def test_each_world_begins_behind_the_last_commit_of_the_one_before(store):
    fence = await commit(store, await store.take_over())

    later = await store.take_over()

    assert later.number > fence.number
    assert later.last_commit == fence.last_commit
    await commit(store, later)


async def test_a_world_that_was_taken_over_commits_nothing_any_more(store):
    fence, account = await store.take_over(), await new_account(store)
    later = await store.take_over()

    with pytest.raises(FencedOff):
        await commit(store, fence, changes=character_of(account))
    await commit(store, later)
    with pytest.raises(FencedOff):
        await commit(store, fence, changes=character_of(account))

    assert (await store.load()).entities == ()


# ----------------------------------------------------------------------------------- positions and outbox


@pytest.mark.parametrize("changes", [{}, {"home": None}, {"detached": True}, {"kept": ()}], ids=str)
async def test_a_session_is_loaded_as_it_was(store, changes):
    row = session_row(**changes)

    await commit(store, await store.take_over(), sessions=(row,))

    assert await sessions_of(store) == {row.id: row}


async def test_sessions_are_replaced_and_end(store):
    fence = await store.take_over()
    ann, bob = session_row(), session_row(detached=True)
    fence = await commit(store, fence, sessions=(ann, bob))
    later = attrs.evolve(ann, applied=2, sent=9, generation=4, home=(new_id(), EPOCH), detached=True, kept=())

    await commit(store, fence, sessions=(later,), ended=(bob.id,))

    assert await sessions_of(store) == {ann.id: later}


async def test_queued_commands_are_read_in_order_until_they_are_done_with(store):
    fence = await store.take_over()
    ann, bob = SessionId(b"a" * 16), SessionId(b"b" * 16)
    anns = [QueuedCommand(ann, number, f"say {number}") for number in (9, 10, 11)]
    bobs = [QueuedCommand(bob, 1, "look")]
    await queue_up(store, ann, *anns)
    await queue_up(store, bob, *bobs)
    assert list((await store.load()).queued) == anns + bobs
    assert list(await store.read_queue([bob, SessionId(new_id())])) == bobs

    await commit(store, fence, unqueued=((ann, 10), (SessionId(new_id()), 5)))

    assert list((await store.load()).queued) == anns[2:] + bobs


async def test_only_a_clean_stop_of_the_world_before_counts(store):
    fence = await store.take_over()
    assert (await store.load()).clean
    await commit(store, fence, clean=True)

    await store.take_over()
    assert (await store.load()).clean

    await store.take_over()
    assert not (await store.load()).clean


async def test_what_was_noted_is_known_to_the_next_world_only(store):
    suspect = Suspect(SessionId(new_id()), 7, 2)
    await commit(store, await store.take_over(), suspect=suspect)

    await store.take_over()
    assert (await store.load()).suspect == suspect

    await store.take_over()
    assert (await store.load()).suspect is None


async def test_nothing_is_suspected_of_a_world_that_stopped_cleanly(store):
    fence = await commit(store, await store.take_over(), suspect=Suspect(SessionId(new_id()), 7, 1))
    await commit(store, fence, clean=True)

    await store.take_over()

    assert (await store.load()).suspect is None


async def test_ticks_are_kept_until_they_are_confirmed(store):
    fence = await store.take_over()
    ticks = {number: (wire.encode_tick(number, more=False),) for number in (1, 2)}
    ticks[3] = (wire.encode_tick(3, more=True), wire.encode_tick(3, more=False))
    rows = tuple(OutboxRow(GATEWAY, EPOCH, number, bodies) for number, bodies in ticks.items())
    fence = await commit(store, fence, outbox=rows)
    assert await outbox_of(store) == ticks

    await commit(store, fence, confirmed=(Confirmed(GATEWAY, EPOCH, 2), Confirmed(new_id(), EPOCH, 9)))

    assert await outbox_of(store) == {3: ticks[3]}


async def test_a_gateway_that_came_back_uses_its_numbers_again(store):
    fence = await store.take_over()
    row = OutboxRow(GATEWAY, EPOCH, 1, (wire.encode_tick(1, more=False),))
    fence = await commit(store, fence, outbox=(row,))

    await commit(store, fence, confirmed=(Confirmed(GATEWAY, EPOCH, 1),), outbox=(row,))

    assert list(await outbox_of(store)) == [1]


async def test_taking_over_leaves_sessions_and_ticks_to_the_next_world(store):
    bodies = (wire.encode_tick(1, more=False),)
    row = session_row()
    await commit(
        store, await store.take_over(), outbox=(OutboxRow(GATEWAY, EPOCH, 1, bodies),), sessions=(row,)
    )

    await store.take_over()

    assert await outbox_of(store) == {1: bodies}
    assert await sessions_of(store) == {row.id: row}


# ---------------------------------------------------------------------------------------------- accounts


async def test_an_account_is_found_by_its_name_in_any_case(store):
    account = await new_account(store, "Ann")

    assert await store.find_account("aNN") == account
    assert await store.find_account("Bob") is None


async def test_a_name_is_taken_in_any_case(store):
    account = await new_account(store, "Ann")

    assert await store.add_account(attrs.evolve(account, id=AccountId(new_id()), name="ANN")) == account


async def test_an_account_that_is_created_again_is_the_same(store):
    account = await new_account(store)

    assert await store.add_account(account) == account


async def test_a_login_may_change_the_hash(store):
    account = await new_account(store)

    await store.note_login(account.id, 1_700_000_100.0, "$argon2id$better")

    assert await store.find_account("Ann") == attrs.evolve(account, password_hash="$argon2id$better")


# ------------------------------------------------------------------------------------ PostgreSQL only


async def test_a_commit_that_found_no_database_lands_when_it_is_back(pg_proxy, store_settings):
    settings = attrs.evolve(store_settings, url=Secret(pg_proxy.url), connect_timeout=Duration(2.0))
    async with open_postgres(settings) as store:
        fence, account = await store.take_over(), await new_account(store)
        waiting = Commit(fence.number, fence.last_commit + 1, character_of(account))
        await pg_proxy.refuse()
        with pytest.raises(StoreUnavailable):
            await store.commit(waiting)

        pg_proxy.restore()
        await store.commit(waiting)
        await store.commit(waiting)

        assert contents(await store.load()) == ({waiting.changes.upserts[0].id},) * 2
