"""The ticks of one gateway: what one holds, how it is cut into frames, how long it is kept."""

from __future__ import annotations

import pytest

from wyld_rpc import wire
from wyld_rpc.errors import RemoteProtocolError
from wyld_rpc.frames import MAX_FRAME, Event, FrameDecoder, encode_event
from wyld_rpc.messages import (
    CommandError,
    CommandErrorCode,
    DisconnectReason,
    EntityStateUpdate,
    SessionEnded,
    SessionId,
    StateUpdateType,
    Text,
    Tick,
)
from wyld_world.ticks import MAX_ENTRIES_SIZE, MAX_ENTRY, MAX_RECIPIENTS, SealedTick, TickWriter, UnackedTicks

ANN, BOB = SessionId(b"a" * 16), SessionId(b"b" * 16)


def read(tick: SealedTick) -> list[Tick]:
    """The parts of a tick as its gateway reads them from frames."""
    decoder, parts = FrameDecoder(), []
    for body in tick.bodies:
        decoder.receive_data(encode_event(Tick.KIND, body))
        frame = decoder.next_frame()
        assert isinstance(frame, Event)
        parts.append(wire.unpack_event(frame.kind, frame.body))
    return parts


def update(hp: int) -> EntityStateUpdate:
    return EntityStateUpdate(StateUpdateType.STATS, {"hp": hp})


def test_a_new_writer_is_empty_and_so_is_a_sealed_one():
    writer = TickWriter()
    assert writer.is_empty

    writer.applied(ANN, 1)
    assert not writer.is_empty

    writer.seal()
    assert writer.is_empty


def test_ticks_are_numbered_from_one():
    writer = TickWriter()

    assert [writer.seal().number for _ in range(3)] == [1, 2, 3]


def test_an_output_for_many_is_one_entry_and_the_next_one_another():
    writer = TickWriter()
    first, second = wire.encode_output(Text("one")), wire.encode_output(Text("one"))

    writer.deliver(first, ANN, 1)
    writer.deliver(first, BOB, 7)
    writer.deliver(second, ANN, 2)

    (part,) = read(writer.seal())
    assert [(each.sessions, each.numbers) for each in part.outputs] == [([ANN, BOB], [1, 7]), ([ANN], [2])]


def test_the_same_output_in_the_next_tick_is_a_new_entry():
    writer = TickWriter()
    encoded = wire.encode_output(Text("one"))
    writer.deliver(encoded, ANN, 1)
    writer.seal()

    writer.deliver(encoded, ANN, 2)

    (part,) = read(writer.seal())
    assert [(each.sessions, each.numbers) for each in part.outputs] == [([ANN], [2])]


def test_only_the_last_state_of_a_kind_is_sent():
    writer = TickWriter()
    for hp in (3, 2, 1):
        writer.state(ANN, (StateUpdateType.STATS, ""), wire.encode_state(update(hp), [ANN]))

    (part,) = read(writer.seal())
    assert [(each.update, each.sessions) for each in part.states] == [(update(1), [ANN])]


def test_acks_are_one_for_each_session_and_failures_come_first():
    writer, error = TickWriter(), CommandError(CommandErrorCode.FAILED, "Something went wrong.")
    writer.applied(ANN, 1)
    writer.failed(ANN, 2, error)
    writer.applied(ANN, 3)
    writer.applied(BOB, 9)

    (part,) = read(writer.seal())
    assert [(ack.session, ack.applied, ack.error) for ack in part.acks] == [
        (ANN, 2, error),
        (ANN, 3, None),
        (BOB, 9, None),
    ]


def test_what_does_not_fit_into_one_frame_comes_in_several_in_order():
    writer = TickWriter()
    outputs = [wire.encode_output(Text(f"{number} " + "x" * (MAX_ENTRY - 1000))) for number in range(9)]
    for number, output in enumerate(outputs, 1):
        writer.deliver(output, ANN, number)
    for hp in range(4):
        big = EntityStateUpdate(StateUpdateType.CUSTOM, {"text": "y" * (MAX_ENTRY - 1000)}, str(hp))
        writer.state(ANN, (big.kind, big.name), wire.encode_state(big, [ANN]))
    writer.applied(ANN, 1)
    writer.end(SessionEnded(ANN, DisconnectReason.KICKED, "Out."))

    tick = writer.seal()
    parts = read(tick)
    assert [part.more for part in parts] == [True] * (len(parts) - 1) + [False]
    assert {part.number for part in parts} == {1}
    assert [number for part in parts for each in part.outputs for number in each.numbers] == list(
        range(1, 10)
    )
    assert [each.update.name for part in parts for each in part.states] == ["0", "1", "2", "3"]
    assert not any(part.acks or part.disconnects for part in parts[:-1])
    assert parts[-1].acks
    assert parts[-1].disconnects
    assert max(map(len, tick.bodies)) < MAX_FRAME
    assert tick.size == sum(map(len, tick.bodies))


def test_an_entry_never_outgrows_a_frame():
    writer = TickWriter()
    output = b"x" * MAX_ENTRY
    crowd = [SessionId(number.to_bytes(16, "big")) for number in range(2 * MAX_RECIPIENTS)]

    for session in crowd:
        writer.deliver(output, session, 2**60)

    tick = writer.seal()
    assert len(tick.bodies) > 1
    assert max(map(len, tick.bodies)) <= MAX_ENTRIES_SIZE + 1024


# -------------------------------------------------------------------------------------------- unacknowledged


def kept(*sizes: int) -> UnackedTicks:
    unacked = UnackedTicks()
    for number, size in enumerate(sizes, 1):
        unacked.keep(SealedTick(number, (), size))
    return unacked


def test_what_is_acknowledged_is_let_go():
    unacked = kept(10, 20, 30)

    unacked.ack(2)
    unacked.ack(1)

    assert (unacked.acked, unacked.size, unacked.released) == (2, 30, 3)
    assert [tick.number for tick in unacked.unstored()] == [3]


def test_an_ack_of_what_was_never_released_breaks_the_protocol():
    unacked = kept(10)

    with pytest.raises(RemoteProtocolError):
        unacked.ack(2)

    assert unacked.size == 10


def test_what_has_a_row_is_not_stored_again():
    unacked = kept(10, 20)
    for tick in unacked.unstored():
        tick.stored = True
    unacked.keep(SealedTick(3, (), 5))

    assert [tick.number for tick in unacked.unstored()] == [3]
