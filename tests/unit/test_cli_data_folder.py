"""`wyld.data_folder`: created, locked by one, its key private."""

import os
import stat
from pathlib import Path

import pytest

from wyld.data_folder import open_data_folder
from wyld.errors import CannotStart


def test_folder_is_made_with_a_private_random_key(tmp_path: Path) -> None:
    keys = set()
    for name in ("first/data", "second/data"):
        with open_data_folder(tmp_path / name) as folder:
            assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
            assert stat.S_IMODE(folder.link_key.stat().st_mode) == 0o600
            keys.add(folder.link_key.read_text())

    assert len(keys) == 2
    assert all(len(key.strip()) == 64 for key in keys)


def test_key_is_kept_over_starts(tmp_path: Path) -> None:
    with open_data_folder(tmp_path) as folder:
        key = folder.link_key.read_text()

    with open_data_folder(tmp_path) as folder:
        assert folder.link_key.read_text() == key


def test_key_that_a_crash_cut_short_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "link.key").write_text("")

    with open_data_folder(tmp_path) as folder:
        assert len(folder.link_key.read_text().strip()) == 64


def test_folder_in_use_names_its_user(tmp_path: Path) -> None:
    with (
        open_data_folder(tmp_path),
        pytest.raises(CannotStart, match=rf"in use by another `wyld up` \(process {os.getpid()}\)"),
        open_data_folder(tmp_path),
    ):
        pytest.fail("two users of one folder")


def test_folder_is_free_again_after_use(tmp_path: Path) -> None:
    with open_data_folder(tmp_path):
        pass

    with open_data_folder(tmp_path):
        pass


@pytest.mark.parametrize("obstacle", ["data", "data/lock", "data/link.key"])
def test_unusable_folder_is_one_sentence(tmp_path: Path, obstacle: str) -> None:
    path = tmp_path / obstacle
    if obstacle == "data":
        path.write_text("a file where the folder should be")
    else:
        path.mkdir(parents=True)

    with (
        pytest.raises(CannotStart, match=r"The data folder .*data cannot be used: [A-Z].*\.$"),
        open_data_folder(tmp_path / "data"),
    ):
        pytest.fail("opened")

    assert path.exists()
