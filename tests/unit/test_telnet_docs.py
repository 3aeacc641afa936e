"""docs/telnet.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import attrs

from wyld_gateway.telnet import OPTIONS, option_name
from wyld_gateway.telnet.adapter import KEEPALIVE, NEGOTIATION_WAIT
from wyld_gateway.verbs import VERBS
from wyld_service.settings import Settings

DOCUMENT = (Path(__file__).parent.parent.parent / "docs" / "telnet.md").read_text("utf-8")
NAMES = {"NAWS": "WINDOW-SIZE"}


def words(text: str) -> list[str]:
    """The options that a sentence names, under the codec's names for them."""
    found = re.findall(r"\b[A-Z][A-Z0-9]+(?:-[A-Z]+)*\b", text)
    return [NAMES.get(word, word) for word in found if word not in ("MTTS", "MNES")]


def test_verbs_are_those_of_the_code():
    rows = [row.replace("\\|", "|") for row in re.findall(r"^\| `//(.*?)` \|", DOCUMENT, re.MULTILINE)]

    assert rows == [f"{name} {verb.usage}".strip() for name, verb in VERBS.items()]


def test_options_are_those_of_the_code_in_their_order():
    sentence = re.search(r"in this order: (.*?)\. Agreed", DOCUMENT, re.DOTALL)
    agreed = re.search(r"Agreed to when a client asks: (.*?)\. ECHO", DOCUMENT, re.DOTALL)
    assert sentence
    assert agreed

    assert words(sentence[1]) == [option_name(option.code) for option in OPTIONS if option.offered]
    others = {option_name(option.code) for option in OPTIONS if not option.offered}
    assert {*words(agreed[1]), "ECHO"} == others


def test_doors_are_settings():
    sections = attrs.fields_dict(attrs.resolve_types(Settings))
    for section, key in re.findall(r"(?<!event )`(telnet|web|tls)\.(\w+)`", DOCUMENT):
        assert key in attrs.fields_dict(sections[section].type)


def test_times_are_those_of_the_code():
    assert f"at most {NEGOTIATION_WAIT} seconds" in DOCUMENT
    assert f"keeps the connection open; {KEEPALIVE} by itself" in DOCUMENT
