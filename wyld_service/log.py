"""One event, one line on standard error: logfmt to be read and grepped, or JSON for collectors.

Every line begins with `time level event process`; then come the fields in the order in which they were given. `event`
is a word of the closed list `Event`, so that a search for it finds all of its lines and none else. A line is one line
whatever a peer sent: control and invisible formatting characters are written as escapes. Secrets print as `***`
because of their type (`wyld_service.secret`).

The same event at most `MAX_PER_SECOND` times a second: the rest is counted, and the count is logged as
`log.suppressed` with the first line after that second. What libraries and Python's warnings log through the standard
`logging` comes out in the same form as `library`.

Not for hot paths: a line costs about 10 microseconds. Whoever serves many players logs per connection, never per
command. Nothing here blocks on anything but the write to standard error, and a write that fails is given up: a full
disk behind the log does not end the game.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Protocol, TextIO, cast

import structlog

from wyld_service.settings import LogFormat, LogLevel, LogSettings

MAX_PER_SECOND: Final = 50
"""Lines of one event in one second: more than a person can read, few enough not to fill a disk."""

MAX_VALUE: Final = 4096
"""Characters of one value; a traceback fits, a hostile peer's text does not fill the log."""

_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]")
"""C0, DEL, C1, line separators, zero-width and bidirectional controls, lone surrogates."""

_PLAIN: Final = re.compile(r"[!#-<>-\[\]-~]+")
"""What logfmt shows without quotes: visible ASCII but `"`, `=` and the backslash."""


class Event(StrEnum):
    """Every event that can be in the log. Operators search and alert by these words: add, never rename."""

    PROCESS_START = "process.start"
    PROCESS_READY = "process.ready"
    PROCESS_STOP = "process.stop"
    CONN_OPEN = "conn.open"
    CONN_CLOSE = "conn.close"
    CONN_ERROR = "conn.error"
    NEG_DONE = "neg.done"
    SESS_CREATE = "sess.create"
    SESS_ATTACH = "sess.attach"
    SESS_DETACH = "sess.detach"
    SESS_RESUME = "sess.resume"
    SESS_EXPIRE = "sess.expire"
    LINK_UP = "link.up"
    LINK_DOWN = "link.down"
    LINK_RECONCILE = "link.reconcile"
    WORLD_RESTART = "world.restart"
    WORLD_UNPROTECTED = "world.unprotected"
    WORLD_PROTECTED = "world.protected"
    CMD_DROPPED = "cmd.dropped"
    CMD_FAILED = "cmd.failed"
    LIMIT_HIT = "limit.hit"
    STORE_DOWN = "store.down"
    STORE_UP = "store.up"
    STORE_SLOW = "store.slow"
    STORE_REFUSED = "store.refused"
    STORE_SCHEMA = "store.schema"
    AUTH_FAIL = "auth.fail"
    TLS_RELOAD = "tls.reload"
    ADMIN_ACTION = "admin.action"
    CONTROL_OFF = "control.off"
    LOG_SUPPRESSED = "log.suppressed"
    LIBRARY = "library"


class Logger(Protocol):
    """What `get_logger` returns. Any task or thread may call it; it never waits for one, so it is no checkpoint.

    `exc_info=True` or an exception adds the traceback as the field `exception`.
    """

    def bind(self, **fields: object) -> Logger:
        """The same logger with fields that every line of it carries."""
        ...

    def debug(self, event: Event, /, **fields: object) -> None: ...
    def info(self, event: Event, /, **fields: object) -> None: ...
    def warning(self, event: Event, /, **fields: object) -> None: ...
    def error(self, event: Event, /, **fields: object) -> None: ...


Fields = MutableMapping[str, Any]
_Render = Callable[[Fields], str]


def get_logger() -> Logger:
    """A logger. One per module at import is the usual way; `bind` it only after `configure`, never at import."""
    return cast("Logger", structlog.get_logger())


def configure(
    settings: LogSettings,
    *,
    process: str,
    stream: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Set up logging of the whole process; a second call replaces the first.

    Args:
        settings: Level and format.
        process: Value of the field `process`, such as `gateway`.
        stream: Where lines go instead of standard error.
        clock: Seconds, for the limit on repeated lines.
    """
    _configure_structlog(settings, process, stream, clock)
    level = logging.DEBUG if settings.level is LogLevel.DEBUG else logging.WARNING
    logging.basicConfig(handlers=[_FromLibrary()], level=level, force=True)
    logging.captureWarnings(True)


def _configure_structlog(
    settings: LogSettings, process: str, stream: TextIO | None, clock: Callable[[], float]
) -> None:
    render = _render_json if settings.format is LogFormat.JSON else _render_logfmt
    structlog.configure(
        processors=[
            structlog.processors.format_exc_info,
            _Lines(process, render, RateLimit(MAX_PER_SECOND, 1.0), clock),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(settings.level.value),
        logger_factory=lambda *_: _Output(stream),
        # Loggers made at import time would keep what was configured when they were first used.
        cache_logger_on_first_use=False,
    )


class RateLimit:
    """Counts events in windows of time: `turn` first, with the time, then `admit`.  (pure)

    Bounded by the number of different keys, which a closed enum bounds.
    """

    def __init__(self, limit: int, window: float) -> None:
        self._limit = limit
        self._window = window
        self._counts: dict[str, int] = {}
        self._ends = 0.0

    def admit(self, key: str) -> bool:
        """Whether one more `key` may pass in the present window."""
        count = self._counts.get(key, 0) + 1
        self._counts[key] = count
        return count <= self._limit

    def turn(self, now: float) -> list[tuple[str, int]]:
        """Begin a new window if the last one is over: `(key, how many were refused)` for each key over its limit."""
        if now < self._ends:
            return []
        refused = [(key, count - self._limit) for key, count in self._counts.items() if count > self._limit]
        self._counts.clear()
        self._ends = now + self._window
        return refused


class _Lines:
    """The last structlog processor: from fields to the text to write, one line or, after suppression, more."""

    def __init__(self, process: str, render: _Render, limit: RateLimit, clock: Callable[[], float]) -> None:
        self._process = process
        self._render = render
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()

    def __call__(self, _logger: object, level: str, fields: Fields) -> str:
        event = str(fields.pop("event"))
        with self._lock:
            now = self._clock()
            suppressed = self._limit.turn(now)
            admitted = self._limit.admit(event)
        lines = [
            self._line("warning", Event.LOG_SUPPRESSED, {"of": key, "count": count})
            for key, count in suppressed
        ]
        if admitted:
            lines.append(self._line(level, event, fields))
        if not lines:
            raise structlog.DropEvent
        return "\n".join(lines)

    def _line(self, level: str, event: str, fields: Fields) -> str:
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        head = {"time": stamp, "level": level, "event": event, "process": self._process}
        return self._render({**head, **dict(_flat(fields))})


def _flat(fields: Fields) -> Iterator[tuple[str, object]]:
    """The fields without absent ones; numbers and truth values as they are, everything else as text."""
    for key, value in fields.items():
        if value is None:
            continue
        if type(value) in (bool, int, float):
            yield key, value
        else:
            yield key, _shortened(str(value))


def _shortened(text: str) -> str:
    """At most `MAX_VALUE` characters of `text`: both ends, because a traceback's last line says most."""
    if len(text) <= MAX_VALUE:
        return text
    return f"{text[: MAX_VALUE // 2]} ... {text[-MAX_VALUE // 2 :]}"


def _render_logfmt(fields: Fields) -> str:
    return " ".join(f"{key}={_logfmt_value(value)}" for key, value in fields.items())


def _logfmt_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if _PLAIN.fullmatch(text):
        return text
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + _UNSAFE.sub(lambda match: repr(match[0])[1:-1], quoted) + '"'


def _render_json(fields: Fields) -> str:
    # Pure ASCII: json writes everything that is not as an escape, invisible characters among it.
    return json.dumps(fields)


class _Output:
    """Writes lines to standard error as it is at that moment."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def _write(self, lines: str) -> None:
        try:
            stream = self._stream or sys.stderr
            stream.write(lines + "\n")
            stream.flush()
        except (OSError, ValueError):
            pass  # closed or full: there is nobody left to tell

    debug = info = warning = error = _write


class _FromLibrary(logging.Handler):
    """Carries what libraries log into our lines."""

    def emit(self, record: logging.LogRecord) -> None:
        log = get_logger().bind(logger=record.name, message=record.getMessage())
        method = log.error if record.levelno >= logging.ERROR else log.warning
        if record.levelno < logging.WARNING:
            method = log.debug
        method(Event.LIBRARY, exc_info=record.exc_info)


# Before `configure`, and in tests that never call it: never structlog's own default, which prints on standard output,
# where the bound addresses are announced, and shows local variables in tracebacks.
_configure_structlog(LogSettings(), "wyld", None, time.monotonic)
