"""Logging in: what a right, a wrong and an unknown name learn, and what happens when too many try."""

from __future__ import annotations

import secrets
import time

import argon2
import attrs
import pytest
import trio
from doubles.world import CheapPasswords
from doubles.world_store import MemoryWorldStore

from wyld_rpc.messages import (
    AccountId,
    Authenticate,
    AuthError,
    AuthErrorCode,
    AuthResult,
    CreateAccount,
    SessionId,
)
from wyld_world.accounts import FAILURE_WINDOW, FAILURES, MAX_FAILING_NAMES, WAITING, Accounts, Failures
from wyld_world.passwords import WORKERS

PASSWORD = "correct horse"


class Desk:
    """Accounts with their store, and a way to ask that waits for the answer."""

    def __init__(self) -> None:
        self.store = MemoryWorldStore()
        self.known: set[AccountId] = set()
        self.passwords = CheapPasswords()
        self.accounts = Accounts(self.store, self.known, passwords=self.passwords, wall=time.time)

    async def ask(self, request):
        answered = trio.Event()
        answers = []
        self.accounts.submit(request, lambda answer: (answers.append(answer), answered.set()))
        await answered.wait()
        return answers[0]

    async def create(self, name="Ann", password=PASSWORD, key=None):
        key = key or AccountId(secrets.token_bytes(16))
        return await self.ask(CreateAccount(key, SessionId(bytes(16)), name, password, "192.0.2.7:5"))

    async def login(self, name="Ann", password=PASSWORD):
        return await self.ask(Authenticate(SessionId(bytes(16)), name, password, "192.0.2.7:5"))


@pytest.fixture
async def desk(nursery):
    desk = Desk()
    nursery.start_soon(desk.accounts.run)
    return desk


def code(answer):
    assert isinstance(answer, AuthError), answer
    return answer.code


async def test_a_new_account_can_log_in(autojump_clock, desk):
    created = await desk.create("Ann")

    assert isinstance(created, AuthResult)
    assert await desk.login("ann") == created
    assert created.account_id in desk.known
    assert desk.store.logins[created.account_id] > 0


async def test_no_password_is_kept(autojump_clock, desk):
    await desk.create()

    (account,) = desk.store.accounts.values()
    assert PASSWORD not in account.password_hash
    assert "password_hash" not in repr(account)


async def test_creating_again_with_the_same_id_succeeds(autojump_clock, desk):
    key = AccountId(secrets.token_bytes(16))

    assert await desk.create(key=key) == await desk.create(key=key)
    assert len(desk.store.accounts) == 1


async def test_a_taken_name_is_refused_in_any_case(autojump_clock, desk):
    await desk.create("Ann")

    answer = await desk.create("ANN")

    assert code(answer) is AuthErrorCode.NAME_TAKEN
    assert answer.text == "The name Ann is taken."


@pytest.mark.parametrize(
    ("name", "password", "expected"),
    [("1", PASSWORD, AuthErrorCode.NAME_REFUSED), ("Ann", "short", AuthErrorCode.PASSWORD_REFUSED)],
)
async def test_rules_are_said_in_words(autojump_clock, desk, name, password, expected):
    answer = await desk.create(name, password)

    assert code(answer) is expected
    assert answer.text.endswith(".")


async def test_unknown_names_and_wrong_passwords_look_alike(autojump_clock, desk):
    await desk.create("Ann")

    wrong, unknown = await desk.login("Ann", "wrong horse"), await desk.login("Bob")
    impossible = await desk.login("no\0name")

    assert code(wrong) is code(unknown) is code(impossible) is AuthErrorCode.INVALID_CREDENTIALS
    assert wrong.text == unknown.text == impossible.text
    assert len(desk.passwords.checked) == 3  # each of them took a whole check
    assert desk.passwords.checked[1] == desk.passwords.checked[2]


async def test_five_failures_lock_a_name_for_five_minutes(autojump_clock, desk):
    await desk.create("Ann")
    for _ in range(FAILURES):
        assert code(await desk.login("Ann", "wrong horse")) is AuthErrorCode.INVALID_CREDENTIALS

    assert code(await desk.login("ann")) is AuthErrorCode.ACCOUNT_LOCKED

    await trio.sleep(FAILURE_WINDOW)
    assert isinstance(await desk.login("Ann"), AuthResult)


async def test_unknown_names_are_locked_like_others(autojump_clock, desk):
    for _ in range(FAILURES):
        await desk.login("Bob")

    assert code(await desk.login("Bob")) is AuthErrorCode.ACCOUNT_LOCKED


async def test_a_login_forgives_earlier_failures(autojump_clock, desk):
    await desk.create("Ann")
    for _ in range(FAILURES - 1):
        await desk.login("Ann", "wrong horse")
    await desk.login("Ann")
    await desk.login("Ann", "wrong horse")

    assert isinstance(await desk.login("Ann"), AuthResult)


async def test_an_outdated_hash_is_replaced_at_login(autojump_clock, desk):
    await desk.create("Ann")
    before = next(iter(desk.store.accounts.values())).password_hash
    desk.passwords.hasher = argon2.PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)

    await desk.login("Ann")

    after = next(iter(desk.store.accounts.values())).password_hash
    assert before != after
    assert isinstance(await desk.login("Ann"), AuthResult)


async def test_too_many_logins_are_refused_at_once(autojump_clock):
    desk = Desk()  # nobody works
    answers = []
    request = Authenticate(SessionId(bytes(16)), "Ann", PASSWORD, "192.0.2.7:5")

    for _ in range(WAITING + 1):
        desk.accounts.submit(request, answers.append)

    (refusal,) = answers
    assert code(refusal) is AuthErrorCode.SERVER_ERROR
    assert "Many people" in refusal.text


async def test_as_many_logins_at_a_time_as_there_are_workers(autojump_clock):
    desk = Desk()
    running, most = 0, 0

    class Slow(CheapPasswords):
        async def hash(self, password):
            nonlocal running, most
            running += 1
            most = max(most, running)
            await trio.sleep(1)
            running -= 1
            return await super().hash(password)

    desk.accounts = Accounts(desk.store, desk.known, passwords=Slow(), wall=time.time)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(desk.accounts.run)
        async with trio.open_nursery() as asking:
            for number in range(6):
                asking.start_soon(desk.create, f"Ann{number}")
        nursery.cancel_scope.cancel()

    assert most == WORKERS
    assert len(desk.store.accounts) == 6


async def test_an_absent_database_is_said_and_ends_nothing(autojump_clock, desk):
    await desk.create("Ann")
    desk.store.away = True
    assert code(await desk.login("Ann")) is AuthErrorCode.SERVER_ERROR

    desk.store.away = False
    assert isinstance(await desk.login("Ann"), AuthResult)


def test_only_so_many_failing_names_are_remembered():
    failures = Failures()
    for _ in range(FAILURES):
        failures.note("first", 0.0)
    assert failures.is_locked("FIRST", 1.0)

    for number in range(MAX_FAILING_NAMES):
        failures.note(f"name{number}", 1.0)

    assert not failures.is_locked("first", 1.0)
    assert len(attrs.astuple(failures)[0]) == MAX_FAILING_NAMES
