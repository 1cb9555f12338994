"""Passwords: right and wrong ones, what is remembered, and what guessing costs."""

from __future__ import annotations

import asyncio
import base64
from collections import Counter

import bcrypt
import pytest

from xenwatch.http import passwords
from xenwatch.http.passwords import (
    MOST_KNOWN,
    MOST_WAITING,
    MOST_WAITING_OF_PEER,
    BusyError,
    Passwords,
    credentials,
)


def hashed(password: bytes) -> str:
    """A hash of the least cost."""
    return bcrypt.hashpw(password, bcrypt.gensalt(4)).decode()


def header(name: str, password: str) -> str:
    """The header of a client."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


PEER = "192.0.2.1"
LONG = "x" * 72
USERS = {"alice": hashed(b"alice123"), "bob": hashed(b"p:\xc3\xb6"), "long": hashed(LONG.encode())}


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Counter[bytes]:
    """How often each password is checked by bcrypt; guessing is not slowed down."""
    counted: Counter[bytes] = Counter()
    check = passwords._matches

    def matches(password: bytes, against: str) -> bool:
        counted[password] += 1
        return check(password, against)

    monkeypatch.setattr(passwords, "_matches", matches)
    monkeypatch.setattr(passwords, "PAUSE", 0.0)
    return counted


@pytest.mark.parametrize(
    ("name", "password", "right"),
    [
        ("alice", "alice123", True),
        ("bob", "p:ö", True),
        ("long", LONG, True),
        ("long", LONG + "more", True),
        ("long", LONG[1:], False),
        ("alice", "alice1234", False),
        ("alice", "", False),
        ("alice", "a\0b", False),
        ("nobody", "alice123", False),
        ("", "", False),
    ],
)
@pytest.mark.usefixtures("checks")
async def test_a_password_is_right_or_wrong(name: str, password: str, right: bool) -> None:
    """A user with the password is admitted, at first and as remembered; others never are."""
    known = Passwords()
    for _ in range(2):
        assert await known.admit(USERS, header(name, password), PEER) is right


@pytest.mark.parametrize("name", ["cheap", "usual", "dear", "nobody"])
async def test_guesses_cost_the_same_whoever_is_asked_for(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong password and an unknown user take as many rounds, whatever hashes cost."""
    rounds = 0
    check = passwords._matches

    def matches(password: bytes, against: str) -> bool:
        nonlocal rounds
        rounds += 1 << int(against[4:6])
        return check(password, against)

    monkeypatch.setattr(passwords, "_matches", matches)
    costs = {"cheap": 4, "usual": 5, "dear": 7}
    users = {
        name: bcrypt.hashpw(b"x", bcrypt.gensalt(cost)).decode() for name, cost in costs.items()
    }
    assert not await Passwords().admit(users, header(name, "wrong"), PEER)
    assert rounds == 1 << 7


@pytest.mark.parametrize(
    "value", ["", "Basic", "Basic !", "Basic YWxpY2U=", "Bearer x", "Digest a=b", "Basic \udcff"]
)
async def test_a_header_without_user_and_password_is_none(value: str) -> None:
    """What is no basic authentication is refused without a check."""
    assert credentials(value) is None
    assert await Passwords().admit(USERS, value, PEER) is False


async def test_an_answer_is_remembered(checks: Counter[bytes]) -> None:
    """The same user and password is checked once, however many ask, and anew with a new hash."""
    known = Passwords()
    good, bad = header("alice", "alice123"), header("alice", "no")
    found = await asyncio.gather(*(known.admit(USERS, each, PEER) for each in [good, bad] * 8))

    assert found == [True, False] * 8
    assert checks == {b"alice123": 1, b"no": 1}

    assert await known.admit({"alice": hashed(b"new")}, good, PEER) is False
    assert checks[b"alice123"] == 2


async def test_an_unknown_user_costs_a_check(checks: Counter[bytes]) -> None:
    """Time does not tell which users there are, and no password is right for another."""
    known = Passwords()
    assert await known.admit(USERS, header("nobody", "x"), PEER) is False
    assert checks == {b"x": 1}


async def test_guesses_are_forgotten_before_users(checks: Counter[bytes]) -> None:
    """However many wrong passwords come, they are bounded, and a right one stays remembered."""
    known = Passwords()
    await known.admit(USERS, header("alice", "alice123"), PEER)
    for number in range(MOST_KNOWN + 5):
        await known.admit(USERS, header("alice", f"guess{number}"), PEER)
    await known.admit(USERS, header("alice", "guess0"), PEER)
    await known.admit(USERS, header("alice", "alice123"), PEER)

    assert checks[b"guess0"] == 2
    assert checks[b"alice123"] == 1


async def test_parts_do_not_run_into_each_other() -> None:
    """What is remembered for one user and password is not found for parts cut differently."""
    decoy = "$2b$04$" + "." * 53
    known = Passwords()
    await known.admit({"alice": USERS["alice"]}, header("alice" + USERS["alice"], "alice123"), PEER)
    assert not await known.admit(
        {"alice": USERS["alice"]}, header("alice", decoy + "alice123"), PEER
    )


async def test_checks_wait_in_a_short_queue(checks: Counter[bytes]) -> None:
    """One password is checked at a time; if many wait, further ones are turned away at once."""
    known = Passwords()
    asked = [
        asyncio.create_task(known.admit(USERS, header("alice", str(number)), str(number)))
        for number in range(MOST_WAITING)
    ]
    await asyncio.sleep(0)
    with pytest.raises(BusyError):
        await known.admit(USERS, header("alice", "one more"), PEER)
    assert await asyncio.gather(*asked) == [False] * MOST_WAITING
    assert checks[b"one more"] == 0
    assert await known.admit(USERS, header("alice", "alice123"), PEER)


@pytest.mark.usefixtures("checks")
async def test_a_client_that_guesses_leaves_places_to_others() -> None:
    """One address waits with few passwords at a time; another is served after those."""
    known = Passwords()
    guesses = [
        asyncio.create_task(known.admit(USERS, header("alice", str(number)), PEER))
        for number in range(MOST_WAITING)
    ]
    await asyncio.sleep(0)
    right = await known.admit(USERS, header("alice", "alice123"), "192.0.2.2")
    found = await asyncio.gather(*guesses, return_exceptions=True)

    assert right
    assert [each for each in found if each is False] == [False] * MOST_WAITING_OF_PEER
    assert sum(isinstance(each, BusyError) for each in found) == len(found) - MOST_WAITING_OF_PEER
    assert not known._waiting


async def test_guessing_is_slowed_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a wrong password the next check waits in proportion to what that one took."""
    slept: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        slept.append(seconds)
        await sleep(0)

    monkeypatch.setattr(passwords, "PAUSE", 1e6)
    monkeypatch.setattr("xenwatch.http.passwords.asyncio.sleep", note)
    known = Passwords()
    await known.admit(USERS, header("alice", "alice123"), PEER)
    await known.admit(USERS, header("alice", "wrong"), PEER)
    await known.admit(USERS, header("bob", "p:ö"), PEER)

    first, second, third = slept
    assert first <= 0
    assert second <= 0
    assert third > 0
