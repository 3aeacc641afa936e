"""The telnet adapter on streams in memory, in virtual time."""

from __future__ import annotations

import socket

import pytest
import trio
import trio.testing
from telnet_feeding import BURST, DO, DONT, IAC, REFUSAL, SB, SE, WILL, WONT, subnegotiation

from wyld_gateway.adapter import (
    ClientMetadata,
    DisconnectedMessage,
    ErrorMessage,
    NegotiationMessage,
    PingMessage,
    TextMessage,
)
from wyld_gateway.client import Client
from wyld_gateway.close import Close
from wyld_gateway.errors import HandshakeFailed, TransportBroken
from wyld_gateway.player_socket import PlayerSocket
from wyld_gateway.telnet import Limits
from wyld_gateway.telnet.adapter import CLOSE_WAIT, NEGOTIATION_WAIT, TelnetAdapter
from wyld_gateway.telnet.options.new_environ import encode_variables
from wyld_gateway.telnet.options.terminal_type import encode_answer
from wyld_gateway.telnet.options.window_size import encode_window_size
from wyld_gateway.terminal import ClientProfile, Colours
from wyld_rpc.messages import EntityStateUpdate, RoomDescription, StateUpdateType, Text

ECHO, SGA, EOR, NAWS, TTYPE = b"\x01", b"\x03", b"\x19", b"\x1f", b"\x18"
CHARSET, ENVIRON = b"\x2a", b"\x27"
NO_DATA = DONT + b"\x46" + DONT + b"\xc9" + DONT + b"\x45"
EOR_MARK = IAC + b"\xef"
AYT = IAC + b"\xf6"


def pair(limits=None):
    """An adapter and the client's end of its stream."""
    stream, far = trio.testing.memory_stream_pair()
    return TelnetAdapter(stream, "192.0.2.7:53124", limits), far


async def opened(answers=REFUSAL, limits=None):
    adapter, far = pair(limits)
    await far.send_all(answers)
    await adapter.open()
    await far.receive_some()
    await trio.testing.wait_all_tasks_blocked()
    with trio.move_on_after(0):
        await far.receive_some()
    return adapter, far


def answer(name):
    return subnegotiation(24, encode_answer(name))


MUDLET = (
    WILL + TTYPE + answer("Mudlet") + answer("ansi-truecolor") + answer("MTTS 2413")
    + WILL + NAWS + subnegotiation(31, encode_window_size(100, 40)) + WONT + ENVIRON + DONT + CHARSET + DO + EOR + DO + SGA
    + NO_DATA
)  # fmt: skip


# Opening.


async def test_client_that_says_nothing_gets_the_first_screen_after_a_short_wait(autojump_clock):
    adapter, far = pair()
    began = trio.current_time()

    await adapter.open()

    assert trio.current_time() - began == pytest.approx(NEGOTIATION_WAIT)
    assert await far.receive_some() == BURST
    assert adapter.rendering_key == ClientProfile()


async def test_client_that_has_answered_everything_waits_no_longer(autojump_clock):
    adapter, far = pair()
    await far.send_all(MUDLET)
    began = trio.current_time()

    await adapter.open()

    assert trio.current_time() == began
    assert adapter.rendering_key == ClientProfile(100, Colours.TRUECOLOR, screen_reader=True)
    assert adapter.metadata == ClientMetadata(
        client_name="MUDLET",
        terminal_type="ANSI-TRUECOLOR",
        width=100,
        height=40,
        screen_reader=True,
        capabilities=("suppress-go-ahead", "terminal-type", "end-of-record", "window-size"),
    )


async def test_player_who_types_sooner_ends_the_wait_and_loses_nothing(autojump_clock):
    adapter, far = pair()
    await far.send_all(WILL + NAWS + b"connect ann secret\r\nlo")
    began = trio.current_time()

    await adapter.open()
    await far.send_all(b"ok\r\n")

    assert trio.current_time() == began
    assert await adapter.receive() == [TextMessage("connect ann secret")]
    assert await adapter.receive() == [TextMessage("look")]


async def test_answers_during_the_opening_are_sent_at_once(autojump_clock):
    adapter, far = pair()
    await far.send_all(WILL + TTYPE)

    await adapter.open()

    sent = b""
    with trio.move_on_after(1):
        while True:
            sent += await far.receive_some()
    assert sent == BURST + IAC + SB + TTYPE + b"\x01" + IAC + SE


@pytest.mark.parametrize("hello", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01"])
async def test_client_of_another_protocol_is_refused(hello, autojump_clock):
    adapter, far = pair()
    await far.send_all(hello)

    with pytest.raises(HandshakeFailed) as refusal:
        await adapter.open()

    assert len(adapter.encode_notice(str(refusal.value)).splitlines()) == 1


async def test_client_of_another_protocol_that_comes_late_ends_the_connection(autojump_clock):
    adapter, far = await opened(b"")
    await far.send_all(b"GET / HTTP/1.1\r\n")

    messages = await adapter.receive()

    assert [message.close for message in messages] == [Close.PROTOCOL]


@pytest.mark.parametrize("how", ["eof", "close"])
async def test_client_that_leaves_during_the_opening_is_reported_by_receive(how, autojump_clock):
    adapter, far = pair()
    await (far.send_eof() if how == "eof" else far.aclose())

    await adapter.open()

    assert isinstance((await adapter.receive())[-1], DisconnectedMessage)


async def test_opening_cancelled_at_every_point_raises_nothing_else(autojump_clock):
    for checkpoints in range(6):
        adapter, far = pair()
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(adapter.open)
                for _ in range(checkpoints):
                    await trio.lowlevel.checkpoint()
                scope.cancel()
        await trio.aclose_forcefully(far)


# In.


async def test_lines_come_without_what_steers_a_terminal(autojump_clock):
    adapter, far = await opened()
    await far.send_all(b"say \x1b[2Jhi\x07 there\r\n")

    assert await adapter.receive() == [TextMessage("say hi there")]


async def test_line_that_is_too_long_is_answered_in_words(autojump_clock):
    adapter, far = await opened(limits=Limits(line=16))
    await far.send_all(b"x" * 17 + b"\r\nlook\r\n")

    error, line = await adapter.receive()

    assert (error.close, "16 bytes" in error.text) == (None, True)
    assert line == TextMessage("look")


async def test_are_you_there_is_a_sign_of_life_that_is_answered_with_the_next_output(autojump_clock):
    adapter, far = await opened()
    await far.send_all(AYT)

    assert await adapter.receive() == [PingMessage()]
    assert adapter.owes
    assert adapter.compose([], None, prompt_changed=False) == b"\r\n[Yes]\r\n"
    assert not adapter.owes


async def test_refused_option_is_a_sign_of_life_too_so_that_its_answer_leaves(autojump_clock):
    adapter, far = await opened()
    await far.send_all(WILL + b"\x63")

    assert await adapter.receive() == [PingMessage()]
    assert adapter.compose([], None, prompt_changed=False) == DONT + b"\x63"


async def test_resize_is_told_once_and_only_if_it_is_one(autojump_clock):
    adapter, far = await opened(MUDLET)
    await far.send_all(subnegotiation(31, encode_window_size(60, 20)))
    assert await adapter.receive() == [NegotiationMessage()]
    assert adapter.rendering_key.width == 60

    await far.send_all(subnegotiation(31, encode_window_size(60, 20)) + b"look\r\n")

    assert await adapter.receive() == [TextMessage("look")]


@pytest.mark.parametrize(
    ("how", "close"), [("eof", Close.EOF), ("close", Close.EOF), ("broken", Close.RESET)]
)
async def test_end_of_the_stream_is_the_last_message(how, close, autojump_clock):
    adapter, far = await opened()
    if how == "broken":
        await adapter.aclose(Close.QUIT)
    else:
        await far.send_all(b"quit\r\n")
        assert await adapter.receive() == [TextMessage("quit")]
        await (far.send_eof() if how == "eof" else far.aclose())

    for _ in range(2):
        assert await adapter.receive() == [DisconnectedMessage(close)]


async def test_variables_and_charset_are_believed(autojump_clock):
    adapter, far = await opened(WILL + ENVIRON + DO + CHARSET)
    variables = encode_variables(
        {"CLIENT_NAME": "Mud\x1blet", "CLIENT_VERSION": "4.18", "SCREEN_READER": "1"}
    )
    await far.send_all(subnegotiation(39, variables) + subnegotiation(42, b"\x02cp437"))

    assert await adapter.receive() == [NegotiationMessage()]

    assert adapter.rendering_key == ClientProfile(80, Colours.ANSI_16, "cp437", screen_reader=True)
    assert (adapter.metadata.client_name, adapter.metadata.client_version) == ("Mudlet", "4.18")
    assert adapter.render(Text("ü│")) == b"\x81\xb3\r\n"


async def test_rejected_subnegotiation_disturbs_nobody(autojump_clock):
    adapter, far = await opened()
    await far.send_all(subnegotiation(31, b"x") + b"look\r\n")

    assert await adapter.receive() == [TextMessage("look")]


async def test_cancelled_receive_loses_nothing(autojump_clock):
    adapter, far = await opened()
    await far.send_all(b"lo")
    with trio.move_on_after(1):
        await adapter.receive()

    await far.send_all(b"ok\r\n")

    assert await adapter.receive() == [TextMessage("look")]


# Out.


async def test_output_is_rendered_for_the_client(autojump_clock):
    adapter, _ = await opened(MUDLET)
    room = RoomDescription("Quay", "Salt.", ("up",), (), ())

    assert adapter.render(Text("grüß\ndich")) == "grüß\r\ndich\r\n".encode()
    assert adapter.render(room).startswith(b"\x1b[1;38;2;24;112;236mQuay\x1b[0m\r\n")


async def test_client_that_says_by_mtts_that_it_has_no_utf_8_gets_latin_1_with_iac_doubled(autojump_clock):
    adapter, _ = await opened(WILL + TTYPE + answer("X") + answer("ANSI") + answer("MTTS 1"))

    assert adapter.render(Text("ÿ é 世")) == b"\xff\xff \xe9 ?\r\n"


async def test_what_telnet_has_no_words_for_is_empty(autojump_clock):
    adapter, _ = await opened()

    assert adapter.encode_state(EntityStateUpdate(StateUpdateType.STATS, {"hp": 3})) == b""
    assert adapter.encode_attached(b"epoch", 1) == adapter.encode_ack(7) == b""
    assert adapter.encode_ping() == adapter.encode_detached() == b""
    assert adapter.numbered(b"x\r\n", 12) == b"x\r\n"


async def test_notice_is_a_line_wrapped_to_the_window(autojump_clock):
    adapter, _ = await opened(WILL + NAWS + subnegotiation(31, encode_window_size(20, 20)))

    assert (
        adapter.encode_notice("The world restarts in 60 seconds.")
        == b"The world restarts\r\nin 60 seconds.\r\n"
    )


# Prompts.


def play(adapter, text, prompt="> ", changed=False):
    return adapter.compose([adapter.render(Text(text))] if text else [], prompt, prompt_changed=changed)


async def test_prompt_follows_every_output_with_its_mark(autojump_clock):
    adapter, far = await opened(DO + EOR)

    assert play(adapter, "You wake up.", changed=True) == b"You wake up.\r\n> " + EOR_MARK
    await far.send_all(b"look\r\n")
    await adapter.receive()
    assert play(adapter, "A quay.") == b"A quay.\r\n> " + EOR_MARK


async def test_text_never_sticks_to_a_prompt_that_stands(autojump_clock):
    adapter, _ = await opened(DO + EOR)
    play(adapter, "You wake up.", changed=True)

    assert play(adapter, "Ann arrives.") == b"\r\nAnn arrives.\r\n> " + EOR_MARK


async def test_new_prompt_does_not_stick_to_the_one_that_stands(autojump_clock):
    adapter, _ = await opened(DO + EOR)
    play(adapter, "", "10 hp> ", changed=True)

    assert play(adapter, "", "9 hp> ", changed=True) == b"\r\n9 hp> " + EOR_MARK


async def test_nothing_to_say_repeats_no_prompt(autojump_clock):
    adapter, _ = await opened()
    play(adapter, "x", changed=True)

    assert play(adapter, "") == b""


async def test_no_prompt_is_none(autojump_clock):
    adapter, _ = await opened()

    assert play(adapter, "x", None, changed=True) == b"x\r\n"
    assert play(adapter, "x", "", changed=True) == b"x\r\n"


async def test_screen_reader_hears_a_prompt_only_when_it_changed(autojump_clock):
    adapter, _ = await opened(MUDLET)

    assert play(adapter, "x", changed=True) == b"x\r\n> " + EOR_MARK
    assert play(adapter, "y") == b"\r\ny\r\n"
    assert play(adapter, "z") == b"z\r\n"


async def test_prompt_is_shown_again_behind_the_answer_to_are_you_there(autojump_clock):
    adapter, far = await opened(DO + EOR)
    play(adapter, "x", changed=True)
    await far.send_all(AYT)
    await adapter.receive()

    assert play(adapter, "") == b"\r\n[Yes]\r\n> " + EOR_MARK


async def test_answer_that_is_no_text_repeats_no_prompt(autojump_clock):
    adapter, far = await opened(DO + EOR)
    play(adapter, "x", changed=True)
    await far.send_all(WILL + b"\x63")
    await adapter.receive()

    assert play(adapter, "") == DONT + b"\x63"


async def test_password_is_hidden_before_its_prompt_and_the_next_text_has_a_line_of_its_own(autojump_clock):
    adapter, far = await opened(DONT + EOR + DO + SGA)

    hide = adapter.encode_echo(False)
    assert adapter.compose([hide], "Password: ", prompt_changed=True) == WILL + ECHO + b"Password: "
    await far.send_all(DO + ECHO + b"secret\r\n")
    assert await adapter.receive() == [TextMessage("secret")]

    show = adapter.encode_echo(True)
    assert adapter.compose([show, adapter.encode_notice("Welcome.")], None, prompt_changed=True) == (
        b"\r\n" + WONT + ECHO + b"Welcome.\r\n"
    )


async def test_client_that_will_not_hide_a_password_is_warned(autojump_clock):
    adapter, far = await opened()
    adapter.encode_echo(False)
    await far.send_all(DONT + ECHO)

    (warning,) = await adapter.receive()

    assert isinstance(warning, ErrorMessage)
    assert warning.close is None


async def test_last_words_show_input_again(autojump_clock):
    adapter, far = await opened()
    adapter.encode_echo(False)
    await far.send_all(DO + ECHO)
    await adapter.receive()

    assert adapter.encode_bye(Close.LIMIT, "Too slow.") == WONT + ECHO + b"Too slow.\r\n"


# Transport.


async def test_stream_that_cannot_send_at_once_takes_nothing(autojump_clock):
    adapter, far = await opened()

    assert adapter.send_now(b"x") == 0
    await adapter.send_all(b"x\r\n")
    assert await far.receive_some() == b"x\r\n"


async def test_broken_transport_shows_in_send_all(autojump_clock):
    adapter, far = await opened()
    await far.aclose()

    with pytest.raises(TransportBroken):
        await adapter.send_all(b"x")


async def test_close_ends_our_side_and_waits_for_the_client_to_end_its_own(autojump_clock):
    adapter, far = await opened()
    began = trio.current_time()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(adapter.aclose, Close.QUIT)
        assert await far.receive_some() == b""
        await far.send_all(b"typed meanwhile")
        await trio.sleep(CLOSE_WAIT / 2)
        await far.aclose()

    assert trio.current_time() - began == pytest.approx(CLOSE_WAIT / 2)


async def test_close_does_not_wait_for_ever(autojump_clock):
    adapter, _far = await opened()
    began = trio.current_time()

    await adapter.aclose(Close.SLOW)

    assert trio.current_time() - began == pytest.approx(CLOSE_WAIT)


async def test_player_socket_takes_bytes_at_once_and_is_closed_for_both():
    near, far = socket.socketpair()
    with far:
        adapter = TelnetAdapter(PlayerSocket(near, "192.0.2.7:53124"), "192.0.2.7:53124")

        assert adapter.send_now(b"hello\r\n") == 7
        assert far.recv(100) == b"hello\r\n"

        async with trio.open_nursery() as nursery:
            nursery.start_soon(adapter.aclose, Close.QUIT)
            await trio.to_thread.run_sync(lambda: far.shutdown(socket.SHUT_WR))
        assert far.recv(100) == b""


async def test_answers_leave_through_the_connection_that_owns_the_order(autojump_clock):
    adapter, far = await opened()
    await far.send_all(AYT)

    async with trio.open_nursery() as nursery:
        client = Client(adapter, nursery, queue_limit=4096)
        await client.receive()

    assert await far.receive_some() == b"\r\n[Yes]\r\n"
