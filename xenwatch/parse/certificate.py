"""When certificates end: the one field of X.509 that is read here.

The walk through DER is a few lines, as validity is the fifth field of a certificate and nothing
behind it is needed (RFC 5280, 4.1). The library for it, cryptography, is larger than xenwatch with
all that it needs, and dom0 does not have it.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from xenwatch.parse.errors import ParseError

_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----")
_SEQUENCE: Final = 0x30
_INTEGER: Final = 0x02
_VERSION: Final = 0xA0
_UTC_TIME: Final = 0x17
_GENERALIZED_TIME: Final = 0x18
_LONG: Final = 0x80
"""In a length: the low bits are the number of bytes that have it (X.690, 8.1.3.5)."""
_LENGTH_MAX: Final = 4
_CENTURY: Final = 50
"""Years of two digits below it are in this century (RFC 5280, 4.1.2.5.1)."""
_UTC = re.compile(rb"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z\Z")
_GENERALIZED = re.compile(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z\Z")


def parse_not_after(path: str, data: bytes) -> float:
    """When the first of the certificates of a PEM file ends that ends (Unix time).

    Raises `ParseError`, which names the file, also where there is no certificate.
    """
    times = [_not_after(path, der) for der in _blocks(path, data)]
    if not times:
        raise ParseError(path, "has no certificate", data)
    return min(times)


def _blocks(path: str, data: bytes) -> Iterator[bytes]:
    for body in _BLOCK.findall(data):
        try:
            yield binascii.a2b_base64(b"".join(body.split()), strict_mode=True)
        except binascii.Error:
            raise ParseError(path, "invalid base64", body) from None


def _not_after(path: str, der: bytes) -> float:
    """Certificate, tbsCertificate, [version], serialNumber, signature, issuer, validity."""
    certificate = _Der(path, der).enter(_SEQUENCE).enter(_SEQUENCE)
    if certificate.tag == _VERSION:
        certificate.skip(_VERSION)
    for tag in (_INTEGER, _SEQUENCE, _SEQUENCE):
        certificate.skip(tag)
    validity = certificate.enter(_SEQUENCE)
    validity.time()
    return validity.time()


class _Der:
    """Elements of DER one after another, each of which must be whole (X.690). Never goes back."""

    def __init__(self, path: str, data: bytes) -> None:
        self._path = path
        self._data = data

    @property
    def tag(self) -> int:
        """The tag of the next element; 0 at the end."""
        return self._data[0] if self._data else 0

    def enter(self, tag: int) -> _Der:
        """What is in the next element, which must have this tag."""
        return _Der(self._path, self._take(tag))

    def skip(self, tag: int) -> None:
        """Pass over the next element, which must have this tag."""
        self._take(tag)

    def time(self) -> float:
        """The next element, a time in UTC, as Unix time."""
        tag = self.tag if self.tag in (_UTC_TIME, _GENERALIZED_TIME) else _UTC_TIME
        text = self._take(tag)
        match = (_UTC if tag == _UTC_TIME else _GENERALIZED).match(text)
        if match is None:
            raise ParseError(self._path, "expected a time in UTC", text)
        year, *rest = map(int, match.groups())
        if tag == _UTC_TIME:
            year += 2000 if year < _CENTURY else 1900
        try:
            return datetime(year, *rest, tzinfo=UTC).timestamp()  # type: ignore[arg-type, misc]
        except ValueError:
            raise ParseError(self._path, "no such time", text) from None

    def _take(self, tag: int) -> bytes:
        start, end = self._extent()
        if self.tag != tag:
            raise ParseError(self._path, f"expected tag {tag:#x} of X.509", self._data)
        content, self._data = self._data[start:end], self._data[end:]
        return content

    def _extent(self) -> tuple[int, int]:
        """Where the content of the next element begins and ends."""
        data = self._data
        length = data[1] if len(data) > 1 else 0
        start = 2
        if length & _LONG:
            size = length & ~_LONG
            start += size
            if not 0 < size <= _LENGTH_MAX:
                raise ParseError(self._path, "unknown length in DER", data)
            length = int.from_bytes(data[2:start], "big")
        if len(data) < start + length:
            raise ParseError(self._path, "truncated DER", data)
        return start, start + length
