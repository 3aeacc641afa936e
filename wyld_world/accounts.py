"""Accounts: `authenticate` and `create_account`, taken in order of arrival by as many workers as there may be hashes at a time.

`WAITING` requests may wait; whoever comes after that is told to try again. The link's reader never waits for any of it.

What a stranger can learn: that a name is taken, by trying to create it, and nothing else. An unknown name is checked against a hash that no
password has, so that it takes as long as a wrong password, and both are refused with the same words; both are locked out after
`FAILURES` failures within `FAILURE_WINDOW`, by name, in memory.

Nothing here logs a password, and no error holds one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final

import attrs
import trio

from wyld_rpc.messages import AccountId, Authenticate, AuthError, AuthErrorCode, AuthResult, CreateAccount
from wyld_service.errors import StoreError
from wyld_service.log import Event, get_logger
from wyld_world.passwords import NAME, PASSWORD_MAXIMUM, WORKERS, Passwords, check_name, check_password
from wyld_world.store import Account, WorldStore

WAITING: Final = 64
"""Logins that wait: some three seconds of work for two workers, well within a call's deadline."""
FAILURES: Final = 5
FAILURE_WINDOW: Final = 5 * 60.0
"""Seconds within which `FAILURES` failures lock a name, and for which it is locked then."""
MAX_FAILING_NAMES: Final = 10_000
"""Names whose failures are remembered; beyond it the oldest are forgotten."""

Request = Authenticate | CreateAccount
Answer = Callable[[AuthResult | AuthError], None]

_log = get_logger()


@attrs.define
class Failures:
    """Failed logins by name in lower case, whether or not there is such an account. Pure; `now` in seconds of any clock."""

    _times: dict[str, list[float]] = attrs.field(factory=dict)

    def is_locked(self, name: str, now: float) -> bool:
        recent = [time for time in self._times.get(name.lower(), ()) if time > now - FAILURE_WINDOW]
        return len(recent) >= FAILURES

    def note(self, name: str, now: float) -> None:
        recent = [time for time in self._times.pop(name.lower(), ()) if time > now - FAILURE_WINDOW]
        self._times[name.lower()] = [*recent[1 - FAILURES :], now]
        if len(self._times) > MAX_FAILING_NAMES:
            del self._times[next(iter(self._times))]

    def forget(self, name: str) -> None:
        self._times.pop(name.lower(), None)


class Accounts:
    """The queue of logins and their workers; `submit` may be called by any task, `run` is a task of the world's nursery.

    Args:
        store: Where accounts are.
        known: The ids of all accounts; new ones are added.
        passwords: Makes and checks hashes.
        wall: Seconds since 1970.
    """

    def __init__(
        self,
        store: WorldStore,
        known: set[AccountId],
        *,
        passwords: Passwords,
        wall: Callable[[], float],
    ) -> None:
        self._store = store
        self._known = known
        self._passwords = passwords
        self._wall = wall
        self._failures = Failures()
        self._queue, self._next = trio.open_memory_channel[tuple[Request, Answer]](WAITING)
        self._nobodys_hash = ""

    def submit(self, request: Request, answer: Answer) -> None:
        """Queue a request; `answer` is called once with its result or its error, or never if the world ends before. Never waits."""
        try:
            self._queue.send_nowait((request, answer))
        except trio.WouldBlock:
            text = "Many people are logging in at the moment. Please try again in a few seconds."
            answer(AuthError(AuthErrorCode.SERVER_ERROR, text))

    async def run(self) -> None:
        """Answer requests until cancelled, which leaves those under way unanswered."""
        self._nobodys_hash = await self._passwords.hash(secrets.token_urlsafe())
        async with trio.open_nursery() as nursery:
            for _ in range(WORKERS):
                nursery.start_soon(self._work)

    async def _work(self) -> None:
        async for request, answer in self._next:
            answer(await self._answer(request))

    async def _answer(self, request: Request) -> AuthResult | AuthError:
        try:
            if isinstance(request, Authenticate):
                return await self._authenticate(request)
            return await self._create(request)
        except AuthError as error:
            return error
        except StoreError as error:
            _log.error(Event.AUTH_FAIL, reason=str(error))
            text = "The server cannot look up accounts at the moment. Please try again in a few minutes."
            return AuthError(AuthErrorCode.SERVER_ERROR, text)

    async def _authenticate(self, request: Authenticate) -> AuthResult:
        if self._failures.is_locked(request.account, trio.current_time()):
            raise AuthError(
                AuthErrorCode.ACCOUNT_LOCKED,
                f"There were {FAILURES} failed logins. Please try again in a few minutes.",
            )
        account = await self._find(request.account)
        stored = self._nobodys_hash if account is None else account.password_hash
        password = request.password[: PASSWORD_MAXIMUM + 1]
        matches = await self._passwords.matches(stored, password)
        if account is None or not matches:
            self._failures.note(request.account, trio.current_time())
            # Not the name as it was typed: now and then it is a password.
            name = None if account is None else account.name
            _log.warning(Event.AUTH_FAIL, account=name, client_addr=request.client_addr)
            raise AuthError(
                AuthErrorCode.INVALID_CREDENTIALS, "There is no such account, or the password is wrong."
            )
        self._failures.forget(request.account)
        if self._passwords.is_outdated(stored):
            stored = await self._passwords.hash(request.password)
        await self._store.note_login(account.id, self._wall(), stored)
        return AuthResult(account.id, account.name)

    async def _find(self, name: str) -> Account | None:
        # What could not be an account's name never reaches the database, which refuses some characters.
        return await self._store.find_account(name) if NAME.fullmatch(name) else None

    async def _create(self, request: CreateAccount) -> AuthResult:
        check_name(request.account)
        check_password(request.password, request.account)
        password_hash = await self._passwords.hash(request.password)
        account = Account(request.id, request.account, password_hash, self._wall())
        known = await self._store.add_account(account)
        if known is not None and known.id != request.id:
            raise AuthError(AuthErrorCode.NAME_TAKEN, f"The name {known.name} is taken.")
        self._known.add(account.id)
        return AuthResult(account.id, account.name)
