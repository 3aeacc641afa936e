"""How `schema.sql` is found and read; `tests/process/test_schema.py` applies it."""

from pathlib import Path

import pytest

import wyld_service
from wyld_service.schema import Schema, find_schema


def test_a_wheel_has_the_schema_in_the_package(tmp_path: Path) -> None:
    package = tmp_path / "wyld_service"
    package.mkdir()
    (package / "schema.sql").write_text("in the wheel")
    (tmp_path / "schema.sql").write_text("in the source tree")

    assert find_schema(package).read_text() == "in the wheel"


def test_the_source_tree_has_the_schema_at_its_root(tmp_path: Path) -> None:
    package = tmp_path / "wyld_service"
    package.mkdir()
    (tmp_path / "schema.sql").write_text("in the source tree")

    assert find_schema(package).read_text() == "in the source tree"


def test_a_schema_in_neither_place_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"schema\.sql is neither in"):
        find_schema(tmp_path / "wyld_service")


def test_the_schema_of_this_code_is_found_and_numbered() -> None:
    schema = Schema.parse(find_schema().read_text())

    assert find_schema().parent in (
        Path(wyld_service.__file__).parent,
        Path(wyld_service.__file__).parent.parent,
    )
    assert schema.version >= 1
    assert "CREATE TABLE IF NOT EXISTS schema_version" in schema.preamble
    for number, text in schema.migrations.items():
        assert f"INSERT INTO schema_version (version) VALUES ({number}) ON CONFLICT DO NOTHING;" in text


def test_migrations_are_split_at_their_lines() -> None:
    schema = Schema.parse("-- head\n-- migration 1\nONE;\n-- migration 2\nTWO;\n")

    assert schema.preamble == "-- head\n"
    assert schema.migrations == {1: "\nONE;\n", 2: "\nTWO;\n"}
    assert schema.version == 2


@pytest.mark.parametrize(
    "text", ["", "-- migration 2\n", "-- migration 1\n-- migration 1\n", "-- migration 1\n-- migration 3\n"]
)
def test_migrations_count_from_one_without_gaps(text: str) -> None:
    with pytest.raises(ValueError, match="must be numbered"):
        Schema.parse(text)
