"""What names and passwords may be, said in words; hashes in worker threads."""

from __future__ import annotations

import argon2
import pytest

from wyld_rpc.messages import AuthError, AuthErrorCode
from wyld_world.passwords import Argon2Passwords, check_name, check_password

CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.mark.parametrize("name", ["Ann", "a-b_c", "A" * 20, "x23"])
def test_a_good_name_passes(name):
    check_name(name)


@pytest.mark.parametrize("name", ["", "Al", "A" * 21, "1nn", "An n", "Ann\n", "Änn", "Ann\0", "-Ann"])
def test_a_bad_name_is_refused_with_the_rule(name):
    with pytest.raises(AuthError, match="3 to 20 characters") as refusal:
        check_name(name)

    assert refusal.value.code is AuthErrorCode.NAME_REFUSED


@pytest.mark.parametrize("password", ["12345678", "p" * 127 + "q", "äöüßäöüß", "with spaces in it"])
def test_a_good_password_passes(password):
    check_password(password, "Ann")


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("", "8 to 128"),
        ("1234567", "8 to 128"),
        ("pq" * 65, "8 to 128"),
        ("annabella", "account's name"),
        ("xxxxxxxxxxx", "over and over"),
    ],
)
def test_a_bad_password_is_refused_with_the_rule(password, words):
    with pytest.raises(AuthError, match=words) as refusal:
        check_password(password, "Annabella")

    assert refusal.value.code is AuthErrorCode.PASSWORD_REFUSED


async def test_a_hash_matches_its_password_only():
    passwords = Argon2Passwords(CHEAP)

    stored = await passwords.hash("correct horse")

    assert stored.startswith("$argon2id$")
    assert await passwords.matches(stored, "correct horse")
    assert not await passwords.matches(stored, "wrong horse")


async def test_what_is_no_hash_lets_nobody_in():
    assert not await Argon2Passwords(CHEAP).matches("", "correct horse")


async def test_two_hashes_of_one_password_differ():
    passwords = Argon2Passwords(CHEAP)

    assert await passwords.hash("correct horse") != await passwords.hash("correct horse")


async def test_a_hash_of_other_parameters_is_outdated():
    stored = await Argon2Passwords(CHEAP).hash("correct horse")

    assert not Argon2Passwords(CHEAP).is_outdated(stored)
    assert Argon2Passwords(argon2.PasswordHasher(time_cost=2)).is_outdated(stored)
