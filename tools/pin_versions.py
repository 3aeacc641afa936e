"""Rewrites `[tool.uv] constraint-dependencies` in pyproject.toml: the newest versions that fit together.

The lock file of uv records download addresses and is therefore not in the repository; names and versions are, so
that everybody installs what the suite last passed with. Run by `just lock`; run the suite before committing.
"""

import re
import subprocess
import sys
from pathlib import Path

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"
CONSTRAINTS = re.compile(r"^constraint-dependencies = \[.*?\]$", re.MULTILINE | re.DOTALL)
# `name==version`, with a marker only where the version depends on the platform or on Python.
PIN = re.compile(r"^(?P<pin>[A-Za-z0-9._-]+==\S+)(?: ; (?P<marker>.+))?$", re.MULTILINE)


def main() -> None:
    before = PYPROJECT.read_text("utf-8")
    try:
        PYPROJECT.write_text(with_constraints(before, []), "utf-8")
        pins = resolve()
        PYPROJECT.write_text(with_constraints(before, pins), "utf-8")
        # The lock must agree with what pyproject.toml says now.
        uv("lock")
    except BaseException:
        PYPROJECT.write_text(before, "utf-8")
        raise
    print(f"{len(pins)} versions pinned.")


def resolve() -> list[str]:
    """Every package of every extra and group at its newest fitting version, sorted by name."""
    uv("lock", "--upgrade")
    exported = uv(
        "export",
        "--all-extras",
        "--all-groups",
        "--no-hashes",
        "--no-header",
        "--no-annotate",
        "--no-emit-project",
    )
    found = [(match["pin"], match["marker"]) for match in PIN.finditer(exported)]
    names = [pin.partition("==")[0] for pin, _ in found]
    return [
        f"{pin} ; {marker}" if marker and names.count(name) > 1 else pin
        for name, (pin, marker) in sorted(zip(names, found, strict=True))
    ]


def with_constraints(pyproject: str, pins: list[str]) -> str:
    """The text of pyproject.toml with `pins` in place of the constraints it has."""
    lines = "".join(f'    "{pin}",\n' for pin in pins)
    replaced, count = CONSTRAINTS.subn(f"constraint-dependencies = [\n{lines}]", pyproject)
    if count != 1:
        sys.exit("pyproject.toml must have exactly one constraint-dependencies list.")
    return replaced


def uv(*arguments: str) -> str:
    return subprocess.run(
        ["uv", *arguments], check=True, stdout=subprocess.PIPE, text=True, cwd=PYPROJECT.parent
    ).stdout


main()
