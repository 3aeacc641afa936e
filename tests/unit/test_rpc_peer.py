"""The peer: two real ends over memory streams in virtual time, or one real end and one played by hand."""

# ruff: noqa: PT012 - what leaves an `async with` block is what is tested here, and a block is not one statement

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import TypeAlias

import attrs
import pytest
import trio
import trio.testing

from wyld_rpc.errors import (
    CallTimeout,
    LinkBusy,
    LinkClosed,
    LinkError,
    LocalProtocolError,
    OpeningRefused,
    RemoteProtocolError,
    RpcError,
    UnknownEvent,
    VersionMismatch,
    WrongKey,
)
from wyld_rpc.frames import Event, Frame, FrameDecoder, Request, Response, encode, pack_body
from wyld_rpc.numbering import Epoch
from wyld_rpc.opening import GatewayOpening, Opened, WorldOpening
from wyld_rpc.peer import (
    FLUSH_DEADLINE,
    HEARTBEAT,
    HEARTBEAT_DEADLINE,
    MAX_PENDING_CALLS,
    MAX_UNSENT,
    OPENING_DEADLINE,
    UNKNOWN_METHOD,
    Handler,
    Peer,
    open_gateway_side,
    open_world_side,
)

KEY = b"k" * 32
Clock: TypeAlias = trio.testing.MockClock
Block: TypeAlias = AbstractAsyncContextManager[Peer]
OPENED = Opened(b"g" * 16, Epoch(b"gate-epo"), Epoch(b"worldepo"))


# -- The two ends


class Recorder:
    """A handler that notes what comes, answers `echo`, fails on `fail`, and leaves `later` to the test."""

    def __init__(self) -> None:
        self.peer: Peer | None = None
        self.events: list[tuple[str, object]] = []
        self.requests: list[Request] = []

    def on_request(self, request: Request) -> None:
        assert self.peer is not None
        self.requests.append(request)
        match request.method:
            case "echo":
                self.peer.respond(request.id, request.params)
            case "fail":
                self.peer.respond_error(request.id, "refused", "Not today.", {"why": request.params})
            case "later":
                pass
            case "break":
                raise RemoteProtocolError("params of break are wrong")
            case "bug":
                raise ZeroDivisionError("a bug in the handler")
            case _:
                self.peer.respond_error(request.id, UNKNOWN_METHOD, request.method)

    def on_event(self, event: Event) -> None:
        self.events.append((event.kind, event.body))
        if event.kind.removeprefix("?") == "unheard-of":
            raise UnknownEvent(event.kind)


class CountingStream(trio.abc.Stream):
    """Notes every send_all, and whether it was closed."""

    def __init__(self, inner: trio.abc.Stream) -> None:
        self.inner = inner
        self.sends: list[bytes] = []
        self.closed = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self.sends.append(bytes(data))
        await self.inner.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self.inner.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self.inner.receive_some(max_bytes)

    async def aclose(self) -> None:
        self.closed = True
        await self.inner.aclose()


def gateway_side(stream: trio.abc.Stream, handler: Handler | None = None, key: bytes = KEY) -> Block:
    return open_gateway_side(
        stream,
        key=key,
        gateway_id=OPENED.gateway_id,
        gateway_epoch=OPENED.gateway_epoch,
        handler=handler or Recorder(),
    )


def world_side(stream: trio.abc.Stream, handler: Handler | None = None, key: bytes = KEY) -> Block:
    return open_world_side(stream, key=key, world_epoch=OPENED.world_epoch, handler=handler or Recorder())


@attrs.define(eq=False)
class Link:
    """Two real peers and what they have heard; the test's body is the gateway's."""

    gateway_stream: CountingStream
    world_stream: CountingStream
    gateway_heard: Recorder = attrs.field(factory=Recorder)
    world_heard: Recorder = attrs.field(factory=Recorder)
    gateway: Peer = attrs.field(init=False)
    world: Peer = attrs.field(init=False)
    world_opened: trio.Event = attrs.field(factory=trio.Event)
    world_ended: trio.Event = attrs.field(factory=trio.Event)
    world_error: LinkClosed | None = None

    async def be_world(self) -> None:
        try:
            async with world_side(self.world_stream, self.world_heard) as self.world:
                self.world_heard.peer = self.world
                self.world_opened.set()
                await trio.sleep_forever()
        except LinkClosed as error:
            self.world_error = error
        self.world_ended.set()


def memory_streams() -> tuple[CountingStream, CountingStream]:
    ours, theirs = trio.testing.memory_stream_pair()
    return CountingStream(ours), CountingStream(theirs)


@asynccontextmanager
async def linked(nursery: trio.Nursery) -> AsyncIterator[Link]:
    link = Link(*memory_streams())
    nursery.start_soon(link.be_world)
    async with gateway_side(link.gateway_stream, link.gateway_heard) as link.gateway:
        link.gateway_heard.peer = link.gateway
        await link.world_opened.wait()
        yield link


class Hand:
    """The other end of a link, played by the test frame by frame."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.decoder = FrameDecoder()

    async def send(self, *frames: Frame) -> None:
        await self.stream.send_all(b"".join(map(encode, frames)))

    async def receive(self) -> Frame:
        while (frame := self.decoder.next_frame()) is None:
            self.decoder.receive_data(await self.stream.receive_some())
        return frame

    async def open_as_world(self, *at_once: Frame, key: bytes = KEY) -> None:
        """Let a gateway in, with more frames in the same send as the welcome."""
        opening = WorldOpening(key=key, world_epoch=OPENED.world_epoch, nonce=b"w" * 32)
        while opening.opened is None:
            answer = opening.receive(await self.receive())
            assert answer is not None
            await self.send(answer, *(at_once if opening.opened else ()))


@asynccontextmanager
async def by_hand(
    nursery: trio.Nursery, *at_once: Frame, handler: Handler | None = None
) -> AsyncIterator[tuple[Peer, Hand]]:
    """A real gateway, whose block the test's body is, and a world that the test plays."""
    ours, theirs = memory_streams()
    hand = Hand(theirs)
    nursery.start_soon(hand.open_as_world, *at_once)
    async with gateway_side(ours, handler) as peer:
        yield peer, hand


async def _time_passes(seconds: float) -> None:
    await trio.sleep_until(trio.current_time() + seconds)


# -- Calls and events


async def test_both_ends_know_each_other_and_call_each_other(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    async with linked(nursery) as link:
        assert link.gateway.opened == link.world.opened == OPENED
        assert await link.gateway.call("echo", {"a": [1, b"2", None]}) == {"a": [1, b"2", None]}
        assert await link.world.call("echo", "x") == "x"


async def test_answers_find_their_callers_in_any_order(autojump_clock: Clock, nursery: trio.Nursery) -> None:
    answers = {}

    async def ask(peer: Peer, name: str) -> None:
        answers[name] = await peer.call("later", name)

    async with linked(nursery) as link:
        async with trio.open_nursery() as callers:
            for name in "abc":
                callers.start_soon(ask, link.gateway, name)
            await trio.testing.wait_all_tasks_blocked()
            for request in reversed(link.world_heard.requests):
                link.world.respond(request.id, request.params * 2)
        assert link.gateway.pending_calls == 0

    assert answers == {"a": "aa", "b": "bb", "c": "cc"}


async def test_an_error_answer_is_raised_with_all_its_parts(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    async with linked(nursery) as link:
        with pytest.raises(RpcError) as refused:
            await link.gateway.call("fail", 5)
        with pytest.raises(RpcError) as unknown:
            await link.gateway.call("nonsense")

    assert (refused.value.code, refused.value.message, refused.value.data) == (
        "refused",
        "Not today.",
        {"why": 5},
    )
    assert unknown.value.code == UNKNOWN_METHOD


async def test_frames_leave_in_the_order_of_the_calls_and_in_one_send(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    async with linked(nursery) as link:
        link.gateway_stream.sends.clear()
        for number in range(50):
            link.gateway.notify("count", number)
            link.gateway.notify_packed("packed", pack_body(number))
        await link.gateway.call("echo")

        counts = [event for number in range(50) for event in (("count", number), ("packed", number))]
        assert link.world_heard.events == counts
        assert len(link.gateway_stream.sends) == 1
        assert link.gateway.frames_sent == link.world.frames_received == 101
        assert link.gateway.bytes_sent == link.world.bytes_received == len(link.gateway_stream.sends[0])


async def test_what_tasks_of_one_pass_send_leaves_in_one_send(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    async def notify(peer: Peer, number: int) -> None:
        peer.notify("count", number)

    async with linked(nursery) as link:
        link.world_stream.sends.clear()
        async with trio.open_nursery() as notifiers:
            for number in range(20):
                notifiers.start_soon(notify, link.world, number)
        await link.world.flush()

        assert len(link.world_stream.sends) == 1


async def test_frames_that_come_with_the_welcome_wait_for_the_body(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    heard = Recorder()
    at_once: list[Frame] = [Event("first", 1), Request(0, "echo", "hello"), Event("second", 2)]

    async with by_hand(nursery, *at_once, handler=heard) as (peer, hand):
        heard.peer = peer
        assert heard.events == []

        assert await hand.receive() == Response(0, None, "hello")
        assert heard.events == [("first", 1), ("second", 2)]


async def test_a_flood_of_requests_is_answered_completely(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    heard = Recorder()
    async with by_hand(nursery, handler=heard) as (peer, hand):
        heard.peer = peer
        await hand.send(*(Request(number, "echo", number) for number in range(10_000)))

        for number in range(10_000):
            assert await hand.receive() == Response(number, None, number)


async def test_what_cannot_be_sent_is_refused_and_the_link_goes_on(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    async with linked(nursery) as link:
        with pytest.raises(LocalProtocolError):
            link.gateway.notify("set", {1})
        with pytest.raises(LocalProtocolError):
            await link.gateway.call("set", {1})

        assert link.gateway.pending_calls == 0
        assert await link.gateway.call("echo", 1) == 1


async def test_optional_events_may_be_unknown_and_others_may_not(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    async with linked(nursery) as link:
        link.gateway.notify("?unheard-of", 1)
        assert await link.gateway.call("echo", 1) == 1

        link.gateway.notify("unheard-of", 2)
        with trio.CancelScope(shield=True):
            await link.world_ended.wait()

    assert link.world_heard.events == [("?unheard-of", 1), ("unheard-of", 2)]
    assert str(link.world_error) == "the other end broke the protocol: unknown event 'unheard-of'"


# -- Deadlines, cancellation and bounds of calls


async def test_a_call_without_an_answer_times_out_and_a_late_answer_is_ignored(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    async with linked(nursery) as link:
        began = trio.current_time()
        with pytest.raises(CallTimeout, match="no answer to 'later' within 3 s"):
            await link.gateway.call("later", deadline=3.0)
        assert trio.current_time() - began == pytest.approx(3.0)
        assert link.gateway.pending_calls == 0

        link.world.respond(link.world_heard.requests[0].id, "late")
        assert await link.gateway.call("echo", "next") == "next"


async def test_a_cancelled_call_leaves_nothing_behind(autojump_clock: Clock, nursery: trio.Nursery) -> None:
    async with linked(nursery) as link:
        with trio.move_on_after(1) as scope:
            await link.gateway.call("later")

        assert scope.cancelled_caught
        assert link.gateway.pending_calls == 0


async def test_a_second_answer_to_a_call_is_ignored(autojump_clock: Clock, nursery: trio.Nursery) -> None:
    async with by_hand(nursery) as (peer, hand), trio.open_nursery() as callers:
        answers = []

        async def ask() -> None:
            answers.append(await peer.call("once"))

        callers.start_soon(ask)
        request = await hand.receive()
        assert isinstance(request, Request)
        await hand.send(Response(request.id, None, 1), Response(request.id, None, 2))
        await trio.testing.wait_all_tasks_blocked()

        assert answers == [1]


async def test_waiting_calls_are_bounded(autojump_clock: Clock, nursery: trio.Nursery) -> None:
    async with linked(nursery) as link, trio.open_nursery() as callers:
        for _ in range(MAX_PENDING_CALLS):
            callers.start_soon(link.gateway.call, "later")
        await trio.testing.wait_all_tasks_blocked()

        with pytest.raises(LinkBusy):
            await link.gateway.call("later")
        assert len(link.world_heard.requests) == MAX_PENDING_CALLS
        callers.cancel_scope.cancel()


async def test_a_call_of_another_task_learns_that_the_link_has_ended(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    async def ask(peer: Peer) -> None:
        with pytest.raises(LinkClosed, match="this end has left the link"):
            await peer.call("later")
        learned.set()

    async def wait_for_flush(peer: Peer) -> None:
        with pytest.raises(LinkClosed):
            await peer.flush()

    learned = trio.Event()
    async with trio.open_nursery() as others:
        async with linked(nursery) as link:
            others.start_soon(ask, link.gateway)
            await trio.testing.wait_all_tasks_blocked()
        await learned.wait()

    peer, sent = link.gateway, link.gateway.frames_sent
    with pytest.raises(LinkClosed):
        await peer.call("echo")
    await wait_for_flush(peer)
    peer.notify("event", None)
    peer.respond(0, None)
    assert (peer.frames_sent, peer.pending_calls) == (sent, 0)
    assert peer.closed_reason == "this end has left the link"


# -- How a link ends


async def test_leaving_the_block_sends_what_is_buffered_and_closes(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    async with linked(nursery) as link:
        for number in range(10):
            link.gateway.notify("last words", number)

    await link.world_ended.wait()
    assert link.world_heard.events == [("last words", number) for number in range(10)]
    assert str(link.world_error) == "the other end closed the connection"
    assert link.gateway_stream.closed
    assert link.world_stream.closed


async def test_the_body_learns_at_once_that_the_other_end_has_closed(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    with pytest.raises(LinkClosed) as closed:
        async with by_hand(nursery) as (_, hand):
            began = trio.current_time()
            await hand.stream.aclose()
            await trio.sleep_forever()

    assert closed.value.reason == "the other end closed the connection"
    assert trio.current_time() == began


async def test_tasks_of_the_body_that_see_the_end_make_no_group_of_it(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    with pytest.raises(LinkClosed, match="the other end closed"):
        async with by_hand(nursery) as (peer, hand), trio.open_nursery() as callers:
            for _ in range(3):
                callers.start_soon(peer.call, "never answered")
            await trio.testing.wait_all_tasks_blocked()
            await hand.stream.aclose()


async def test_a_body_may_leave_after_the_end_without_an_error(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    async with by_hand(nursery) as (peer, hand):
        with trio.CancelScope(shield=True):
            await hand.stream.aclose()
            await trio.testing.wait_all_tasks_blocked()
        assert peer.closed_reason is not None


async def test_errors_of_the_body_leave_the_block_as_they_were_raised(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    own = ValueError("the body's own")
    with pytest.raises(ValueError, match="the body's own") as raised:
        async with linked(nursery) as link:
            raise own

    assert raised.value is own
    assert link.gateway_stream.closed


async def test_a_group_of_the_body_leaves_the_block_as_it_was_raised(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    own = ExceptionGroup("two", [ValueError("one"), KeyError("other")])
    with pytest.raises(ExceptionGroup) as raised:
        async with linked(nursery):
            raise own

    assert (raised.value.message, raised.value.exceptions) == (own.message, own.exceptions)


async def test_an_error_while_the_link_ends_is_not_hidden_by_it(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    with pytest.raises(ValueError, match="while cleaning up"):
        async with by_hand(nursery) as (_, hand):
            await hand.stream.aclose()
            try:
                await trio.sleep_forever()
            finally:
                raise ValueError("while cleaning up")


async def test_cancelling_from_outside_is_no_error(autojump_clock: Clock, nursery: trio.Nursery) -> None:
    with trio.move_on_after(3) as scope:
        async with linked(nursery) as link:
            await trio.sleep_forever()

    assert scope.cancelled_caught
    assert link.gateway_stream.closed


async def test_a_handler_that_refuses_what_it_gets_ends_the_link(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    heard = Recorder()
    with pytest.raises(LinkClosed, match=r"broke the protocol: params of break are wrong") as closed:
        async with by_hand(nursery, handler=heard) as (peer, hand):
            heard.peer = peer
            await hand.send(Request(0, "break", None), Request(1, "echo", None))
            await trio.sleep_forever()

    assert isinstance(closed.value.__cause__, RemoteProtocolError)


async def test_a_bug_in_a_handler_leaves_the_block_as_it_was_raised(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    heard = Recorder()
    with pytest.raises(ZeroDivisionError, match="a bug in the handler"):
        async with by_hand(nursery, handler=heard) as (peer, hand):
            heard.peer = peer
            await hand.send(Request(0, "bug", None))
            await trio.sleep_forever()


async def test_two_errors_that_have_nothing_to_do_with_each_other_are_both_shown(
    autojump_clock: Clock,
    nursery: trio.Nursery,
) -> None:
    heard = Recorder()
    with pytest.raises(ExceptionGroup) as raised:
        async with by_hand(nursery, handler=heard) as (peer, hand):
            heard.peer = peer
            await hand.send(Request(0, "bug", None))
            try:
                await trio.sleep_forever()
            finally:
                raise ValueError("the body's own")

    assert {type(error) for error in raised.value.exceptions} == {ZeroDivisionError, ValueError}


async def test_an_answer_to_no_call_ends_the_link(autojump_clock: Clock, nursery: trio.Nursery) -> None:
    with pytest.raises(LinkClosed, match="an answer to call 7, which was never made"):
        async with by_hand(nursery) as (_, hand):
            await hand.send(Response(7, None, None))
            await trio.sleep_forever()


async def test_a_connection_that_breaks_while_sending_ends_the_link(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    nursery.start_soon(Hand(theirs).open_as_world)
    with pytest.raises(LinkClosed, match="broke while sending"):
        async with gateway_side(ours) as peer:
            await theirs.receive_stream.aclose()
            peer.notify("event", None)
            await trio.sleep_forever()


async def test_a_connection_that_breaks_while_receiving_ends_the_link(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    nursery.start_soon(Hand(theirs).open_as_world)
    with pytest.raises(LinkClosed, match="broke while receiving"):
        async with gateway_side(ours):
            await trio.testing.wait_all_tasks_blocked()
            await ours.receive_stream.aclose()
            await trio.sleep_forever()


# -- Signs of life


async def test_an_idle_link_lives(autojump_clock: Clock, nursery: trio.Nursery) -> None:
    async with linked(nursery) as link:
        await _time_passes(600)

        assert await link.gateway.call("echo", "still here") == "still here"
        assert 0 < link.gateway.frames_sent < 1000
        assert link.world_heard.requests[0].method == "echo"


async def test_a_frozen_other_end_ends_the_link_after_the_deadline(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    with pytest.raises(LinkClosed) as closed:
        async with by_hand(nursery) as (_, hand):
            began = trio.current_time()
            await trio.sleep_forever()

    assert closed.value.reason == "no sign of life for 6 s"
    assert trio.current_time() - began == pytest.approx(HEARTBEAT_DEADLINE)
    assert [await hand.receive() for _ in range(2)] == [
        Request(0, HEARTBEAT, None),
        Request(1, HEARTBEAT, None),
    ]


async def test_any_byte_is_a_sign_of_life(autojump_clock: Clock, nursery: trio.Nursery) -> None:
    async with by_hand(nursery) as (peer, hand):
        for byte in encode(Event("slow", "x" * 20)):
            await hand.stream.send_all(bytes([byte]))
            await _time_passes(HEARTBEAT_DEADLINE - 0.5)

        assert peer.frames_received == 1


async def test_a_busy_link_needs_no_heartbeat(autojump_clock: Clock, nursery: trio.Nursery) -> None:
    async with linked(nursery) as link:
        for _ in range(20):
            link.gateway.notify("event", None)
            link.world.notify("event", None)
            await _time_passes(1)

        assert link.gateway.frames_sent == link.world.frames_sent == 20


async def test_heartbeats_are_answered(autojump_clock: Clock, nursery: trio.Nursery) -> None:
    async with by_hand(nursery) as (_, hand):
        await hand.send(Request(9, HEARTBEAT, None))

        assert await hand.receive() == Response(9, None, None)


async def test_a_process_that_was_stopped_reads_before_it_judges(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    async with linked(nursery) as link:
        await trio.testing.wait_all_tasks_blocked()

        autojump_clock.jump(1000)

        assert await link.gateway.call("echo", "awake") == "awake"
        await _time_passes(20)
        assert link.gateway.closed_reason is None


async def test_an_end_that_takes_nothing_ends_the_link_at_the_bound(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    ours, theirs = trio.testing.lockstep_stream_pair()
    nursery.start_soon(Hand(theirs).open_as_world)
    megabyte = pack_body(b"x" * 1_000_000)

    with pytest.raises(LinkClosed, match="more than 16 MiB are waiting"):
        async with gateway_side(ours) as peer:
            for _ in range(MAX_UNSENT // 1_000_000 + 1):
                await trio.testing.wait_all_tasks_blocked()
                assert peer.closed_reason is None
                peer.notify_packed("big", megabyte)
            assert peer.closed_reason is not None
            peer.notify_packed("big", megabyte)
            await trio.sleep_forever()


async def test_leaving_waits_a_bounded_time_for_an_end_that_takes_nothing(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    ours, theirs = trio.testing.lockstep_stream_pair()
    nursery.start_soon(Hand(theirs).open_as_world)

    async with gateway_side(ours) as peer:
        peer.notify("event", None)
        began = trio.current_time()

    assert trio.current_time() - began == pytest.approx(FLUSH_DEADLINE)


async def test_leaving_while_the_other_end_breaks_is_no_error(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    ours, theirs = trio.testing.lockstep_stream_pair()
    nursery.start_soon(Hand(theirs).open_as_world)

    async def close() -> None:
        await trio.testing.wait_all_tasks_blocked()
        await theirs.aclose()

    async with gateway_side(ours) as peer:
        peer.notify("event", None)
        nursery.start_soon(close)

    assert peer.closed_reason is not None


# -- Opening


async def opening_errors(gateway: Block, world: Block) -> list[type[Exception]]:
    """Enter both blocks and return what each raised."""
    errors: dict[str, type[Exception]] = {}

    async def enter(side: str, block: Block) -> None:
        try:
            async with block:
                raise AssertionError("opened")
        except (LinkError, RemoteProtocolError) as error:
            errors[side] = type(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(enter, "gateway", gateway)
        nursery.start_soon(enter, "world", world)
    return [errors["gateway"], errors["world"]]


async def test_a_wrong_key_is_named_at_both_ends(autojump_clock: Clock) -> None:
    ours, theirs = memory_streams()

    errors = await opening_errors(gateway_side(ours), world_side(theirs, key=b"x" * 32))

    assert errors == [WrongKey, WrongKey]
    assert ours.closed
    assert theirs.closed


async def test_a_gateway_names_both_versions_when_the_world_is_newer(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    ours, theirs = memory_streams()

    async def be_newer_world() -> None:
        hand = Hand(theirs)
        opening = WorldOpening(key=KEY, world_epoch=OPENED.world_epoch, nonce=b"w" * 32, version=2)
        hello = await hand.receive()
        with pytest.raises(VersionMismatch) as mismatch:
            opening.receive(hello)
        await hand.send(opening.refusal(mismatch.value))

    nursery.start_soon(be_newer_world)
    with pytest.raises(VersionMismatch) as error:
        async with gateway_side(ours):
            raise AssertionError("opened")

    assert (error.value.ours, error.value.theirs) == (1, 2)


async def test_a_world_names_both_versions_when_the_gateway_is_newer(autojump_clock: Clock) -> None:
    ours, theirs = memory_streams()
    await Hand(theirs).send(Event("hello", {"version": 2}))

    with pytest.raises(VersionMismatch) as error:
        async with world_side(ours):
            raise AssertionError("opened")

    assert (error.value.ours, error.value.theirs) == (1, 2)
    refused = await Hand(theirs).receive()
    assert isinstance(refused, Event)
    assert refused.body["code"] == "version"


async def test_two_gateways_do_not_open_a_link(autojump_clock: Clock) -> None:
    ours, theirs = memory_streams()

    errors = await opening_errors(gateway_side(ours), gateway_side(theirs))

    assert set(errors) <= {RemoteProtocolError, LinkClosed}
    assert ours.closed
    assert theirs.closed


async def test_a_stranger_at_the_port_is_told_and_closed(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    ours, theirs = memory_streams()
    await theirs.send_all(b"GET / HTTP/1.1\r\n\r\n")

    with pytest.raises(RemoteProtocolError, match="malformed frame"):
        async with world_side(ours):
            raise AssertionError("opened")

    answer = await Hand(theirs).receive()
    assert isinstance(answer, Event)
    assert (answer.kind, answer.body["code"]) == ("refused", "malformed")
    assert ours.closed


async def test_a_gateway_that_sends_nonsense_is_refused_in_words(autojump_clock: Clock) -> None:
    ours, theirs = memory_streams()
    await theirs.send_all(encode(Event("hello", {"version": 1})))
    with pytest.raises(RemoteProtocolError):
        async with world_side(ours):
            raise AssertionError("opened")
    refused = await Hand(theirs).receive()

    gateways, worlds = memory_streams()
    await worlds.send_all(encode(refused))
    with pytest.raises(OpeningRefused, match="lacks 'gateway'"):
        async with gateway_side(gateways):
            raise AssertionError("opened")


async def test_a_stranger_cannot_make_us_hold_more_than_a_small_frame(autojump_clock: Clock) -> None:
    ours, theirs = memory_streams()
    await theirs.send_all(b"\x00\x00\xff\xff")

    with pytest.raises(RemoteProtocolError, match="65535 bytes; at most 1024"):
        async with world_side(ours):
            raise AssertionError("opened")


@pytest.mark.parametrize("side", [gateway_side, world_side])
async def test_an_opening_has_a_deadline(
    autojump_clock: Clock, side: Callable[[trio.abc.Stream], Block]
) -> None:
    ours, _ = memory_streams()
    began = trio.current_time()

    with pytest.raises(LinkClosed, match="took longer than 5 s"):
        async with side(ours):
            raise AssertionError("opened")

    assert trio.current_time() - began == pytest.approx(OPENING_DEADLINE)
    assert ours.closed


@pytest.mark.parametrize("side", [gateway_side, world_side])
async def test_an_end_that_closes_during_the_opening_is_named(
    autojump_clock: Clock,
    side: Callable[[trio.abc.Stream], Block],
) -> None:
    ours, theirs = memory_streams()
    await theirs.inner.send_stream.aclose()  # type: ignore[attr-defined]

    with pytest.raises(LinkClosed, match="closed the connection during the opening"):
        async with side(ours):
            raise AssertionError("opened")


@pytest.mark.parametrize("side", [gateway_side, world_side])
async def test_a_connection_that_breaks_during_the_opening_is_named(
    autojump_clock: Clock,
    side: Callable[[trio.abc.Stream], Block],
) -> None:
    ours, theirs = memory_streams()
    opening = GatewayOpening(
        key=KEY, gateway_id=OPENED.gateway_id, gateway_epoch=OPENED.gateway_epoch, nonce=b"n" * 32
    )
    await theirs.send_all(encode(opening.hello()))
    await theirs.inner.receive_stream.aclose()  # type: ignore[attr-defined]

    with pytest.raises(LinkClosed, match="broke during the opening"):
        async with side(ours):
            raise AssertionError("opened")


async def test_a_key_that_is_too_short_is_our_own_mistake(autojump_clock: Clock) -> None:
    ours, _ = memory_streams()
    with pytest.raises(LocalProtocolError):
        world_side(ours, key=b"short")


# -- At every byte, and at every await

SESSION: list[Frame] = [
    Event("tick", {"number": 1, "outputs": ["x"]}),
    Request(5, "echo", [1, None, b"2"]),
    Event("end", 2.5),
]


async def hear(nursery: trio.Nursery, wire: bytes) -> tuple[str, Recorder]:
    """Send `wire` to an open link, and then its end; return why the link ended and what was heard."""
    heard = Recorder()
    with pytest.raises(LinkClosed) as closed:
        async with by_hand(nursery, handler=heard) as (peer, hand):
            heard.peer = peer
            await hand.stream.send_all(wire)
            await hand.stream.inner.send_stream.aclose()  # type: ignore[attr-defined]
            await trio.sleep_forever()
    return closed.value.reason, heard


async def test_a_link_may_be_cut_after_any_byte(autojump_clock: Clock, nursery: trio.Nursery) -> None:
    frames = [encode(frame) for frame in SESSION]
    wire = b"".join(frames)
    whole = {sum(map(len, frames[:count])): count for count in range(len(frames) + 1)}

    for cut in range(len(wire) + 1):
        reason, heard = await hear(nursery, wire[:cut])

        assert reason.endswith("in the middle of a frame") == (cut not in whole)
        assert len(heard.events) + len(heard.requests) == max(n for at, n in whole.items() if at <= cut)


async def test_a_damaged_byte_anywhere_ends_the_link_and_nothing_else(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    wire = b"".join(encode(frame) for frame in SESSION)

    for at in range(len(wire)):
        for damaged in (0x00, 0xFF, 0xC1, wire[at] ^ 0x01, wire[at] ^ 0x80):
            reason, _ = await hear(nursery, wire[:at] + bytes([damaged]) + wire[at + 1 :])

            assert reason.startswith(("the other end broke the protocol", "the other end closed"))


class CancelAfter(trio.abc.Instrument):
    """Cancels a scope when a task has been run so many times: at its so-many-th wait."""

    def __init__(self, task: trio.lowlevel.Task, scope: trio.CancelScope, steps: int) -> None:
        self.task, self.scope, self.steps = task, scope, steps

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        if task is self.task:
            self.steps -= 1
            if self.steps == 0:
                self.scope.cancel()


@pytest.mark.parametrize(("side", "other_side"), [(gateway_side, world_side), (world_side, gateway_side)])
async def test_cancelling_at_any_await_leaves_nothing_behind(
    autojump_clock: Clock,
    side: Callable[[trio.abc.Stream, Handler], Block],
    other_side: Callable[[trio.abc.Stream, Handler], Block],
) -> None:
    async def be_other_end(stream: trio.abc.Stream, heard: Recorder) -> None:
        with suppress(LinkClosed):
            async with other_side(stream, heard) as peer:
                heard.peer = peer
                await trio.sleep_forever()

    for steps in itertools.count(1):
        ours, theirs = memory_streams()
        peers: list[Peer] = []
        # The nursery is left only when the other end has learned of it and ended too.
        async with trio.open_nursery() as nursery:
            nursery.start_soon(be_other_end, theirs, Recorder())
            with trio.CancelScope() as scope:
                instrument = CancelAfter(trio.lowlevel.current_task(), scope, steps)
                trio.lowlevel.add_instrument(instrument)
                try:
                    async with side(ours, Recorder()) as peer:
                        peers.append(peer)
                        assert await peer.call("echo", 1) == 1
                        peer.notify("event", None)
                        await peer.flush()
                        assert await peer.call("echo", 2) == 2
                        peer.notify("event", None)
                finally:
                    trio.lowlevel.remove_instrument(instrument)

        assert ours.closed
        assert theirs.closed
        assert all(peer.pending_calls == 0 and peer.closed_reason is not None for peer in peers)
        if not scope.cancelled_caught:
            break

    assert steps > 8
