"""A wyld.v1 client as the gateway sees it, over memory streams: opening, lines, limits, rude ends."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Sequence

import attrs
import pytest
import trio
import trio.testing
from doubles.web_client import (
    BINARY,
    HELLO,
    PING,
    PONG,
    TEXT,
    WebClient,
    frame,
    said,
    upgrade,
    web_client,
)

from wyld_gateway.adapter import (
    DisconnectedMessage,
    ErrorMessage,
    Incoming,
    NegotiationMessage,
    PingMessage,
    PongMessage,
    Protocol,
    ProtocolAdapter,
    TextMessage,
)
from wyld_gateway.close import Close
from wyld_gateway.errors import HandshakeFailed, TransportBroken
from wyld_gateway.websocket.adapter import HELLO_DEADLINE
from wyld_gateway.websocket.front import serve_http
from wyld_gateway.websocket.protocol import MAX_FRAME
from wyld_gateway.websocket.transport import CLOSE_DEADLINE, MAX_WAITING
from wyld_rpc.messages import EntityStateUpdate, StateUpdateType, Text
from wyld_service.metrics import Health

CONTINUATION = 0


@attrs.define
class Recorder:
    """A gateway that only listens; `adapter` is there once the client has connected."""

    heard: list[Incoming] = attrs.field(factory=list)
    failure: HandshakeFailed | None = None
    adapter: ProtocolAdapter | None = None
    busy: trio.Event | None = None
    """When given, the game takes nothing until it is set: what arrives waits in the adapter."""

    async def play(self, adapter: ProtocolAdapter) -> None:
        self.adapter = adapter
        try:
            await adapter.open()
        except HandshakeFailed as failure:
            self.failure = failure
            await adapter.aclose(Close.PROTOCOL)
            return
        if self.busy is not None:
            await self.busy.wait()
        while not self.heard or not isinstance(self.heard[-1], DisconnectedMessage):
            self.heard += await adapter.receive()
            match self.heard[-1]:
                case ErrorMessage(text, Close() as close):
                    await adapter.send_all(adapter.encode_bye(close, text))
                    await adapter.aclose(close)


def lines(heard: Sequence[Incoming]) -> list[str]:
    return [message.line for message in heard if isinstance(message, TextMessage)]


# ------------------------------------------------------------------------------------------- opening


async def test_hello_is_answered_by_welcome_and_tells_about_the_client() -> None:
    game = Recorder()

    async with web_client(game.play) as client:
        await client.send(upgrade())
        await client.response()
        await client.send(said(HELLO))
        (welcome,) = await client.messages()

    assert welcome["t"] == "welcome"
    assert welcome["resumed"] is False
    assert welcome["limits"] == {"text": 4096, "window": 64}
    assert game.adapter is not None
    assert game.adapter.protocol is Protocol.WEBSOCKET
    metadata = game.adapter.metadata
    assert (metadata.client_name, metadata.client_version) == ("test", "1")
    assert (metadata.width, metadata.height, metadata.screen_reader) == (80, 24, False)
    assert metadata.capabilities == ("wyld.v1",)


async def test_without_a_hello_there_is_no_game(autojump_clock: trio.testing.MockClock) -> None:
    game = Recorder()

    async with web_client(game.play) as client:
        await client.send(upgrade())
        await client.response()
        code, _ = await client.close_frame()

    assert code == 4400
    assert "hello" in str(game.failure)
    assert trio.current_time() == pytest.approx(HELLO_DEADLINE, abs=0.1)


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (said({"t": "line", "text": "look"}), "must be hello"),
        (frame(TEXT, b"look"), "not JSON"),
        (frame(8, b"\x03\xe8"), "left before"),
        (b"", "left before"),
    ],
)
async def test_a_first_message_that_is_no_hello_fails_the_handshake(first: bytes, words: str) -> None:
    game = Recorder()

    async with web_client(game.play) as client:
        await client.send(upgrade())
        await client.response()
        await client.send(first)
        if not first:
            await trio.aclose_forcefully(client.stream)

    assert words in str(game.failure)


async def test_a_client_that_vanishes_before_the_welcome_fails_the_handshake() -> None:
    game = Recorder()

    async with web_client(game.play, unbuffered=True) as client:
        await client.send(upgrade())
        await client.response()
        await client.send(said(HELLO))
        await trio.testing.wait_all_tasks_blocked()

    assert game.failure is not None


async def test_p25_what_is_typed_behind_the_hello_is_kept() -> None:
    game = Recorder()

    async with web_client(game.play) as client:
        await client.send(upgrade())
        await client.response()
        await client.send(
            said(HELLO) + said({"t": "line", "text": "connect ann"}) + said({"t": "line", "text": "n"})
        )
        await client.messages()
        await trio.testing.wait_all_tasks_blocked()

    assert game.heard[:2] == [TextMessage("connect ann"), TextMessage("n")]


# ------------------------------------------------------------------------------------------- lines in


async def test_each_message_arrives_as_what_it_is() -> None:
    game = Recorder()

    async with web_client(game.play) as client:
        await client.join()
        await client.send(said({"t": "cmd", "n": 1, "text": "look"}))
        await client.send(said({"t": "ack", "n": 3}))
        await client.send(said({"t": "caps", "width": 40, "height": 20, "sr": True}))
        await client.send(said({"t": "pong"}))
        await trio.testing.wait_all_tasks_blocked()

    assert game.heard == [
        TextMessage("look", 1),
        NegotiationMessage(),
        PongMessage(),
        DisconnectedMessage(Close.RESET),
    ]
    assert game.adapter is not None
    assert game.adapter.metadata.screen_reader
    assert game.adapter.metadata.client_name == "test"


async def test_a_message_in_fragments_with_a_ping_between_is_one_message() -> None:
    game = Recorder()
    payload = json.dumps({"t": "line", "text": "süß"}, ensure_ascii=False).encode()

    async with web_client(game.play) as client:
        await client.join()
        await client.send(frame(TEXT, payload[:21], fin=False))
        await client.send(frame(PING, b"still there?"))
        await client.send(frame(CONTINUATION, payload[21:23], fin=False) + frame(CONTINUATION, payload[23:]))
        pong = await client.frame()
        await trio.testing.wait_all_tasks_blocked()

    assert pong == (PONG, b"still there?")
    assert lines(game.heard) == ["süß"]


async def test_receive_that_is_cancelled_loses_nothing() -> None:
    async with web_client(two_tries := TwoTries()) as client:
        await client.join()
        await two_tries.cancelled.wait()
        await client.send(said({"t": "line", "text": "look"}))
        await trio.testing.wait_all_tasks_blocked()

    assert two_tries.heard == [TextMessage("look")]


class TwoTries:
    """Receives once in vain and is cancelled, then again."""

    def __init__(self) -> None:
        self.cancelled = trio.Event()
        self.heard: list[Incoming] = []

    async def __call__(self, adapter: ProtocolAdapter) -> None:
        await adapter.open()
        with trio.CancelScope() as scope:
            scope.cancel()
            await adapter.receive()
        self.cancelled.set()
        self.heard += await adapter.receive()


async def test_p42_pings_are_answered_while_the_game_is_busy() -> None:
    busy = trio.Event()
    game = Recorder(busy=busy)

    async with web_client(game.play) as client:
        await client.join()
        for number in range(1, MAX_WAITING):
            await client.send(said({"t": "cmd", "n": number, "text": "n"}))
        await client.send(frame(PING, b"1") + said({"t": "ping"}))

        assert await client.frame() == (PONG, b"1")
        assert await client.messages() == [{"t": "pong"}]
        busy.set()
        await trio.testing.wait_all_tasks_blocked()

    assert lines(game.heard) == ["n"] * (MAX_WAITING - 1)
    assert game.heard[-2] == PingMessage()


async def test_p42_a_client_that_sends_more_than_the_game_takes_is_refused_with_what_waits_kept() -> None:
    busy = trio.Event()
    game = Recorder(busy=busy)

    async with web_client(game.play) as client:
        await client.join()
        for number in range(1, MAX_WAITING + 50):
            await client.send(said({"t": "cmd", "n": number, "text": "n"}))
        await trio.testing.wait_all_tasks_blocked()
        busy.set()
        (bye,) = await client.messages()
        code, reason = await client.close_frame()
        await client.send(frame(8, b"\x11\x4d"))

    assert len(lines(game.heard)) == MAX_WAITING
    assert isinstance(game.heard[-2], ErrorMessage)
    assert game.heard[-1] == DisconnectedMessage(Close.LIMIT)
    assert (bye["code"], bye["reconnect"]) == (code, True) == (4429, True)
    assert reason == "limit"


# ------------------------------------------------------------------------------------------- limits


@pytest.mark.parametrize(
    ("sent", "close"),
    [
        (frame(TEXT, b"x" * (MAX_FRAME + 1)), Close.TOO_LARGE),
        (frame(TEXT, b"x" * MAX_FRAME, fin=False) + frame(CONTINUATION, b"x"), Close.TOO_LARGE),
        (said({"t": "line", "text": "x" * 5000}), Close.TOO_LARGE),
        (frame(BINARY, b"\0\1"), Close.PROTOCOL),
        (said({"t": "cmd", "n": 0, "text": "look"}), Close.PROTOCOL),
        (said(HELLO), Close.PROTOCOL),
    ],
)
async def test_a_broken_rule_gets_words_and_its_close_code(sent: bytes, close: Close) -> None:
    game = Recorder()

    async with web_client(game.play) as client:
        await client.join()
        await client.send(said({"t": "line", "text": "before"}))
        await client.send(sent + said({"t": "line", "text": "behind"}))
        (bye,) = await client.messages()
        code, _ = await client.close_frame()
        await client.send(frame(8))

    assert lines(game.heard) == ["before"]
    assert bye["t"] == "bye"
    assert bye["text"].endswith(".")
    assert bye["code"] == code == close.terms.code
    assert game.heard[-1] == DisconnectedMessage(close)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(TEXT, b"\xff\xfe"), 1007),
        (frame(TEXT, b"{}", masked=False), 1002),
        (frame(CONTINUATION, b"{}"), 1002),
        (frame(3, b""), 1002),
        (bytes([0xC1, 0x80, 0, 0, 0, 0]), 1002),
        (frame(PING, b"x" * 126), 1002),
        (frame(8, b"\x03"), 1002),
    ],
)
async def test_a_broken_frame_is_answered_with_the_code_of_rfc_6455(sent: bytes, code: int) -> None:
    game = Recorder()

    async with web_client(game.play) as client:
        await client.join()
        await client.send(sent)
        told, _ = await client.close_frame()
        assert await client.ended()

    assert told == code
    assert game.heard == [DisconnectedMessage(Close.PROTOCOL)]


async def test_endless_empty_fragments_cost_no_memory() -> None:
    game = Recorder()

    async with web_client(game.play) as client:
        await client.join()
        await client.send(frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"", fin=False) * 2000)
        await trio.testing.wait_all_tasks_blocked()

        assert game.adapter is not None
        fragments = game.adapter._socket._fragments  # type: ignore[attr-defined]
        assert fragments == []


# ------------------------------------------------------------------------------------------------ out


async def test_all_that_one_tick_made_is_one_frame() -> None:
    async def play(adapter: ProtocolAdapter) -> None:
        await adapter.open()
        rendered = adapter.render(Text("A bell rings."))
        prompt = EntityStateUpdate(StateUpdateType.CUSTOM, {"text": "1/9 hp> "}, "prompt")
        parts = [
            adapter.encode_attached(b"\1", 1),
            adapter.numbered(rendered, 1),
            adapter.encode_state(EntityStateUpdate(StateUpdateType.STATS, {"hp": 1})),
            adapter.encode_state(prompt),
            adapter.encode_ack(4),
            adapter.encode_echo(on=False),
            adapter.encode_detached(),
            adapter.encode_ping(),
        ]
        assert adapter.rendering_key == "wyld.v1"
        assert adapter.send_now(b"x") == 0
        await adapter.send_all(adapter.compose(parts, "1/9 hp> ", prompt_changed=True))
        await adapter.send_all(
            adapter.compose([adapter.encode_notice("One.")], "1/9 hp> ", prompt_changed=False)
        )
        await adapter.send_all(adapter.compose([], None, prompt_changed=True))
        await adapter.send_all(b"")
        await adapter.send_all(adapter.encode_bye(Close.QUIT, "Goodbye."))

    async with web_client(play) as client:
        await client.join()
        tick, notice, no_prompt, bye = [await client.messages() for _ in range(4)]

    kinds = [message["t"] for message in tick]
    assert kinds == ["attached", "out", "state", "ack", "echo", "detached", "ping", "prompt"]
    assert tick[1] == {"t": "out", "n": 1, "k": "text", "d": {"text": "A bell rings."}}
    assert notice == [{"t": "notice", "d": "One."}]
    assert no_prompt == [{"t": "prompt", "d": ""}]
    assert bye == [{"t": "bye", "code": 1000, "reconnect": False, "text": "Goodbye."}]


# --------------------------------------------------------------------------------------------- the end


@pytest.mark.parametrize("code", [1000, 1001, 4000])
async def test_a_client_that_closes_has_left_but_has_not_quit(code: int) -> None:
    game = Recorder()

    async with web_client(game.play) as client:
        await client.join()
        await client.send(said({"t": "line", "text": "last"}) + frame(8, struct.pack("!H", code)))
        answer, _ = await client.close_frame()
        assert await client.ended()

    assert answer == code
    assert game.heard == [TextMessage("last"), DisconnectedMessage(Close.EOF)]


async def test_p40_a_client_that_is_cut_after_any_byte_is_disconnected_and_raises_nothing() -> None:
    script = said({"t": "cmd", "n": 1, "text": "look"}) + frame(PING, b"x") + frame(8, b"\x03\xe8")
    for end in range(len(script)):
        game = Recorder()

        async with web_client(game.play) as client:
            await client.join()
            await client.send(script[:end])
            await trio.testing.wait_all_tasks_blocked()

        assert isinstance(game.heard[-1], DisconnectedMessage)
        assert all(message == TextMessage("look", 1) for message in game.heard[:-1])


@pytest.mark.parametrize("answers", [True, False])
async def test_p40_our_close_waits_for_the_answer_but_not_long(
    answers: bool, autojump_clock: trio.testing.MockClock
) -> None:
    took: list[float] = []

    async def play(adapter: ProtocolAdapter) -> None:
        await adapter.open()
        before = trio.current_time()
        await adapter.aclose(Close.REPLACED)
        took.append(trio.current_time() - before)
        await adapter.aclose(Close.QUIT)

    async with web_client(play) as client:
        await client.join()
        assert await client.close_frame() == (4001, "replaced")
        # After our close frame pings and messages of the client are read and not answered.
        await client.send(frame(PING, b"late") + said({"t": "line", "text": "late"}))
        if answers:
            await client.send(frame(8, struct.pack("!H", 4001)))
        opcodes = []
        try:
            while True:
                opcodes.append((await client.frame())[0])
        except EOFError:
            pass

    assert opcodes == []
    assert took == [pytest.approx(0 if answers else CLOSE_DEADLINE, abs=0.1)]


async def test_p40_a_client_that_reads_nothing_does_not_hold_up_the_close(
    autojump_clock: trio.testing.MockClock,
) -> None:
    broken = trio.Event()

    async def play(adapter: ProtocolAdapter) -> None:
        await adapter.open()

        async def write() -> None:
            try:
                await adapter.send_all(adapter.encode_notice("x" * 1000))
            except TransportBroken:
                broken.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            await trio.testing.wait_all_tasks_blocked()
            await adapter.aclose(Close.SLOW)

    async with web_client(play, unbuffered=True) as client:
        await client.join()
        await broken.wait()

    assert trio.current_time() == pytest.approx(CLOSE_DEADLINE, abs=0.1)


async def test_a_cancelled_close_closes_at_once(autojump_clock: trio.testing.MockClock) -> None:
    async def play(adapter: ProtocolAdapter) -> None:
        await adapter.open()
        with trio.move_on_after(0.5):
            await adapter.aclose(Close.DRAIN)

    async with web_client(play) as client:
        await client.join()

        assert await client.ended()

    assert trio.current_time() == pytest.approx(0.5, abs=0.1)


async def test_p41_sending_after_the_end_raises_our_one_error(autojump_clock: trio.testing.MockClock) -> None:
    failures = []

    async def play(adapter: ProtocolAdapter) -> None:
        await adapter.open()
        assert list(await adapter.receive()) == [DisconnectedMessage(Close.EOF)]
        for _ in range(2):
            with pytest.raises(TransportBroken):
                await adapter.send_all(adapter.encode_notice("Too late."))
            failures.append(await adapter.receive())
            await adapter.aclose(Close.EOF)

    async with web_client(play) as client:
        await client.join()
        await client.send(frame(8))
        await client.ended()

    assert failures == [[DisconnectedMessage(Close.EOF)]] * 2


@pytest.mark.parametrize("step", ["request", "hello", "line", "close"])
async def test_p40_a_reset_at_any_step_ends_one_connection(step: str) -> None:
    game = Recorder()
    done = trio.Event()
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")

    async def serve(stream: trio.SocketStream) -> None:
        await serve_http(stream, peer="", pages={}, health=Health(), on_connection=game.play)
        done.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        stream = await trio.open_tcp_stream(*listeners[0].socket.getsockname())
        client = WebClient(stream)
        await client.send(upgrade())
        if step != "request":
            await client.say_hello()
        if step == "line":
            await client.send(said({"t": "line", "text": "look"}))
        if step == "close":
            await client.send(frame(8))
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await stream.aclose()
        await done.wait()
        nursery.cancel_scope.cancel()

    assert not game.heard or isinstance(game.heard[-1], DisconnectedMessage)
