"""`Secret`: text that must never reach a log, a traceback or a status page.

Whatever formats a secret gets `***`; only `reveal()` gives the text, so that a reader finds every use by one search.
"""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import Final, NoReturn

from wyld_service.errors import SettingsError

MASK: Final = "***"

MAX_SECRET_FILE: Final = 64 * 1024
"""Bytes. A key or a URL fits many times over; `/dev/zero` given by mistake does not fill the memory."""


class Secret:
    """Text that prints as `***` in `str`, `repr` and every format, and is compared in constant time.

    Immutable, so it may be shared by any number of tasks and threads. It refuses to be pickled or hashed: both
    would leave a trace of it elsewhere.
    """

    __slots__ = ("_text",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, text: str) -> None:
        self._text = text

    @classmethod
    def from_file(cls, path: Path) -> Secret:
        """Read a secret from `path`: UTF-8, at most `MAX_SECRET_FILE` bytes, white space at both ends removed.

        Raises:
            SettingsError: The file cannot be read, is no text, is too large or is empty.
        """
        try:
            with path.open("rb") as file:
                content = file.read(MAX_SECRET_FILE + 1)
            text = content.decode("utf-8").strip()
        except OSError as error:
            raise SettingsError([f"{path}: cannot be read: {error.strerror or error}."]) from None
        except UnicodeDecodeError:
            raise SettingsError([f"{path}: is not UTF-8 text."]) from None
        if len(content) > MAX_SECRET_FILE:
            raise SettingsError([f"{path}: is larger than {MAX_SECRET_FILE} bytes."])
        if not text:
            raise SettingsError([f"{path}: is empty."])
        return cls(text)

    def reveal(self) -> str:
        """The text itself. Hand it straight to what needs it and keep no copy."""
        return self._text

    def __len__(self) -> int:
        return len(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled")
