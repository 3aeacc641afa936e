"""Rules about the source that no tool of `just check` knows. Who may import whom is import-linter's (pyproject.toml)."""

import ast
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("wyld_rpc", "wyld_service", "wyld_gateway", "wyld_world", "wyld")

# The sans-I/O cores: bytes in, events out; no await, no clock, no logging. They may import one another.
PURE = (
    "wyld_rpc/errors.py",
    "wyld_rpc/frames.py",
    "wyld_rpc/messages.py",
    "wyld_rpc/numbering.py",
    "wyld_rpc/opening.py",
    "wyld_rpc/wire.py",
    "wyld_service/errors.py",
    "wyld_service/secret.py",
    "wyld_service/units.py",
    "wyld_gateway/close.py",
    "wyld_gateway/errors.py",
    "wyld_gateway/outofband.py",
    "wyld_gateway/preferences.py",
    "wyld_gateway/telnet/**/*.py",
    "wyld_gateway/terminal/**/*.py",
    "wyld_gateway/websocket/protocol.py",
    "wyld_world/areas/**/*.py",
    "wyld_world/commands/**/*.py",
    "wyld_world/model/**/*.py",
    "wyld/backoff.py",
    "wyld/bench/arena.py",
    "wyld/bench/ledger.py",
    "wyld/bench/wires.py",
)
# Shells in a folder of cores.
NOT_PURE = ("wyld_gateway/telnet/adapter.py",)
IMPURE_MODULES = frozenset(
    {"asyncio", "logging", "os", "select", "selectors", "signal", "socket", "ssl", "structlog", "subprocess"}
    | {"threading", "time", "trio", "trio_websocket", "psycopg", "psycopg_pool"}
)
# Written in two pieces, so that this file does not hold what it forbids.
FORBIDDEN_TEXTS = tuple(
    first + second
    for first, second in (
        ("/wo", "rk/"),
        ("/ro", "ot/"),
        ("/ho", "me/"),
        ("/tmp", "/brief"),
        ("file", ":///"),
        ("pypi", ".org"),
        ("python", "hosted.org"),
        ("npm", "js.org"),
        ("npm", "js.com"),
        ("gh", "cr.io"),
    )
)


def repository_files() -> list[Path]:
    """What is or would be committed; a source tree without git has nothing to check."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("this source tree is no git repository")
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def pure_modules() -> list[Path]:
    return sorted(
        path
        for pattern in PURE
        for path in ROOT.glob(pattern)
        if not any(fnmatch(str(path.relative_to(ROOT)), shell) for shell in NOT_PURE)
    )


def imported_names(path: Path) -> Iterator[str]:
    """Full names of the modules, and of the things in them, that a module imports anywhere."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*above, *filter(None, [node.module])))
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def module_file(name: str) -> Path | None:
    """The file of one of our modules; None for others, and for names that are no module."""
    if name.partition(".")[0] not in PACKAGES:
        return None
    stem = ROOT / name.replace(".", "/")
    return next((path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()), None)


@pytest.mark.parametrize("pattern", PURE)
def test_every_pure_pattern_names_something(pattern: str) -> None:
    assert list(ROOT.glob(pattern))


@pytest.mark.parametrize("path", pure_modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_pure_module_imports_nothing_impure(path: Path) -> None:
    pure = set(pure_modules())
    bare_packages = {ROOT / package / "__init__.py" for package in (*PACKAGES, "wyld_gateway/websocket")}

    for name in imported_names(path):
        assert name.partition(".")[0] not in IMPURE_MODULES, f"{path.name} imports {name}"
        file = module_file(name)
        assert file is None or file in pure | bare_packages, f"{path.name} imports {name}, which is not pure"


CLOCKS = frozenset({"autojump_clock", "mock_clock"})
Function = ast.FunctionDef | ast.AsyncFunctionDef


def arguments(function: Function) -> set[str]:
    return {argument.arg for argument in function.args.args}


def virtual_clocks(module: ast.Module) -> set[str]:
    """The fixtures that bring virtual time: trio's, and those of this module that ask for one of them."""
    fixtures = [node for node in module.body if isinstance(node, Function) and node.decorator_list]
    clocks = set(CLOCKS)
    while found := {fixture.name for fixture in fixtures if arguments(fixture) & clocks} - clocks:
        clocks |= found
    return clocks


def real_sleeps(module: ast.Module, double: bool = False) -> Iterator[int]:
    """Lines that sleep for real: `time.sleep`, or `trio.sleep` of anything but 0 without a virtual clock.

    A test has virtual time if it asks for it. Other functions, and all of a test double, live in the time of whoever
    calls them, so they count as virtual where anybody in the module has it.
    """
    clocks = virtual_clocks(module)
    callers_time = double or any(
        arguments(node) & clocks for node in module.body if isinstance(node, Function)
    )
    for node in module.body:
        is_test = isinstance(node, Function) and node.name.startswith("test_")
        virtual = bool(arguments(node) & clocks) if is_test else callers_time
        for call in ast.walk(node):
            if not isinstance(call, ast.Call):
                continue
            called, given = ast.unparse(call.func), [ast.unparse(argument) for argument in call.args]
            if called == "time.sleep" or (called == "trio.sleep" and not virtual and given != ["0"]):
                yield call.lineno


@pytest.mark.parametrize("folder", ["unit", "flow", "doubles"])
def test_no_test_sleeps_for_real(folder: str) -> None:
    sleeps = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted((ROOT / "tests" / folder).rglob("*.py"))
        for line in real_sleeps(ast.parse(path.read_text("utf-8")), double=folder == "doubles")
    ]

    assert sleeps == []


def test_real_sleeps_are_found() -> None:
    virtual = """
async def helper(): await trio.sleep(3)
@pytest.fixture
async def world(autojump_clock): await trio.sleep(4)
@pytest.fixture
async def gateway(world): yield
async def test_real(): await trio.sleep(7)
async def test_virtual(gateway): await trio.sleep(8)
async def test_nothing(): await trio.sleep(0)
def test_worst(autojump_clock): time.sleep(10)
"""
    real = """
async def helper(): await trio.sleep(2)
async def test_pass(): await helper()
"""

    assert list(real_sleeps(ast.parse(virtual))) == [7, 10]
    assert list(real_sleeps(ast.parse(real))) == [2]
    assert list(real_sleeps(ast.parse(real), double=True)) == []


def test_no_file_holds_an_address_of_one_machine_or_registry() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {text}"
        for path in repository_files()
        for text in FORBIDDEN_TEXTS
        if text.encode() in path.read_bytes()
    ]

    assert found == []
