import io
import json
import logging
import re
import time
import warnings
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyld_service.log import MAX_PER_SECOND, MAX_VALUE, Event, RateLimit, configure, get_logger
from wyld_service.secret import Secret
from wyld_service.settings import LogFormat, LogLevel, LogSettings

HEAD = re.compile(
    r"time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=(\w+) event=(\S+) process=test(?: (.*))?"
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logging.captureWarnings(False)
    root.handlers, root.level = handlers, level
    configured_by_import = LogSettings()
    from wyld_service import log

    log._configure_structlog(configured_by_import, "wyld", None, time.monotonic)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def configured(clock: Clock | None = None, **settings: object) -> io.StringIO:
    stream = io.StringIO()
    configure(LogSettings(**settings), process="test", stream=stream, clock=clock or Clock())  # type: ignore[arg-type]
    return stream


def fields(line: str) -> tuple[str, str, str]:
    match = HEAD.fullmatch(line)
    assert match is not None, line
    return match[1], match[2], match[3] or ""


def test_a_line_begins_with_time_level_event_and_process() -> None:
    stream = configured()

    get_logger().info(Event.CONN_OPEN, peer="192.0.2.1", count=3, secure=True, ratio=0.5, nothing=None)

    (line,) = stream.getvalue().splitlines()
    assert fields(line) == ("info", "conn.open", "peer=192.0.2.1 count=3 secure=true ratio=0.5")


def test_bound_fields_stand_in_every_line_before_the_others() -> None:
    stream = configured()
    log = get_logger().bind(sid="a1")

    log.info(Event.SESS_ATTACH, how="fresh")
    log.warning(Event.SESS_DETACH)

    assert [fields(line) for line in stream.getvalue().splitlines()] == [
        ("info", "sess.attach", "sid=a1 how=fresh"),
        ("warning", "sess.detach", "sid=a1"),
    ]


def test_json_has_the_same_keys_in_the_same_order() -> None:
    stream = configured(format=LogFormat.JSON)

    get_logger().info(Event.CONN_OPEN, peer="192.0.2.1", count=3, secure=True)

    line = json.loads(stream.getvalue())
    assert list(line) == ["time", "level", "event", "process", "peer", "count", "secure"]
    assert (line["event"], line["peer"], line["count"], line["secure"]) == ("conn.open", "192.0.2.1", 3, True)


@pytest.mark.parametrize("level", LogLevel)
def test_lines_below_the_level_are_left_out(level: LogLevel) -> None:
    stream = configured(level=level)
    log = get_logger()

    log.debug(Event.CONN_OPEN)
    log.info(Event.CONN_OPEN)
    log.warning(Event.CONN_OPEN)
    log.error(Event.CONN_OPEN)

    names = [member.value for member in LogLevel]
    assert [fields(line)[0] for line in stream.getvalue().splitlines()] == names[names.index(level.value) :]


def test_secrets_are_masked() -> None:
    for form in LogFormat:
        stream = configured(format=form)

        get_logger().info(Event.AUTH_FAIL, password=Secret("hunter2"), nested={"key": Secret("hunter2")})

        assert "hunter2" not in stream.getvalue()
        assert "***" in stream.getvalue()


def unquoted(text: str) -> str:
    """What a reader of logfmt makes of a quoted value."""
    return text[1:-1].encode("raw_unicode_escape").decode("unicode_escape")


@given(st.text())
def test_whatever_a_peer_sends_a_line_stays_one_line_with_its_own_fields(text: str) -> None:
    stream = configured()

    get_logger().info(Event.CONN_CLOSE, reason=text, last="end")

    (line, rest) = stream.getvalue().split("\n")
    _, _, tail = fields(line)
    value = re.fullmatch(r'reason=([^\s"=\\]+|"(?:[^"\\]|\\.)*") last=end', tail)
    assert rest == ""
    assert value is not None
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", line)
    assert (unquoted(value[1]) if value[1].startswith('"') else value[1]) == text


@given(st.text())
def test_whatever_a_peer_sends_json_gives_it_back(text: str) -> None:
    stream = configured(format=LogFormat.JSON)

    get_logger().info(Event.CONN_CLOSE, reason=text)

    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().isascii()
    assert json.loads(stream.getvalue())["reason"] == text


def test_a_value_has_a_limit_and_keeps_both_ends() -> None:
    stream = configured()

    get_logger().info(Event.CONN_CLOSE, reason="a" * 100_000 + "z")

    _, _, tail = fields(stream.getvalue().rstrip("\n"))
    assert len(tail) < MAX_VALUE + 30
    assert tail.startswith('reason="aaa')
    assert tail.endswith('z"')


def test_a_traceback_is_one_line_without_local_variables() -> None:
    stream = configured()
    password = "hunter2"
    try:
        raise LookupError("lost")
    except LookupError:
        get_logger().error(Event.CONN_ERROR, exc_info=True)

    (line,) = stream.getvalue().splitlines()
    assert "LookupError: lost" in line
    assert password not in line


def test_the_same_event_is_limited_and_the_rest_counted(clock: Clock) -> None:
    stream = configured(clock)
    log = get_logger()

    for _ in range(MAX_PER_SECOND + 7):
        log.info(Event.LIMIT_HIT)
    log.info(Event.CONN_OPEN)
    clock.now = 1.0
    log.info(Event.CONN_OPEN)

    lines = [fields(line) for line in stream.getvalue().splitlines()]
    assert lines[:MAX_PER_SECOND] == [("info", "limit.hit", "")] * MAX_PER_SECOND
    assert lines[MAX_PER_SECOND:] == [
        ("info", "conn.open", ""),
        ("warning", "log.suppressed", "of=limit.hit count=7"),
        ("info", "conn.open", ""),
    ]


def test_a_new_window_admits_as_many_again() -> None:
    limit = RateLimit(2, 1.0)

    assert limit.turn(10.0) == []
    assert [limit.admit("a"), limit.admit("a"), limit.admit("a"), limit.admit("b")] == [
        True,
        True,
        False,
        True,
    ]
    assert limit.turn(10.9) == []
    assert not limit.admit("a")
    assert limit.turn(11.0) == [("a", 2)]
    assert limit.admit("a")
    assert limit.turn(12.0) == []


def test_what_libraries_log_comes_out_in_the_same_form() -> None:
    stream = configured()

    logging.getLogger("psycopg.pool").error("lost %s\nevent=forged", "it")
    logging.getLogger("chatty").debug("not interesting")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("watch out", stacklevel=1)

    first, second = stream.getvalue().splitlines()
    assert fields(first) == ("error", "library", r'logger=psycopg.pool message="lost it\nevent=forged"')
    assert "watch out" in fields(second)[2]


def test_at_level_debug_libraries_are_heard_too() -> None:
    stream = configured(level=LogLevel.DEBUG)

    logging.getLogger("chatty").debug("interesting")

    assert fields(stream.getvalue().rstrip())[:2] == ("debug", "library")


def test_a_full_or_closed_log_does_not_end_the_process() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    configure(LogSettings(), process="test", stream=Full())
    get_logger().info(Event.CONN_OPEN)

    closed = io.StringIO()
    closed.close()
    configure(LogSettings(), process="test", stream=closed)
    get_logger().info(Event.CONN_OPEN)


def test_without_configuration_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    get_logger().info(Event.CONN_OPEN)

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "level=info event=conn.open process=wyld" in captured.err
