"""Basic authentication by bcrypt: checked in a thread, one at a time, and remembered."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import functools
import hashlib
import secrets
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from xenwatch import threads

MOST_BYTES: Final = 72
"""What bcrypt uses of a password; Go and htpasswd drop the rest too."""
MOST_KNOWN: Final = 100
"""Answers that are remembered, of each kind (exporter-toolkit: web/cache.go)."""
MOST_WAITING: Final = 16
"""Checks that may wait for others."""
MOST_WAITING_OF_PEER: Final = 4
"""The same of one client: whoever guesses from one address leaves places to the others."""
PAUSE: Final = 3.0
"""After a wrong password nothing is checked for so many times as long as the check took.

So guessing costs dom0 at most a quarter of one CPU.
"""
_USUAL_COST: Final = 10


class BusyError(Exception):
    """Too many passwords are waiting to be checked."""


class Passwords:
    """Checks what clients send. What is remembered are digests with a key of this process."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._wrong: OrderedDict[bytes, None] = OrderedDict()
        self._lock = asyncio.Lock()
        self._waiting: Counter[tuple[str, bytes]] = Counter()
        self._not_before = 0.0

    async def admit(self, users: Mapping[str, str], header: str, peer: str) -> bool:
        """Whether the header `Authorization` names one of the users (hashes by name).

        `peer` is the address that asks.

        Raises `BusyError`.
        """
        given = credentials(header)
        if given is None:
            return False
        name, password = given
        expected = users.get(name.decode(errors="surrogateescape"))
        most = max(map(_cost, users.values()), default=_USUAL_COST)
        # An unknown user takes as long as one that exists.
        hashed = expected or _decoy(most)
        asked = self._digest(name, hashed.encode(), password)
        known = self._known(asked)
        if known is not None:
            return known
        work = functools.partial(_checked, password, hashed, most)
        with self._place(peer, asked):
            async with self._lock:
                known = self._known(asked)
                if known is not None:  # another request of this client was before
                    return known
                right = await self._check(work) and expected is not None
        self._remember(asked, right)
        return right

    @contextlib.contextmanager
    def _place(self, peer: str, asked: bytes) -> Iterator[None]:
        """A place to wait, which requests with the same password share. Raises `BusyError`."""
        place = peer, asked
        if place not in self._waiting:
            of_peer = sum(other == peer for other, _ in self._waiting)
            if of_peer >= MOST_WAITING_OF_PEER or len(self._waiting) >= MOST_WAITING:
                raise BusyError
        self._waiting[place] += 1
        try:
            yield
        finally:
            self._waiting[place] -= 1
            if not self._waiting[place]:
                del self._waiting[place]

    async def _check(self, work: Callable[[], bool]) -> bool:
        """Check a password in a thread, and after a wrong one pause."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._not_before - loop.time())
        began = loop.time()
        right = await threads.start(work, "password")
        if not right:
            now = loop.time()
            self._not_before = now + PAUSE * (now - began)
        return right

    def _remember(self, asked: bytes, right: bool) -> None:
        answers = self._right if right else self._wrong
        answers[asked] = None
        if len(answers) > MOST_KNOWN:
            answers.popitem(last=False)

    def _known(self, asked: bytes) -> bool | None:
        """Right or wrong as remembered; guesses do not displace what was right."""
        for answers, right in ((self._right, True), (self._wrong, False)):
            if asked in answers:
                answers.move_to_end(asked)
                return right
        return None

    def _digest(self, *parts: bytes) -> bytes:
        """A digest of the parts with their lengths: no two lists of parts have the same."""
        digest = hashlib.blake2b(key=self._key, digest_size=32)
        for part in parts:
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.digest()


def credentials(header: str) -> tuple[bytes, bytes] | None:
    """User and password of a header `Authorization` (RFC 7617); `None` if it has none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip().encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
    name, colon, password = text.partition(b":")
    return (name, password) if colon else None


def _cost(hashed: str) -> int:
    """The cost of a bcrypt hash: the logarithm of its rounds to the base of two."""
    return int(hashed[4:6])


def _decoy(cost: int) -> str:
    """A hash of that cost which no password has."""
    return f"$2b${cost:02d}${'.' * 53}"


def _checked(password: bytes, hashed: str, most: int) -> bool:
    """Whether the password has that hash. A wrong one takes 2 to the power of `most` rounds.

    Else a user whose hash costs less than the others' would be told from an unknown one by time.
    """
    right = _matches(password, hashed)
    if not right:
        for cost in range(_cost(hashed), most):
            _matches(password, _decoy(cost))
    return right


def _matches(password: bytes, hashed: str) -> bool:
    import bcrypt  # noqa: PLC0415 - only where there are users

    return bcrypt.checkpw(password[:MOST_BYTES], hashed.encode("ascii"))
