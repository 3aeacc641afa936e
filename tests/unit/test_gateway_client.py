"""The way out to one client: what costs a system call, what costs a task, and what happens when the client is slow."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio
import trio.testing
from doubles.plain_client import PlainClient

from wyld_gateway.adapter import (
    DisconnectedMessage,
    ErrorMessage,
    NegotiationMessage,
    PingMessage,
    TextMessage,
)
from wyld_gateway.client import Client, ConnectionEnded
from wyld_gateway.close import Close

LIMIT = 1000


@pytest.fixture
async def writers() -> AsyncIterator[trio.Nursery]:
    """The connection's nursery, which only ever holds a writer."""
    async with trio.open_nursery() as nursery:
        yield nursery
        nursery.cancel_scope.cancel()


@pytest.fixture
def plain() -> PlainClient:
    return PlainClient()


@pytest.fixture
async def client(plain: PlainClient, writers: trio.Nursery) -> Client:
    return Client(plain, writers, queue_limit=LIMIT)


async def quiet() -> None:
    await trio.testing.wait_all_tasks_blocked()


# -- Out -------------------------------------------------------------------------------------------------------


async def test_what_was_staged_leaves_with_one_system_call_and_no_task(
    client: Client, plain: PlainClient, writers: trio.Nursery
) -> None:
    client.notice("one")
    client.stage(b"two\n")
    client.set_prompt(">")

    client.flush()

    assert plain.text == "one\ntwo\n<>>"
    assert plain.system_calls == 1
    assert not writers.child_tasks


async def test_nothing_staged_costs_nothing(client: Client, plain: PlainClient) -> None:
    client.stage(b"")
    client.flush()

    assert plain.system_calls == 0


async def test_writer_starts_when_the_socket_is_full_and_ends_when_all_is_out(
    client: Client, plain: PlainClient, writers: trio.Nursery
) -> None:
    plain.make_room(2)
    client.stage(b"abcd")
    client.flush()
    assert len(writers.child_tasks) == 1
    await quiet()

    client.stage(b"efgh")
    client.flush()
    assert (plain.text, plain.system_calls) == ("ab", 1)
    plain.make_room(None)
    await quiet()

    assert plain.text == "abcdefgh"
    assert not writers.child_tasks
    client.stage(b"ijkl")
    client.flush()
    assert plain.text == "abcdefghijkl"
    assert plain.system_calls == 2


async def test_what_waits_is_written_together(client: Client, plain: PlainClient) -> None:
    plain.make_room(0)
    client.stage(b"a")
    client.flush()
    await quiet()
    for n in range(10):
        client.stage(str(n).encode())
        client.flush()

    plain.make_room(None)
    await quiet()

    assert plain.text == "a0123456789"
    assert plain.waiting_writes == 2


async def test_too_much_that_waits_detaches_the_client(client: Client, plain: PlainClient) -> None:
    plain.make_room(0)
    client.stage(b"x" * (LIMIT + 1))

    client.flush()

    assert client.close is Close.SLOW
    assert client.conversation.cancel_called
    assert plain.text == ""


async def test_too_many_writes_that_wait_detach_the_client(
    client: Client, plain: PlainClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wyld_gateway.limits.QUEUE_ITEMS", 3)
    plain.make_room(0)
    client.stage(b"x")
    client.flush()
    await quiet()

    for _ in range(4):
        client.stage(b"x")
        client.flush()

    assert client.close is Close.SLOW


async def test_broken_transport_is_left_to_the_reader(
    client: Client, plain: PlainClient, writers: trio.Nursery
) -> None:
    plain.make_room(0)
    client.stage(b"abc")
    client.flush()
    await quiet()

    plain.break_transport()
    await quiet()
    client.stage(b"def")
    client.flush()
    await quiet()

    assert client.close is None
    assert not writers.child_tasks
    assert client.queued == 0


async def test_stalled_since_the_client_took_nothing(client: Client, plain: PlainClient) -> None:
    plain.make_room(0)
    assert client.stalled_since is None
    client.stage(b"abc")
    client.flush()
    await quiet()

    assert client.stalled_since is not None
    plain.make_room(None)
    await quiet()
    assert client.stalled_since is None


async def test_held_output_waits_and_what_is_said_first_comes_first(
    client: Client, plain: PlainClient
) -> None:
    client.hold()
    client.stage(b"second\n")
    client.flush()
    assert plain.text == ""

    client.release(b"first\n")

    assert plain.text == "first\nsecond\n"
    assert plain.system_calls == 1


async def test_release_of_nothing_sends_nothing(client: Client, plain: PlainClient) -> None:
    client.hold()

    client.release()

    assert plain.system_calls == 0


# -- In --------------------------------------------------------------------------------------------------------


async def test_lines_before_the_end_are_received_before_the_end(client: Client, plain: PlainClient) -> None:
    plain.send(TextMessage("a"), TextMessage("b"), DisconnectedMessage(Close.EOF))

    await client.receive()
    assert [message.line for message in client.lines] == ["a", "b"]

    with pytest.raises(ConnectionEnded) as error:
        await client.receive()
    assert error.value.close is Close.EOF


async def test_grave_error_of_the_client_has_its_words(client: Client, plain: PlainClient) -> None:
    plain.send(ErrorMessage("That is HTTP.", Close.PROTOCOL))
    await client.receive()

    with pytest.raises(ConnectionEnded, match="protocol") as error:
        await client.receive()

    assert error.value.text == "That is HTTP."


async def test_small_error_is_told(client: Client, plain: PlainClient) -> None:
    plain.send(ErrorMessage("Too long."), PingMessage())

    await client.receive()

    assert plain.text == "Too long.\n"


async def test_anything_is_a_sign_of_life(
    client: Client, plain: PlainClient, autojump_clock: trio.testing.MockClock
) -> None:
    client.asked_at = trio.current_time()
    await trio.sleep(5)
    plain.send(NegotiationMessage())

    await client.receive()

    assert client.negotiated
    assert client.asked_at is None
    assert client.heard_at == trio.current_time()


# -- The end ---------------------------------------------------------------------------------------------------


async def test_first_reason_counts_and_is_said_once(client: Client, plain: PlainClient) -> None:
    client.end(Close.KICKED, "You have to go.")
    client.end(Close.QUIT, "Goodbye.")

    assert client.close is Close.KICKED
    assert plain.text == "You have to go.{bye kicked}\n"


@pytest.mark.parametrize("close", [Close.EOF, Close.RESET, Close.SLOW])
async def test_whoever_cannot_hear_gets_no_last_words(
    client: Client, plain: PlainClient, close: Close
) -> None:
    client.end(close)

    assert plain.system_calls == 0


async def test_last_words_reach_whoever_was_held(client: Client, plain: PlainClient) -> None:
    client.hold()
    client.stage(b"news\n")

    client.end(Close.DRAIN, "Goodbye.")

    assert plain.text == "news\nGoodbye.{bye drain}\n"
