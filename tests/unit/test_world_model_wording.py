import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from wyld_world.model.wording import capital, clean, counted, definite, listing


def test_nothing_that_moves_a_cursor_or_turns_the_writing_gets_through():
    hostile = "a\x1b[2Jb\x07c\x9b31md\u202ee\u2066f\u200eg\ufeffh\ud800i\ue000j\0k"

    assert clean(hostile) == "a[2Jbc31mdefghijk"


def test_every_kind_of_blank_becomes_a_space():
    assert clean("a\tb\nc\r\nd\u00a0e\u2028f\u3000g\x85h") == "a b c  d e f g h"


def test_ordinary_text_of_all_scripts_is_untouched():
    for text in ("hello", "café", "Привет", "你好", "שלום", "نمی‌خواهم", "👩‍🚀 🇫🇷", "e\u0301"):
        assert clean(text) == text


@given(st.text(st.characters()))
def test_clean_text_can_be_stored_and_holds_no_control_character(text):
    cleaned = clean(text)

    cleaned.encode("utf-8")
    assert "\0" not in cleaned
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in cleaned)
    assert clean(cleaned) == cleaned


def test_small_grammar():
    assert listing([]) == ""
    assert listing(["a"]) == "a"
    assert listing(["a", "b"]) == "a and b"
    assert listing(["a", "b", "c"], "or") == "a, b or c"
    assert capital("the iPod") == "The iPod"
    assert capital("") == ""
    assert definite("a brass lantern") == "the brass lantern"
    assert definite("an oilskin") == "the oilskin"
    assert definite("Ann") == "Ann"
    assert definite("a") == "a"
    assert definite("5 coins") == "5 coins"
    assert counted(1, "person", "people") == "1 person"
    assert counted(2_000, "person", "people") == "2,000 people"
