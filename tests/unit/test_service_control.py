"""The control socket: what it answers, whom, and what it makes of nonsense. Real Unix sockets, virtual time."""

from __future__ import annotations

import errno
import json
import os
import socket
import stat
import tempfile
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from wyld_service.control import (
    DEADLINE,
    MAX_CONNECTIONS,
    MAX_LINE,
    MAX_SOCKETS,
    Arguments,
    Verb,
    ask,
    control_folder,
    control_sockets,
    serve_control,
)
from wyld_service.errors import ControlRefused, ControlUnreachable
from wyld_service.settings import ControlSettings


def greet(arguments):
    return {"greeting": f"Hello, {arguments.text('name', 'stranger', limit=10)}!"}


async def wait(arguments):
    await trio.sleep(arguments.number("seconds", 1, low=0, high=60))
    return {"waited": True}


def fail(_):
    raise ZeroDivisionError("a mistake")


def refuse(_):
    raise ControlRefused("Not today.")


VERBS = {
    "greet": Verb(greet, takes=frozenset({"name"}), changes=False),
    "wait": Verb(wait, takes=frozenset({"seconds"})),
    "fail": Verb(fail),
    "refuse": Verb(refuse),
}


@asynccontextmanager
async def serving(folder, process="world", verbs=VERBS):
    """A served control socket; gives its path."""
    async with trio.open_nursery() as nursery:
        yield await nursery.start(serve_control, ControlSettings(folder), process, verbs)
        nursery.cancel_scope.cancel()


@pytest.fixture
async def path(tmp_path):
    async with serving(tmp_path / "sockets") as path:
        yield path


async def send(path, data: bytes) -> bytes:
    """What comes back for raw bytes until the other end closes."""
    async with await trio.open_unix_socket(path) as stream:
        await stream.send_all(data)
        return b"".join([chunk async for chunk in stream])


# ------------------------------------------------------------------------------------------- asking


async def test_verb_answers_with_what_it_returns(autojump_clock, path):
    assert await ask(path, "greet") == {"greeting": "Hello, stranger!"}
    assert await ask(path, "greet", {"name": "Ann"}) == {"greeting": "Hello, Ann!"}
    assert await ask(path, "wait", {"seconds": 2}) == {"waited": True}


async def test_verb_that_refuses_says_why(path):
    with pytest.raises(ControlRefused, match=r"^Not today\.$"):
        await ask(path, "refuse")


async def test_verb_with_a_mistake_gives_no_answer_and_ends_nothing(path, capsys):
    with pytest.raises(ControlUnreachable, match="gave no answer: its log may tell why"):
        await ask(path, "fail")

    assert "ZeroDivisionError" in capsys.readouterr().err
    assert await ask(path, "greet")


async def test_verb_that_takes_too_long_is_cancelled(autojump_clock, path):
    with pytest.raises(ControlUnreachable, match=rf"Process {os.getpid()} .* no.* answer") as raised:
        await ask(path, "wait", {"seconds": 60})

    assert not raised.value.gone


async def test_what_changes_something_is_in_the_log_with_the_user(autojump_clock, path, capsys):
    await ask(path, "greet", {"name": "Ann"})
    await ask(path, "wait")

    (line,) = [line for line in capsys.readouterr().err.splitlines() if "admin.action" in line]
    assert f"verb=wait uid={os.getuid()} pid={os.getpid()}" in line


async def test_where_nobody_is_nobody_can_be_reached(autojump_clock, tmp_path):
    dead = tmp_path / "world.sock"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(dead))

    for path in (tmp_path / "missing.sock", dead):
        with pytest.raises(ControlUnreachable, match="No process answers") as raised:
            await ask(path, "greet")
        assert raised.value.gone


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{}",
        b"{}\n",
        b"[1]\n",
        b'{"error": 5}\n',
        b"\xff\n",
        b"[" * 60_000 + b"\n",
        b"x" * (MAX_LINE * 2),
    ],
    ids=lambda answer: repr(answer[:12]),
)
async def test_senseless_answer_is_told_as_such(autojump_clock, tmp_path, answer):
    async def answer_with(stream):
        async with stream:
            await stream.receive_some()
            await stream.send_all(answer)

    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "world.sock"))
        sock.listen()
        sock.setblocking(False)
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(sock))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(trio.serve_listeners, answer_with, [listener]))
            with pytest.raises(ControlUnreachable, match=f"Process {os.getpid()} "):
                await ask(tmp_path / "world.sock", "greet")
            nursery.cancel_scope.cancel()


async def test_process_that_accepts_nothing_may_be_stuck(autojump_clock, tmp_path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "world.sock"))
        sock.listen()

        with pytest.raises(ControlUnreachable, match=f"{DEADLINE:g} s: it may be stuck") as raised:
            await ask(tmp_path / "world.sock", "greet")

    assert not raised.value.gone


# ----------------------------------------------------------------------------------------- nonsense


@pytest.mark.parametrize(
    ("request_line", "complaint"),
    [
        (b"greet", "one line of JSON"),
        (b"\xff\xfe", "one line of JSON"),
        (b"[" * 60_000, "one line of JSON"),
        (b"[]", "an object"),
        (b"{}", "an object"),
        (b'{"verb": "greet"}', "an object"),
        (b'{"verb": 5, "arguments": {}}', "an object"),
        (b'{"verb": "greet", "arguments": []}', "an object"),
        (b'{"verb": "greet", "arguments": {}, "more": 1}', "an object"),
        (b'{"verb": "dance", "arguments": {}}', "no verb 'dance'; there are greet, wait, fail, refuse."),
        (b'{"verb": "greet", "arguments": {"nmae": "Ann"}}', "greet takes no argument 'nmae'."),
        (b'{"verb": "greet", "arguments": {"name": "Bartholomew"}}', "at most 10 characters"),
        (b'{"verb": "' + b"x" * 50_000 + b'", "arguments": {}}', "There is no verb 'xxx"),
    ],
    ids=lambda value: repr(value[:24]),
)
async def test_nonsense_is_answered_in_one_sentence(path, request_line, complaint):
    answer = json.loads(await send(path, request_line + b"\n"))

    assert complaint in answer["error"]
    assert len(answer["error"]) < 200
    assert await ask(path, "greet")


async def test_request_without_measure_is_cut_off(path):
    with pytest.raises(trio.BrokenResourceError):
        await send(path, b"x" * (10 * MAX_LINE))

    assert await ask(path, "greet")


@given(st.binary(max_size=200).filter(lambda data: b"\n" not in data))
async def test_no_bytes_end_the_server(request_line):
    with tempfile.TemporaryDirectory() as folder:
        async with serving(Path(folder)) as path:
            answer = json.loads(await send(path, request_line + b"\n"))
            assert set(answer) <= {"error", "result"}
            assert await ask(path, "greet")


async def test_request_without_an_end_is_given_up(autojump_clock, path):
    started = trio.current_time()

    assert await send(path, b'{"verb": ') == b""

    assert trio.current_time() - started == pytest.approx(DEADLINE)


async def test_who_only_looks_whether_somebody_is_there_gets_nothing(path):
    stream = await trio.open_unix_socket(path)
    await stream.send_eof()
    async with stream:
        assert await stream.receive_some() == b""


async def test_too_many_at_once_are_closed_unanswered(path):
    request = json.dumps({"verb": "greet", "arguments": {}}).encode() + b"\n"
    async with trio.open_nursery() as nursery:
        idle = [await trio.open_unix_socket(path) for _ in range(MAX_CONNECTIONS)]
        await trio.testing.wait_all_tasks_blocked()
        surplus = await trio.open_unix_socket(path)
        assert await surplus.receive_some() == b""

        for stream in [*idle, surplus]:
            await stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert b"result" in await send(path, request)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("value", ["5", None, True, float("nan"), [], -1, 61, float("inf")])
def test_number_that_is_none_or_out_of_bounds_is_refused(value):
    with pytest.raises(ControlRefused, match="seconds must be "):
        Arguments({"seconds": value}).number("seconds", 0, low=0, high=60)


@pytest.mark.parametrize("value", [5, None, "two\nlines", "\x1b[2J", "x" * 11])
def test_text_that_is_none_or_no_line_is_refused(value):
    with pytest.raises(ControlRefused, match="reason must be one line of text, at most 10 characters"):
        Arguments({"reason": value}).text("reason", "", limit=10)


# ----------------------------------------------------------------------------------- the socket file


async def test_socket_and_folder_are_its_users_alone_and_the_socket_goes_with_its_process(tmp_path):
    folder = tmp_path / "run" / "wyld"

    async with serving(folder) as path:
        assert path == folder / "world.sock"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    assert list(folder.iterdir()) == []


async def test_each_process_has_a_name_of_its_own(tmp_path):
    async with serving(tmp_path, "gateway") as first, serving(tmp_path, "gateway") as second:
        assert control_sockets(tmp_path, "gateway") == [first, second]
        assert second.name == "gateway-2.sock"
        assert control_sockets(tmp_path, "world") == []


async def test_what_a_dead_process_left_is_replaced(tmp_path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "world.sock"))

    async with serving(tmp_path) as path:
        assert path.name == "world.sock"
        assert await ask(path, "greet")


async def test_socket_that_somebody_else_has_put_there_is_left_alone(tmp_path):
    async with serving(tmp_path) as path:
        path.unlink()
        path.write_text("another's")

    assert path.read_text() == "another's"


@pytest.mark.parametrize("trouble", ["file", "open to all", "full"])
async def test_process_goes_on_without_a_socket_and_says_so(tmp_path, capsys, trouble):
    folder = tmp_path / "sockets"
    if trouble == "file":
        folder.write_text("")
    else:
        folder.mkdir()
        folder.chmod(0o777 if trouble == "open to all" else 0o700)
    if trouble == "full":
        for name in ["world.sock", *(f"world-{n}.sock" for n in range(2, MAX_SOCKETS + 1))]:
            (folder / name).write_text("")

    async with serving(folder) as path:
        assert path is None

    assert "event=control.off" in capsys.readouterr().err


def test_folder_is_the_setting_or_the_users_runtime_folder(tmp_path, monkeypatch):
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))

    assert control_folder(ControlSettings(tmp_path)) == tmp_path
    assert control_folder(ControlSettings()).name == "wyld"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
async def test_another_user_is_refused_even_if_the_socket_lets_it_in(capsys):
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as stranger:
        os.chmod(folder, 0o755)
        async with serving(Path(folder)) as path:
            path.chmod(0o666)
            os.seteuid(65534)  # what the kernel attests is who connected
            try:
                stranger.connect(str(path))
            finally:
                os.seteuid(0)
            stranger.setblocking(False)
            answer = await trio.SocketStream(trio.socket.from_stdlib_socket(stranger)).receive_some()

    assert b"Only this process's user and root" in answer
    assert "uid=65534" in capsys.readouterr().err


async def test_socket_of_another_user_is_told_as_such(tmp_path, monkeypatch):
    async def denied(_):
        await trio.lowlevel.checkpoint()
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(trio, "open_unix_socket", denied)

    with pytest.raises(ControlUnreachable, match="belongs to another user") as raised:
        await ask(tmp_path / "world.sock", "greet")
    assert not raised.value.gone
