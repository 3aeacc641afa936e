import contextlib
from collections.abc import Mapping
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyld_service.errors import SettingsError
from wyld_service.secret import Secret
from wyld_service.settings import MIN_LINK_KEY, LogFormat, LogLevel, Settings, load_settings
from wyld_service.sources import MAX_FILE, Catalogue, env_name
from wyld_service.units import Address, UnixAddress

KEY = "k" * MIN_LINK_KEY
URL = "postgresql://wyld:hunter2@localhost/wyld"
REQUIRED = {"WYLD_LINK__KEY": KEY, "WYLD_STORE__URL": URL}


def load(
    tmp_path: Path,
    toml: str = "",
    environ: Mapping[str, str] = REQUIRED,
    overrides: Mapping[str, object] | None = None,
) -> Settings:
    file = tmp_path / "wyld.toml"
    file.write_text(toml)
    return load_settings(file, environ=environ, overrides=overrides)


def problems(
    tmp_path: Path,
    toml: str = "",
    environ: Mapping[str, str] = REQUIRED,
    overrides: Mapping[str, object] | None = None,
) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        load(tmp_path, toml, environ, overrides)
    return [problem.replace(f"{tmp_path}/", "") for problem in raised.value.problems]


def test_the_link_key_and_the_database_are_all_that_must_be_said() -> None:
    settings = load_settings(None, environ=REQUIRED)

    assert settings.link.key == Secret(KEY)
    assert settings.store.url == Secret(URL)
    assert settings.telnet.listeners == (Address("0.0.0.0", 4000), Address("::", 4000))
    assert settings.web.listeners == (Address("0.0.0.0", 8080), Address("::", 8080))
    assert settings.link.address == Address("127.0.0.1", 4010)
    assert settings.metrics.address == Address("127.0.0.1", 9464)
    assert (settings.sessions.detached_ttl, settings.sessions.token_ttl) == (900, 3600)
    assert (settings.limits.line_length, settings.limits.subnegotiation) == (4096, 65536)
    assert (settings.limits.login_deadline, settings.limits.max_connections) == (120, 15_000)
    assert (settings.world.tick_commands, settings.world.tick_time) == (512, 0.005)
    assert (settings.log.level, settings.log.format) == (LogLevel.INFO, LogFormat.LOGFMT)


def test_every_key_can_stand_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "link.key").write_text(KEY + "\n")
    toml = """
        [telnet]
        listeners = ["127.0.0.1:4000"]
        tls_listeners = ["127.0.0.1:4001"]
        screen_reader_listeners = ["127.0.0.1:4002"]
        compress_tls = true
        [web]
        listeners = ["[::1]:8080"]
        tls_listeners = ["[::1]:8443"]
        [tls]
        certificate_file = "tls.crt"
        key_file = "tls.key"
        [sessions]
        detached_ttl = "5m"
        token_ttl = "30m"
        cleanup_interval = "10s"
        [link]
        address = "unix:/run/wyld/link"
        key_file = "link.key"
        fd = 3
        [world]
        areas = "areas"
        tick_commands = 100
        tick_time = "10ms"
        [store]
        url = "postgresql://wyld@db/wyld"
        url_file = "unused"
        pool_size = 8
        statement_timeout = "1s"
        connect_timeout = "3s"
        [limits]
        line_length = "1KiB"
        subnegotiation = "8KiB"
        client_variable = "32B"
        inflation = 10
        answers_per_option = 20
        login_deadline = "1m"
        max_connections = 10
        output_queue = "64KiB"
        [listing]
        name = "The Harbour"
        contact = "harbour@example.org"
        hostname = "harbour.example.org"
        language = "English"
        website = "https://harbour.example.org"
        [log]
        level = "debug"
        format = "json"
        [metrics]
        address = ""
        [control]
        path = "sockets"
    """
    settings = load(tmp_path, toml, environ={})

    defaults = load_settings(None, environ=REQUIRED)
    for section in attrs.fields(Settings):
        mine, default = getattr(settings, section.name), getattr(defaults, section.name)
        for field in attrs.fields(type(mine)):
            same = getattr(mine, field.name) == getattr(default, field.name)
            assert not same or (section.name, field.name) == ("link", "key"), f"{section.name}.{field.name}"
    assert settings.link.address == UnixAddress("/run/wyld/link")
    assert settings.link.key == Secret(KEY)
    assert settings.world.areas == tmp_path / "areas"
    assert settings.metrics.address is None
    assert settings.control.path == tmp_path / "sockets"


def test_the_environment_beats_the_file_and_the_command_line_beats_both(tmp_path: Path) -> None:
    toml = '[sessions]\ndetached_ttl = "1m"\ntoken_ttl = "2m"\ncleanup_interval = "3s"'
    environ = REQUIRED | {"WYLD_SESSIONS__TOKEN_TTL": "10m", "WYLD_SESSIONS__CLEANUP_INTERVAL": "4s"}
    sessions = load(tmp_path, toml, environ, {"sessions.cleanup_interval": "5s"}).sessions

    assert (sessions.detached_ttl, sessions.token_ttl, sessions.cleanup_interval) == (60, 600, 5)


@pytest.mark.parametrize("section", ["telnet", "web"])
def test_listeners_with_tls_need_a_certificate_and_its_key(tmp_path: Path, section: str) -> None:
    assert problems(tmp_path, f'[{section}]\ntls_listeners = ["127.0.0.1:0"]') == [
        f"{section}.tls_listeners needs tls.certificate_file: set WYLD_TLS__CERTIFICATE_FILE.",
        f"{section}.tls_listeners needs tls.key_file: set WYLD_TLS__KEY_FILE.",
    ]


def test_no_address_is_a_list_where_none_is_needed(tmp_path: Path) -> None:
    assert load(tmp_path, "[telnet]\ntls_listeners = []").telnet.tls_listeners == ()


def test_lists_are_separated_by_commas_in_the_environment() -> None:
    environ = REQUIRED | {"WYLD_TELNET__LISTENERS": "127.0.0.1:1, [::1]:2,"}

    assert load_settings(None, environ=environ).telnet.listeners == (
        Address("127.0.0.1", 1),
        Address("::1", 2),
    )


def test_variables_without_the_separator_are_left_alone() -> None:
    load_settings(None, environ=REQUIRED | {"WYLD_SUPERVISED": "1", "HOME": "/", "XWYLD_A__B": ""})


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    toml = """
        telnet = 3
        [sessions]
        detached_tll = "15m"
        cleanup_interval = 5
        [metrcs]
        address = ""
        [log]
        level = "loud"
    """
    environ = {
        "WYLD_LINK__KEY": "short",
        "WYLD_SESIONS__TOKEN_TTL": "1h",
        "WYLD_LIMITS__MAX_CONNECTIONS": "0",
    }
    overrides = {"telnet.listener": "x", "web.listeners": "localhost"}

    found = problems(tmp_path, toml, environ, overrides)

    assert found == [
        "wyld.toml: telnet must be a section, [telnet] on a line of its own.",
        "wyld.toml: sessions.detached_tll: there is no such key (did you mean sessions.detached_ttl?).",
        "wyld.toml: there is no section [metrcs] (did you mean metrics?).",
        "environment: WYLD_SESIONS__TOKEN_TTL is no setting (did you mean WYLD_SESSIONS__TOKEN_TTL?).",
        "command line: telnet.listener: there is no such key (did you mean telnet.listeners?).",
        'command line: web.listeners = \'localhost\': it must be "ADDR:PORT" such as "127.0.0.1:4000" or '
        '"[::1]:4000".',
        "wyld.toml: sessions.cleanup_interval = 5: it must be a number with a unit of ms, s, m, h or d, such as "
        '"15m".',
        "WYLD_LINK__KEY = ***: it must be at least 32 characters. Make a key with `python -c 'import secrets; "
        "print(secrets.token_urlsafe(32))'`, the same for the world and every gateway.",
        "WYLD_LIMITS__MAX_CONNECTIONS = '0': it must be from 1 to 1000000.",
        "wyld.toml: log.level = 'loud': it must be one of debug, info, warning, error.",
        "store.url is required: set WYLD_STORE__URL or store.url_file. It looks like "
        "postgresql://wyld@localhost/wyld.",
    ]


def test_there_is_no_default_key() -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(None, environ={})

    assert "link.key is required: set WYLD_LINK__KEY or link.key_file. Make a key with" in str(raised.value)
    assert "store.url is required" in str(raised.value)


def test_the_key_must_not_stand_in_the_settings_file(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, f'[link]\nkey = "{KEY}"')

    assert found == "wyld.toml: link.key must not stand in this file; set link.key_file or WYLD_LINK__KEY."


@pytest.mark.parametrize(
    ("content", "message"),
    [("short", "must be at least 32 characters"), ("", "is empty"), (None, "No such file")],
)
def test_a_key_file_that_holds_no_key_is_a_problem(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "link.key").write_text(content)
    (found,) = problems(tmp_path, '[link]\nkey_file = "link.key"', {"WYLD_STORE__URL": URL})

    assert found.startswith("link.key_file: ")
    assert message in found


def test_the_url_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text(URL)

    assert load(tmp_path, '[store]\nurl_file = "url"', {"WYLD_LINK__KEY": KEY}).store.url == Secret(URL)


def test_secrets_are_in_no_message_and_in_no_repr(tmp_path: Path) -> None:
    bad = ["mysql://u:hunter2@h/d", "postgresql://u:hunter2@h:port/d?nonsense=hunter2", "hunter2"]
    for url in bad:
        assert "hunter2" not in str(
            problems(tmp_path, "", {"WYLD_LINK__KEY": "hunter2", "WYLD_STORE__URL": url})
        )
        assert "hunter2" not in str(problems(tmp_path, f'[store]\nurl = "{url}"', {}))

    settings = load_settings(None, environ=REQUIRED)
    assert KEY not in repr(settings)
    assert "hunter2" not in repr(settings)


def test_a_token_must_outlive_the_session_that_it_resumes(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, '[sessions]\ndetached_ttl = "1h"')

    assert "sessions.token_ttl = 1h must be at least twice sessions.detached_ttl = 1h" in found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[telnet", "is not valid TOML"),
        (b"a = " + b"[" * 5000, "is not valid TOML"),
        (b"\xff", "is not UTF-8"),
        (b"#" * (MAX_FILE + 1), "is larger than 1MiB"),
    ],
)
def test_a_file_that_is_no_toml_is_one_problem(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "wyld.toml"
    file.write_bytes(content)

    with pytest.raises(SettingsError, match=message):
        load_settings(file, environ=REQUIRED)


def test_a_file_that_is_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nothing\.toml: cannot be read: No such file"):
        load_settings(tmp_path / "nothing.toml", environ=REQUIRED)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("WYLD_TELNET__LISTENERS", "", "a list of 1 to 16 addresses"),
        ("WYLD_TELNET__LISTENERS", ",".join(["a:1"] * 17), "a list of 1 to 16 addresses"),
        ("WYLD_LIMITS__MAX_CONNECTIONS", "many", "a whole number"),
        ("WYLD_LIMITS__MAX_CONNECTIONS", "9" * 5000, "a whole number"),
        ("WYLD_LIMITS__LINE_LENGTH", "1B", "from 128B to 64KiB"),
        ("WYLD_LIMITS__LINE_LENGTH", "1GiB", "from 128B to 64KiB"),
        ("WYLD_SESSIONS__DETACHED_TTL", "1s", "from 10s to 1d"),
        ("WYLD_WORLD__AREAS", "", "the path of a file or folder"),
        ("WYLD_LINK__ADDRESS", "unix:relative", "absolute path"),
        ("WYLD_LOG__FORMAT", "xml", "one of logfmt, json"),
        ("WYLD_METRICS__ADDRESS", "9464", "ADDR:PORT"),
    ],
)
def test_a_bad_value_says_what_is_allowed(variable: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(None, environ=REQUIRED | {variable: value})

    (found,) = raised.value.problems
    assert found.startswith(f"{variable} = ")
    assert message in found
    assert len(found) < 400


def test_a_truth_value_is_no_number(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, "[limits]\nmax_connections = true")

    assert found == "wyld.toml: limits.max_connections = True: it must be a whole number."


def test_a_message_never_moves_the_cursor(tmp_path: Path) -> None:
    found = problems(tmp_path, '[log]\nlevel = "\\u001b[2J"\n"\\u001b[H" = 1\n["\\u202e"]\na = 1')

    assert len(found) == 3
    assert all(problem.isprintable() for problem in found)


@given(st.dictionaries(st.sampled_from([env_name(key) for key in Catalogue.of(Settings).rules]), st.text()))
def test_whatever_the_environment_holds_only_settings_errors_are_raised(environ: dict[str, str]) -> None:
    with contextlib.suppress(SettingsError):
        load_settings(None, environ=environ)
