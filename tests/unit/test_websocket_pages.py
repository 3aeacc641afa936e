"""The files of the web terminal: complete, without anything that its own security policy forbids, and readable in both schemes."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from itertools import chain
from pathlib import Path

import pytest

from wyld_gateway.websocket.pages import load_pages
from wyld_rpc.messages import STYLES

PAGES = load_pages()
WEB = Path(__file__).parents[2] / "wyld_gateway" / "web"
SCRIPTS = sorted(path for path in PAGES if path.endswith(".js"))
CSS = PAGES["/terminal.css"].body.decode()

NEEDED_CONTRAST = 4.5
"""WCAG 2.2, 1.4.3, for text of ordinary size."""


class Html(HTMLParser):
    """Names of elements with their attributes, and what stands inside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inline = ""
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style"):
            self.inline += data.strip()

    def attributes(self, name: str) -> set[str]:
        return {value for _, attributes in self.elements if (value := attributes.get(name))}


INDEX = Html(PAGES["/"].body.decode())


def test_the_page_is_its_own_start_page_and_source_files_stay_unserved(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_bytes(b"<p>")
    (tmp_path / "jsconfig.json").write_bytes(b"{}")

    pages = load_pages(tmp_path)

    assert set(pages) == {"/", "/index.html"}
    assert load_pages(tmp_path / ".." / tmp_path.name)["/"] == pages["/"]


def test_a_folder_without_a_start_page_has_none(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_bytes(b"p {}")

    assert set(load_pages(tmp_path)) == {"/a.css"}


def test_the_tag_of_a_page_changes_with_the_page(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_bytes(b"1")
    before = load_pages(tmp_path)["/a.js"].etag
    (tmp_path / "a.js").write_bytes(b"2")

    assert load_pages(tmp_path)["/a.js"].etag != before


def test_whatever_the_page_and_its_modules_name_is_served_from_here() -> None:
    imported = {
        name
        for path in SCRIPTS
        for name in re.findall(r'^import .* from "\./(.+)";$', PAGES[path].body.decode(), re.MULTILINE)
    }
    named = imported | INDEX.attributes("src") | {ref for ref in INDEX.attributes("href") if ref[0] != "#"}

    assert {f"/{name}" for name in named} == set(PAGES) - {"/", "/index.html"}


def test_nothing_is_fetched_from_elsewhere() -> None:
    for page in PAGES.values():
        addresses = re.findall(rb"https?://[\w.-]+|url\([^)]*\)|@import", page.body)
        assert [a for a in addresses if not a.startswith(b"http://www.w3.org")] == []


def test_the_page_needs_no_inline_script_or_style() -> None:
    names = set(chain.from_iterable(attributes for _, attributes in INDEX.elements))

    assert INDEX.inline == ""
    assert not {name for name in names if name == "style" or name.startswith("on")}


def test_text_never_becomes_markup() -> None:
    for path in SCRIPTS:
        source = PAGES[path].body.decode()
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", source
        ), path


def test_the_terminal_stays_small() -> None:
    assert sum(PAGES[path].body.count(b"\n") for path in SCRIPTS) < 1500


def test_the_page_tells_assistive_programs_what_is_what() -> None:
    roles = {attributes["role"]: attributes for _, attributes in INDEX.elements if "role" in attributes}
    controls = [
        attributes
        for tag, attributes in INDEX.elements
        if tag in ("textarea", "input", "section", "form", "aside")
    ]

    assert set(roles) == {"status", "log", "alert"}
    assert roles["log"]["aria-live"] == "polite"
    assert all(attributes.get("aria-label") for attributes in controls)
    assert {tag for tag, _ in INDEX.elements} >= {"header", "main", "aside", "h1"}
    assert next(attributes for tag, attributes in INDEX.elements if tag == "a") == {
        "class": "skip",
        "href": "#command",
    }


@pytest.mark.parametrize("path", SCRIPTS)
def test_scripts_are_valid_modules(path: str) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")

    result = subprocess.run(
        [node, "--check", "--input-type=module"],
        input=PAGES[path].body,
        capture_output=True,
        timeout=20,
        check=False,
    )

    assert result.returncode == 0, result.stderr.decode()


# ------------------------------------------------------------------------------------------ contrast


def colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))


DARK, LIGHT = (colours(block) for block in CSS.split("@media (prefers-color-scheme: light)", 1))
GROUNDS = {"ground", "panel"}
NOT_TEXT = {*GROUNDS, "edge"}


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_measured_as_it_is_defined() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", [DARK, LIGHT], ids=["dark", "light"])
def test_every_text_colour_can_be_read_on_every_ground(scheme: dict[str, str]) -> None:
    pale = {
        f"{name} on {ground}": round(contrast(scheme[name], scheme[ground]), 2)
        for name in scheme.keys() - NOT_TEXT
        for ground in GROUNDS
        if contrast(scheme[name], scheme[ground]) < NEEDED_CONTRAST
    }

    assert pale == {}


def test_every_style_of_the_game_has_a_colour_in_both_schemes() -> None:
    styles = set(STYLES) - {""}

    assert styles <= DARK.keys()
    assert DARK.keys() == LIGHT.keys()
    known = re.search(r"STYLES = new Set\(\[(.*?)\]\)", PAGES["/rendering.js"].body.decode(), re.DOTALL)
    assert known is not None
    assert set(re.findall(r'"(\w+)"', known[1])) == styles
