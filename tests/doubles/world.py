"""A whole world without its edges, for flow tests: the starter areas, a store in memory, passwords that cost nothing."""

from __future__ import annotations

import random
from contextlib import AbstractAsyncContextManager
from functools import cache
from typing import Any

import argon2
import trio

from doubles.gateway import KEY
from wyld_world.areas import STARTER_FOLDER, load
from wyld_world.model.prototypes import Areas
from wyld_world.running import RunningWorld, open_world
from wyld_world.store import WorldStore

DETACHED_TTL = 15 * 60.0


class CheapPasswords:
    """Hashes of the cheapest kind, made on the spot: a worker thread would take real time while virtual time jumps."""

    def __init__(self) -> None:
        self.hasher = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        self.checked: list[str] = []

    async def hash(self, password: str) -> str:
        await trio.lowlevel.checkpoint()
        return self.hasher.hash(password)

    async def matches(self, stored: str, password: str) -> bool:
        await trio.lowlevel.checkpoint()
        self.checked.append(stored)
        try:
            return self.hasher.verify(stored, password)
        except argon2.exceptions.VerificationError:
            return False

    def is_outdated(self, stored: str) -> bool:
        return self.hasher.check_needs_rehash(stored)


@cache
def starter_areas() -> Areas:
    """Loaded once: prototypes never change."""
    return load(STARTER_FOLDER)


def open_test_world(store: WorldStore, **changes: Any) -> AbstractAsyncContextManager[RunningWorld]:
    """`open_world` with everything that tests do not care about; `changes` are further arguments of it."""
    arguments: dict[str, Any] = {
        "key": KEY,
        "detached_ttl": DETACHED_TTL,
        "random": random.Random(1),
        "passwords": CheapPasswords(),
    }
    return open_world(store, starter_areas(), **(arguments | changes))
