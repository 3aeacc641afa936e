import copy
import json
import pickle
import traceback
from pathlib import Path

import attrs
import pytest

from wyld_service.errors import SettingsError
from wyld_service.secret import MAX_SECRET_FILE, Secret

TEXT = "correct horse battery staple"


@attrs.frozen
class Holder:
    key: Secret


def test_a_secret_never_prints_itself() -> None:
    secret = Secret(TEXT)
    in_formats = [str(secret), repr(secret), f"{secret}", f"{secret!r:>10}", f"{secret:^20}"]
    in_others = [repr([secret]), repr(Holder(secret)), json.dumps({"key": secret}, default=str)]
    shown = in_formats + in_others

    assert all("***" in text and TEXT not in text for text in shown)
    assert secret.reveal() == TEXT
    assert len(secret) == len(TEXT)


def test_a_secret_does_not_show_in_a_traceback() -> None:
    with pytest.raises(RuntimeError) as raised:
        raise RuntimeError(Secret(TEXT))

    assert TEXT not in "".join(traceback.format_exception(raised.value))


def test_a_secret_leaves_no_trace_elsewhere() -> None:
    secret = Secret(TEXT)

    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.deepcopy(secret)
    with pytest.raises(TypeError):
        hash(secret)
    assert not hasattr(secret, "__dict__")


def test_secrets_are_equal_when_their_texts_are() -> None:
    assert Secret("é") == Secret("é")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"


def test_a_secret_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{TEXT}\n")

    assert Secret.from_file(file) == Secret(TEXT)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "empty"), (b" \n", "empty"), (b"\xff\xfe", "UTF-8"), (b"x" * (MAX_SECRET_FILE + 1), "larger")],
)
def test_a_file_that_holds_no_secret_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)

    with pytest.raises(SettingsError, match=message):
        Secret.from_file(file)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        Secret.from_file(tmp_path / "nothing")
    with pytest.raises(SettingsError, match="directory"):
        Secret.from_file(tmp_path)
