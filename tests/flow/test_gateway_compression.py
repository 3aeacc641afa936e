"""A whole gateway with clients that compress: nothing is lost, nothing is out of order, everything ends properly."""

from __future__ import annotations

import zlib

import pytest
import trio
from doubles.running_gateway import open_running_gateway
from doubles.telnet_terminal import telnet_terminal

from wyld_gateway.telnet.adapter import TelnetAdapter

DO, DONT, WILL, WONT = b"\xff\xfd", b"\xff\xfe", b"\xff\xfb", b"\xff\xfc"
MCCP2, MCCP3, ECHO = b"\x56", b"\x57", b"\x01"
BEGIN_INPUT = b"\xff\xfa\x57\xff\xf0"
REFUSES_THE_REST = (
    WONT
    + b"\x18"
    + WONT
    + b"\x1f"
    + WONT
    + b"\x27"
    + DONT
    + b"\x2a"
    + DO
    + b"\x19"
    + DONT
    + b"\x46"
    + DONT
    + b"\xc9"
    + DONT
    + b"\x45"
)


@pytest.fixture
async def running():
    async with open_running_gateway() as running:
        running.world.add("ann", "password", "Bron")
        yield running


async def test_session_in_a_compressed_stream_from_the_first_screen_to_the_last_word(autojump_clock, running):
    async with telnet_terminal(running, DO + MCCP2) as terminal:
        await terminal.sees("Account: ")
        await terminal.type("ann")
        await terminal.sees("Password: ")
        assert WILL + ECHO in terminal.raw
        await terminal.send(DO + ECHO)
        await terminal.type("password")
        await terminal.sees("Welcome, ann.")
        assert terminal.raw.count(WONT + ECHO) == 2
        await terminal.type("Bron", "look")
        await terminal.sees("you: look")
        await terminal.type("//options")
        await terminal.sees("Agreed: mccp2.")
        assert terminal.compressed
        for number in range(200):
            running.world.tell(f"The {number}th bell tolls, as the one before it did.", "Bron")
        await terminal.sees("The 199th bell")
        await terminal.type("//quit")
        await terminal.sees("Goodbye.")
        await terminal.gone()

    assert not terminal.compressed
    assert terminal.on_the_wire < len(terminal.raw) / 2


async def test_client_may_switch_compression_while_it_plays(autojump_clock, running):
    async with telnet_terminal(running) as terminal:
        await terminal.type("connect ann password Bron")
        await terminal.sees("Bron wakes.")
        for number in range(20):
            await terminal.send((DO if number % 2 else DONT) + MCCP2)
            running.world.tell(f"Bell {number}.", "Bron")
            await terminal.sees(f"Bell {number}.")


async def test_client_that_takes_its_time_gets_the_stream_whole(autojump_clock, running):
    async with telnet_terminal(running, DO + MCCP2) as terminal:
        await terminal.type("connect ann password Bron")
        await terminal.sees("hp 9>")
        session = running.gateway.registry.by_id[running.world.session_of("Bron")]

        for number in range(100):
            running.world.tell(f"Bell {number}.", "Bron")
        await trio.testing.wait_all_tasks_blocked()
        assert session.client is not None
        await terminal.sees("Bell 99.")

        numbers = [
            int(line.split()[1].rstrip(".")) for line in terminal.text.splitlines() if line.startswith("Bell")
        ]
        assert numbers == list(range(100))


async def test_compressed_input_is_played_like_any_other(autojump_clock, running):
    async with telnet_terminal(running, REFUSES_THE_REST + DONT + MCCP2) as terminal:
        await terminal.sees("Account: ")
        assert WILL + MCCP3 in terminal.raw
        stream = zlib.compressobj()

        async def compressed(line: str) -> None:
            await terminal.send(stream.compress(line.encode() + b"\r\n") + stream.flush(zlib.Z_SYNC_FLUSH))

        await terminal.send(DO + MCCP3 + BEGIN_INPUT)
        await compressed("connect ann password Bron")
        await terminal.sees("Bron wakes.")
        await compressed("look")
        await terminal.sees("you: look")
        await terminal.send(stream.flush() + b"north\r\n")
        await terminal.sees("you: north")


async def test_bomb_ends_that_connection_with_a_word_and_no_other(autojump_clock, running):
    async with telnet_terminal(running, DO + MCCP3) as bomber, telnet_terminal(running) as other:
        await bomber.sees("Account: ")
        await bomber.send(BEGIN_INPUT + zlib.compress(b"n\n" * 4_000_000, 9))

        await bomber.sees("cannot be read")
        await bomber.gone()
        await other.type("connect ann password Bron")
        await other.sees("Bron wakes.")


async def test_connection_without_compression_refuses_it(autojump_clock):
    stream, far = trio.testing.memory_stream_pair()
    adapter = TelnetAdapter(stream, "192.0.2.7:4001", encryption="TLSv1.3", compression=False)
    await far.send_all(DO + MCCP2 + DO + MCCP3 + b"\r\n")

    await adapter.open()

    sent = await far.receive_some() + adapter.compose([], None, prompt_changed=False)
    assert WILL + MCCP2 not in sent
    assert sent.endswith(WONT + MCCP2 + WONT + MCCP3)
