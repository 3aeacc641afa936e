"""The folder in which `wyld up` keeps everything: the database, the link key, the control sockets, and the
lock that says it is in use.

    <data>/lock        held with flock(2) by the one `wyld up` that uses the folder; the kernel frees it with us
    <data>/link.key    the shared key of gateway and world, random, readable by its owner alone
    <data>/postgres/   the embedded database
    <data>/*.sock      the control sockets of gateway and world, while they run

Only our own process holds the lock: the descriptor is not inherited, so a child that outlives us frees the folder.
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import attrs
import platformdirs

from wyld.errors import CannotStart

# Bytes of randomness in a new link key; the file holds them as hexadecimal digits.
LINK_KEY_BYTES = 32


@attrs.frozen
class DataFolder:
    """A data folder that is locked by this process."""

    path: Path

    @property
    def link_key(self) -> Path:
        """The file that holds the shared key of gateway and world."""
        return self.path / "link.key"

    @property
    def postgres(self) -> Path:
        """The data directory of the embedded PostgreSQL; it may not exist yet."""
        return self.path / "postgres"


def default_data_folder() -> Path:
    """Where `wyld up` keeps everything unless it is told otherwise."""
    return platformdirs.user_data_path("wyld")


@contextlib.contextmanager
def open_data_folder(path: Path) -> Iterator[DataFolder]:
    """Create the folder and its link key where they are missing, and hold its lock as long as the block lasts.

    Raises `CannotStart` if the folder cannot be used or another `wyld up` uses it.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        _lock(lock, path)
        folder = DataFolder(path.resolve())
        try:
            _ensure_link_key(folder.link_key)
        except OSError as error:
            raise _unusable(path, error) from error
        yield folder
    finally:
        os.close(lock)


def _lock(lock: int, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.pread(lock, 20, 0).decode("ascii", "replace") or "unknown"
        raise CannotStart(
            f"The data folder {path} is in use by another `wyld up` (process {owner})."
        ) from error
    os.truncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode("ascii"), 0)


def _ensure_link_key(path: Path) -> None:
    """Write a new key unless there is one. A key that was cut short by a crash is written again."""
    if path.is_file() and path.stat().st_size >= LINK_KEY_BYTES:
        return
    path.unlink(missing_ok=True)
    with open(path, "x", encoding="ascii", opener=_owner_only) as file:
        file.write(secrets.token_hex(LINK_KEY_BYTES) + "\n")


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _unusable(path: Path, error: OSError) -> CannotStart:
    return CannotStart(f"The data folder {path} cannot be used: {error.strerror}.")
