"""The task that writes changed rows, and what is done for rows from time to time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import attrs
import pytest
import trio
import trio.testing
from doubles.session_store import MemorySessionStore

from wyld_gateway.adapter import Protocol
from wyld_gateway.sessions import row_writer
from wyld_gateway.sessions.lifecycle import State
from wyld_gateway.sessions.row_writer import RowWriter
from wyld_gateway.sessions.session import Session, SessionRow
from wyld_rpc.messages import SessionId
from wyld_service.errors import StoreRefused

NOW = 1_700_000_000.0


def row_of(number: int, **changes: object) -> SessionRow:
    session = Session(
        SessionId(number.to_bytes(16, "big")), Protocol.TELNET, "192.0.2.7:1", NOW, b"g" * 16, b"epoch..1"
    )
    return attrs.evolve(session.row(), **{"state": State.CHARACTER_SELECTION, **changes})


@attrs.define(eq=False)
class PickyStore(MemorySessionStore):
    """Refuses whatever holds a row with a bad address."""

    batches: list[int] = attrs.field(factory=list)

    async def save(self, rows: Sequence[SessionRow]) -> None:
        self.batches.append(len(rows))
        if any(row.client_addr == "bad" for row in rows):
            raise StoreRefused("that is no address")
        await MemorySessionStore.save(self, rows)


@pytest.fixture
def store() -> PickyStore:
    return PickyStore(rows={row.id: row for row in map(row_of, range(1000))})


@pytest.fixture
async def writer(store: PickyStore) -> AsyncIterator[RowWriter]:
    writer = RowWriter(store)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        yield writer
        nursery.cancel_scope.cancel()


def changed(store: PickyStore) -> set[int]:
    return {int.from_bytes(row.id, "big") for row in store.rows.values() if row.metadata == {"new": True}}


async def test_noted_rows_are_written_in_batches(
    autojump_clock: trio.testing.MockClock, writer: RowWriter, store: PickyStore
) -> None:
    for number in range(600):
        writer.note(row_of(number, metadata={"new": True}))
    await trio.sleep(1)

    assert changed(store) == set(range(600))
    assert store.batches == [256, 256, 88]
    assert writer.waiting == 0


async def test_only_the_newest_row_of_a_session_is_written(
    autojump_clock: trio.testing.MockClock, writer: RowWriter, store: PickyStore
) -> None:
    for width in range(100):
        writer.note(row_of(1, metadata={"width": width}))
    await trio.sleep(1)

    assert store.rows[row_of(1).id].metadata == {"width": 99}
    assert store.batches == [1]


async def test_row_noted_while_an_older_one_is_being_written_is_written_too(
    autojump_clock: trio.testing.MockClock, writer: RowWriter, store: PickyStore
) -> None:
    store.delay = 5
    writer.note(row_of(1, metadata={"width": 1}))
    await trio.sleep(1)

    writer.note(row_of(1, metadata={"width": 2}))
    await trio.sleep(20)

    assert store.rows[row_of(1).id].metadata == {"width": 2}


async def test_absent_database_is_tried_until_it_is_back(
    autojump_clock: trio.testing.MockClock, writer: RowWriter, store: PickyStore
) -> None:
    store.available = False
    writer.note(row_of(1, metadata={"new": True}))
    await trio.sleep(100)
    assert writer.waiting == 1

    store.available = True
    await trio.sleep(2)

    assert changed(store) == {1}
    assert writer.waiting == 0


async def test_refused_row_does_not_hold_up_the_others(
    autojump_clock: trio.testing.MockClock, writer: RowWriter, store: PickyStore
) -> None:
    writer.note(row_of(1, metadata={"new": True}))
    writer.note(row_of(2, client_addr="bad"))
    writer.note(row_of(3, metadata={"new": True}))
    await trio.sleep(1)
    writer.note(row_of(4, client_addr="bad"))
    await trio.sleep(1)

    assert changed(store) == {1, 3}
    assert writer.waiting == 0


async def test_database_that_goes_while_rows_are_written_one_by_one_loses_none(
    autojump_clock: trio.testing.MockClock, store: PickyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_writer, "BATCH", 2)
    writer = RowWriter(store)
    for number in range(5):
        writer.note(row_of(number, metadata={"new": True}))

    await writer.write_all()

    assert store.batches == [2, 2, 1]
    assert changed(store) == set(range(5))
