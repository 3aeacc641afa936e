"""What an operator may decide: one TOML file, one environment variable per key, one frozen class per section.

The classes below are the only definition of a key: its name, type, default, limits and help. Sources, from the weakest
to the strongest: the defaults here, the file (`wyld.toml`), the environment, the command line; `wyld_service.sources`
reads them. The key `detached_ttl` of the section `[sessions]` is `sessions.detached_ttl` in messages and
`WYLD_SESSIONS__DETACHED_TTL` in the environment; lists are separated by commas there.

`load_settings` reports every problem at once. Secrets come from the environment or from a file of their own, never from
a default.
"""

# ruff: noqa: RUF009 - `_key` is a field specifier over `attrs.field`, which the rule knows only by name.

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final

import attrs
import psycopg
import psycopg.conninfo
import typed_settings as ts

from wyld_service.errors import SettingsError
from wyld_service.secret import Secret
from wyld_service.sources import Catalogue, Key, Parse, Rule, Values, env_name, nested, read_values
from wyld_service.units import Address, Duration, Size, SocketAddress, parse_socket_address

MIN_LINK_KEY: Final = 32
"""Characters. 32 characters of base64 are 192 bits: nobody guesses them, and a password typed by hand is refused."""

MAX_LISTENERS: Final = 16
"""Addresses in one list; more is a mistake in the file."""

MAX_LISTED: Final = 64
"""Characters of one thing that listing sites are told; they show it in a table."""

_MAX_DIGITS: Final = 18
"""Of a whole number in the environment: below Python's own limit, whose message speaks of something else."""

_LINK_KEY_HOW_TO: Final = (
    "Make a key with `python -c 'import secrets; print(secrets.token_urlsafe(32))'`, the same for the world and "
    "every gateway"
)


class LogLevel(Enum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(Enum):
    LOGFMT = "logfmt"
    JSON = "json"


def _key(parse: Parse, default: object, about: str, *, low: object = None, high: object = None) -> Any:
    """One key: its default and limits are written as an operator would write them."""
    rule = Rule(parse, None if low is None else parse(low), None if high is None else parse(high))
    return ts.option(
        default=None if default is None else rule.read(default), help=about, metadata={Rule: rule}
    )


def _secret(parse: Parse, about: str, *, in_file: bool) -> Any:
    return ts.secret(default=None, help=about, metadata={Rule: Rule(parse, in_file=in_file)})


def _integer(value: object) -> int:
    if isinstance(value, str) and value.strip().isdecimal() and len(value) <= _MAX_DIGITS:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("a whole number")
    return value


def _path(value: object) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("the path of a file or folder")
    return Path(value)


def _listed(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_LISTED or not value.isprintable():
        raise ValueError(f"a text of at most {MAX_LISTED} characters on one line")
    return value


def _listeners(value: object) -> tuple[Address, ...]:
    parts = [part for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    if not isinstance(parts, list) or not 1 <= len(parts) <= MAX_LISTENERS:
        raise ValueError(f'a list of 1 to {MAX_LISTENERS} addresses such as ["0.0.0.0:4000", "[::]:4000"]')
    return tuple(Address.parse(part) for part in parts)


def _listeners_or_none(value: object) -> tuple[Address, ...]:
    return () if value in ("", []) else _listeners(value)


def _boolean(value: object) -> bool:
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value.strip().lower(), value)
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _address_or_off(value: object) -> Address | None:
    return None if value == "" else Address.parse(value)


def _choice(choices: type[Enum]) -> Parse:
    def parse(value: object) -> Enum:
        try:
            return choices(value)
        except ValueError:
            raise ValueError("one of " + ", ".join(choice.value for choice in choices)) from None

    return parse


def _link_key(value: object) -> Secret:
    if not isinstance(value, str) or len(value) < MIN_LINK_KEY:
        raise ValueError(f"at least {MIN_LINK_KEY} characters. {_LINK_KEY_HOW_TO}")
    return Secret(value)


def _store_url(value: object) -> Secret:
    wanted = 'a PostgreSQL URL such as "postgresql://wyld@localhost/wyld"'
    if not isinstance(value, str) or not value.startswith(("postgresql://", "postgres://")):
        raise ValueError(wanted)
    try:
        psycopg.conninfo.conninfo_to_dict(value)
    except psycopg.ProgrammingError:
        raise ValueError(wanted) from None  # its message repeats parts of the URL, a password among them
    return Secret(value)


@attrs.frozen
class TelnetSettings:
    """`[telnet]`: read by the gateway."""

    listeners: tuple[Address, ...] = _key(
        _listeners, "0.0.0.0:4000,[::]:4000", "Addresses on which telnet players are accepted."
    )
    tls_listeners: tuple[Address, ...] = _key(
        _listeners_or_none, "", "Addresses for telnet over TLS, usually port 4001; they need [tls]."
    )
    screen_reader_listeners: tuple[Address, ...] = _key(
        _listeners_or_none, "", "Addresses on which telnet players begin in screen reader mode."
    )
    compress_tls: bool = _key(
        _boolean,
        False,
        "Whether compression is offered over TLS too, where sizes can give away what is encrypted.",
    )


@attrs.frozen
class WebSettings:
    """`[web]`: read by the gateway."""

    listeners: tuple[Address, ...] = _key(
        _listeners, "0.0.0.0:8080,[::]:8080", "Addresses of the web terminal and of WebSocket clients."
    )
    tls_listeners: tuple[Address, ...] = _key(_listeners_or_none, "", "The same over TLS; they need [tls].")


@attrs.frozen
class TlsSettings:
    """`[tls]`: the certificate of all tls_listeners; the gateway reads it again at SIGHUP."""

    certificate_file: Path | None = _key(
        _path, None, "File with the certificate and its chain, PEM, the server's own first."
    )
    key_file: Path | None = _key(_path, None, "File with its private key, PEM, without a passphrase.")


@attrs.frozen
class SessionsSettings:
    """`[sessions]`: how long a session outlives its connection."""

    detached_ttl: Duration = _key(
        Duration.parse, "15m", "How long a session waits for its player to come back.", low="10s", high="1d"
    )
    token_ttl: Duration = _key(
        Duration.parse,
        "1h",
        "How long a resume token is good; at least twice detached_ttl.",
        low="1m",
        high="7d",
    )
    cleanup_interval: Duration = _key(
        Duration.parse, "30s", "How often expired sessions are looked for.", low="1s", high="1h"
    )


@attrs.frozen
class LinkSettings:
    """`[link]`: the connection between gateway and world."""

    address: SocketAddress = _key(
        parse_socket_address, "127.0.0.1:4010", 'Where the world listens: "ADDR:PORT" or "unix:/path".'
    )
    key: Secret = _secret(
        _link_key, "The shared key; only from the environment. It wins over key_file.", in_file=False
    )
    key_file: Path | None = _key(_path, None, "File with the shared key, at least 32 characters.")
    fd: int | None = _key(
        _integer,
        None,
        "Listening socket that the world inherits instead of binding; set by `wyld up`.",
        low=3,
        high=1023,
    )


@attrs.frozen
class WorldSettings:
    """`[world]`: read by the world."""

    areas: Path | None = _key(_path, None, "Folder of the area files; the starter area where it is not set.")
    tick_commands: int = _key(_integer, 512, "Commands that one tick runs at most.", low=1, high=4096)
    tick_time: Duration = _key(
        Duration.parse, "5ms", "Time after which a tick ends.", low="1ms", high="100ms"
    )


@attrs.frozen
class StoreSettings:
    """`[store]`: PostgreSQL, for both processes."""

    url: Secret = _secret(
        _store_url, "URL of the database, postgresql://USER@HOST/NAME. It wins over url_file.", in_file=True
    )
    url_file: Path | None = _key(_path, None, "File with the URL, for one that holds a password.")
    pool_size: int = _key(
        _integer, 4, "Connections of one process, and the threads that use them.", low=1, high=64
    )
    statement_timeout: Duration = _key(
        Duration.parse, "5s", "Time after which the server gives up a statement.", low="100ms", high="1m"
    )
    connect_timeout: Duration = _key(
        Duration.parse,
        "5s",
        "Time to wait for a connection; libpq counts whole seconds.",
        low="2s",
        high="1m",
    )


@attrs.frozen
class LimitsSettings:
    """`[limits]`: what one connection may cost."""

    line_length: Size = _key(Size.parse, "4KiB", "Longest line of a player.", low="128B", high="64KiB")
    subnegotiation: Size = _key(
        Size.parse,
        "64KiB",
        "Longest telnet subnegotiation, and all that is kept of input that is not complete.",
        low="1KiB",
        high="1MiB",
    )
    client_variable: Size = _key(
        Size.parse,
        "64B",
        "Longest value of a telnet client's variable (NEW-ENVIRON).",
        low="16B",
        high="1KiB",
    )
    inflation: int = _key(
        _integer,
        20,
        "How many times larger than what it sends a telnet client's compressed input may become.",
        low=2,
        high=1000,
    )
    answers_per_option: int = _key(
        _integer,
        50,
        "How often a telnet client may switch one option to and fro; then it is ignored.",
        low=5,
        high=10_000,
    )
    login_deadline: Duration = _key(
        Duration.parse, "120s", "Time from connecting to playing.", low="5s", high="1h"
    )
    max_connections: int = _key(
        _integer, 15_000, "Players' connections of one gateway.", low=1, high=1_000_000
    )
    output_queue: Size = _key(
        Size.parse,
        "1MiB",
        "Output that waits for a slow client; with more it is detached, and may resume.",
        low="64KiB",
        high="64MiB",
    )


@attrs.frozen
class ListingSettings:
    """`[listing]`: what listing sites are told about the game, besides what the gateway knows itself."""

    name: str = _key(_listed, "Wyld", "Name of the game.")
    contact: str = _key(_listed, "", "Mail address of whoever answers for it.")
    hostname: str = _key(_listed, "", "Host name under which players reach it.")
    language: str = _key(_listed, "", 'Language of the game, in English: "English", "German".')
    website: str = _key(_listed, "", "Its web page, with https://.")


@attrs.frozen
class LogSettings:
    """`[log]`: lines on standard error."""

    level: LogLevel = _key(_choice(LogLevel), "info", "debug, info, warning or error.")
    format: LogFormat = _key(_choice(LogFormat), "logfmt", "logfmt (readable) or json (for collectors).")


@attrs.frozen
class MetricsSettings:
    """`[metrics]`: Prometheus text, /healthz and /readyz. Nothing asks for a password here: keep it private."""

    address: Address | None = _key(_address_or_off, "127.0.0.1:9464", 'Where it listens; "" for nowhere.')


@attrs.frozen
class ControlSettings:
    """`[control]`: where the command line reaches the running processes of this machine."""

    path: Path | None = _key(
        _path, None, "Folder of the control sockets; `wyld` in your runtime folder where it is not set."
    )


@attrs.frozen
class Settings:
    """All sections; both processes read the same file."""

    telnet: TelnetSettings
    web: WebSettings
    tls: TlsSettings
    sessions: SessionsSettings
    link: LinkSettings
    world: WorldSettings
    store: StoreSettings
    limits: LimitsSettings
    listing: ListingSettings
    log: LogSettings
    metrics: MetricsSettings
    control: ControlSettings


_CATALOGUE: Final = Catalogue.of(Settings)


def load_settings(
    file: Path | None, *, environ: Mapping[str, str], overrides: Mapping[str, object] | None = None
) -> Settings:
    """Read and check all settings.

    Blocking file I/O; call it before the event loop is busy with players.

    Args:
        file: The TOML file, or None for none. A file that is named must exist.
        environ: Normally `os.environ`. A variable `WYLD_..__..` that is no setting is an error.
        overrides: Values from the command line by key, such as `{"telnet.listeners": "127.0.0.1:0"}`.

    Raises:
        SettingsError: With one sentence for every problem that was found.
    """
    problems: list[str] = []
    values = read_values(_CATALOGUE, file, environ, overrides or {}, problems)
    _resolve_secret(values, "link", "key", _LINK_KEY_HOW_TO, problems)
    _resolve_secret(values, "store", "url", "It looks like postgresql://wyld@localhost/wyld", problems)
    _check_together(values, problems)
    if problems:
        raise SettingsError(problems)
    return _build(values)


def load_control_settings(file: Path | None, *, environ: Mapping[str, str]) -> ControlSettings:
    """The section `[control]` alone, for whoever talks to a process: it needs no secret that the process needs.

    Blocking, and raises, as `load_settings`.
    """
    problems: list[str] = []
    values = read_values(_CATALOGUE, file, environ, {}, problems)
    if problems:
        raise SettingsError(problems)
    return ControlSettings(**nested(values)["control"])


def _resolve_secret(values: Values, section: str, name: str, how_to: str, problems: list[str]) -> None:
    """Replace an absent secret by the content of its file; say what to do where there is neither."""
    key, file_key = Key(f"{section}.{name}"), Key(f"{section}.{name}_file")
    if key not in values or file_key not in values or values[key] is not None:
        return
    if values[file_key] is None:
        problems.append(f"{key} is required: set {env_name(key)} or {file_key}. {how_to}.")
        return
    try:
        values[key] = _CATALOGUE.rules[key].read(Secret.from_file(values[file_key]).reveal())
    except SettingsError as error:
        problems.extend(f"{file_key}: {problem}" for problem in error.problems)
    except ValueError as error:
        problems.append(f"{file_key}: the content of {values[file_key]} must be {error}.")


def _check_together(values: Values, problems: list[str]) -> None:
    """Rules about more than one key."""
    token, detached = values.get(Key("sessions.token_ttl")), values.get(Key("sessions.detached_ttl"))
    # A token is renewed at half its life, so the oldest one in use has half its life left when its player drops out.
    if token is not None and detached is not None and token < 2 * detached:
        problems.append(
            f"sessions.token_ttl = {token} must be at least twice sessions.detached_ttl = {detached}: "
            "otherwise a token ends before the session that it resumes."
        )
    for section in ("telnet", "web"):
        if values.get(Key(f"{section}.tls_listeners")):
            problems.extend(
                f"{section}.tls_listeners needs {file}: set {env_name(file)}."
                for file in (Key("tls.certificate_file"), Key("tls.key_file"))
                if file in values and values[file] is None
            )


def _build(values: Values) -> Settings:
    classes = {field.name: field.type for field in attrs.fields(attrs.resolve_types(Settings))}
    return Settings(**{name: classes[name](**section) for name, section in nested(values).items()})  # type: ignore[misc]
