"""Basic authentication by bcrypt: checked in a thread, one at a time, and remembered."""

from __future__ import annotations

import asyncio
import base64
import binascii
import functools
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from xenwatch import threads

MOST_BYTES: Final = 72
"""What bcrypt uses of a password; Go and htpasswd drop the rest too."""
MOST_KNOWN: Final = 100
"""Answers that are remembered, of each kind (exporter-toolkit: web/cache.go)."""
MOST_WAITING: Final = 16
"""Checks that may wait for others."""
PAUSE: Final = 3.0
"""After a wrong password nothing is checked for so many times as long as the check took.

So guessing costs dom0 at most a quarter of one CPU.
"""
_DECOY: Final = "." * 22 + "." * 31


class BusyError(Exception):
    """Too many passwords are waiting to be checked."""


class Passwords:
    """Checks what clients send. What is remembered are digests with a key of this process."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._wrong: OrderedDict[bytes, None] = OrderedDict()
        self._lock = asyncio.Lock()
        self._waiting = 0
        self._not_before = 0.0

    async def admit(self, users: Mapping[str, str], header: str) -> bool:
        """Whether the header `Authorization` names one of the users (hashes by name).

        Raises `BusyError`.
        """
        given = credentials(header)
        if given is None:
            return False
        name, password = given
        expected = users.get(name.decode(errors="surrogateescape"))
        # An unknown user takes as long as one that exists.
        hashed = expected or f"$2b${_cost(users):02d}${_DECOY}"
        asked = self._digest(name, hashed.encode(), password)
        known = self._known(asked)
        if known is None:
            known = await self._check_in_turn(asked, hashed, password, expected is not None)
        return known

    async def _check_in_turn(
        self, asked: bytes, hashed: str, password: bytes, exists: bool
    ) -> bool:
        if self._waiting >= MOST_WAITING:
            raise BusyError
        self._waiting += 1
        try:
            async with self._lock:
                known = self._known(asked)
                if known is not None:  # another request of this client was before
                    return known
                loop = asyncio.get_running_loop()
                await asyncio.sleep(self._not_before - loop.time())
                began = loop.time()
                work = functools.partial(_matches, password, hashed)
                right = await threads.start(work, "password") and exists
                if not right:
                    now = loop.time()
                    self._not_before = now + PAUSE * (now - began)
        finally:
            self._waiting -= 1
        answers = self._right if right else self._wrong
        answers[asked] = None
        if len(answers) > MOST_KNOWN:
            answers.popitem(last=False)
        return right

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


def _cost(users: Mapping[str, str]) -> int:
    return max((int(hashed[4:6]) for hashed in users.values()), default=10)


def _matches(password: bytes, hashed: str) -> bool:
    import bcrypt  # noqa: PLC0415 - only where there are users

    return bcrypt.checkpw(password[:MOST_BYTES], hashed.encode("ascii"))
