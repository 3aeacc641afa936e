"""What names and passwords may be, and how passwords are kept: argon2id (RFC 9106), made in worker threads.

A hash costs about a tenth of a second of a processor and 64 MiB of memory. `WORKERS` are made at a time, off the event loop.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

import argon2
import trio

from wyld_rpc.messages import AuthError, AuthErrorCode

WORKERS: Final = 2
"""Hashes at the same time; more would take the game's processors, and 64 MiB each."""

NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{2,19}")
PASSWORD_MINIMUM: Final = 8
PASSWORD_MAXIMUM: Final = 128
"""Characters. A longer password protects nothing more and only costs time."""


def check_name(name: str) -> None:
    """Raise `AuthError` in words unless `name` may be an account's."""
    if not NAME.fullmatch(name):
        raise AuthError(
            AuthErrorCode.NAME_REFUSED,
            "An account's name has 3 to 20 characters: letters from a to z, digits, - and _, and a letter first.",
        )


def check_password(password: str, name: str) -> None:
    """Raise `AuthError` in words unless `password` may be that of the account `name`."""
    if not PASSWORD_MINIMUM <= len(password) <= PASSWORD_MAXIMUM:
        problem = f"A password has {PASSWORD_MINIMUM} to {PASSWORD_MAXIMUM} characters."
    elif password.lower() == name.lower():
        problem = "The password must not be the account's name."
    elif len(set(password)) == 1:
        problem = "A password must not be one character over and over."
    else:
        return
    raise AuthError(AuthErrorCode.PASSWORD_REFUSED, problem)


class Passwords(Protocol):
    """Makes and checks hashes. Any number of tasks may call it at the same time."""

    async def hash(self, password: str) -> str:
        """A hash with its own salt and parameters, as text."""

    async def matches(self, stored: str, password: str) -> bool:
        """Whether `stored` was made from `password`; False for what is no hash at all."""

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made with other parameters than `hash` uses now."""


class Argon2Passwords:
    """`Passwords` in worker threads.

    Cancellation takes effect when the thread has ended, a fraction of a second later.
    """

    def __init__(self, hasher: argon2.PasswordHasher | None = None) -> None:
        self._hasher = argon2.PasswordHasher() if hasher is None else hasher
        self._limiter = trio.CapacityLimiter(WORKERS)

    async def hash(self, password: str) -> str:
        return await trio.to_thread.run_sync(self._hasher.hash, password, limiter=self._limiter)

    async def matches(self, stored: str, password: str) -> bool:
        try:
            return await trio.to_thread.run_sync(self._hasher.verify, stored, password, limiter=self._limiter)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False

    def is_outdated(self, stored: str) -> bool:
        return self._hasher.check_needs_rehash(stored)
