"""Text for terminals whose character set is smaller than the game's."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyld_gateway.telnet import encode_text
from wyld_gateway.telnet.charsets import codec_of

SETS = ["ascii", "latin-1", "cp437", "cp1252", "koi8-r", "iso8859-2", "utf-8"]


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [
        ("café", "cp437", b"caf\x82"),
        ("café", "ascii", b"cafe"),
        ("┌──┐", "cp437", b"\xda\xc4\xc4\xbf"),
        ("┌─│┐", "latin-1", b"+-|+"),
        ("“Grüße” – she said…", "latin-1", b'"Gr\xfc\xdfe" - she said...'),
        ("Straße", "ascii", b"Strasse"),
        ("ﬁve €", "latin-1", b"five EUR"),
        ("世", "cp437", b"?"),
        ("я\n", "cp1251", b"\xff\xff\r\n"),
    ],
)
def test_characters_that_a_set_lacks_become_the_nearest_that_it_has(text, encoding, shown):
    assert encode_text(text, encoding) == shown


@given(st.text(), st.sampled_from(SETS))
def test_any_text_fits_any_set(text, encoding):
    assert isinstance(encode_text(text, encoding), bytes)


def test_stand_ins_are_for_encoding_only():
    with pytest.raises(UnicodeDecodeError):
        codecs.decode(b"\xff", "utf-8", "wyld.nearest")


@pytest.mark.parametrize("name", ["UTF-8", "cp437", "IBM437", "iso-8859-1", "KOI8-R"])
def test_names_that_players_may_type_are_known(name):
    assert codec_of(name) is not None
