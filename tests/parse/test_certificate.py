"""When certificates end: real ones that openssl made, rendered ones, and damaged ones."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.model.render.certificate import render_certificate, render_pem
from xenwatch.parse.certificate import parse_not_after
from xenwatch.parse.errors import ParseError
from xenwatch.sources.pem import certificates_of

REAL = Path(__file__).parent / "real" / "certificates"
ENDS = {
    "rsa.pem": "Nov 25 14:55:25 2036 GMT",
    "ecdsa-2126.pem": "Nov  4 14:55:25 2126 GMT",
    "version-1.pem": "Dec 28 15:02:42 2026 GMT",
}
"""What `openssl x509 -noout -enddate` says of certificates by openssl 3.0 (`req -x509`)."""
FIRST = datetime(1950, 1, 1, tzinfo=UTC).timestamp()
LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()


def ends(text: str) -> float:
    """The time as openssl writes it."""
    return datetime.strptime(text, "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize("name", ENDS)
def test_a_real_certificate_ends_when_openssl_says(name: str) -> None:
    """RSA and ECDSA, X.509 version 1 and 3, times with two digits of the year and with four."""
    assert parse_not_after(name, (REAL / name).read_bytes()) == ends(ENDS[name])


def test_of_a_chain_the_first_to_end_counts() -> None:
    """A server whose intermediate certificate has expired is refused just the same."""
    chain = b"".join((REAL / name).read_bytes() for name in ENDS)

    assert parse_not_after("chain", chain) == ends(ENDS["version-1.pem"])


@given(name=st.text(max_size=200), not_after=st.integers(int(FIRST), int(LAST)))
def test_a_rendered_certificate_ends_when_it_was_told_to(name: str, not_after: int) -> None:
    """Any time X.509 can say, for names of any length, comes back to the second."""
    der = render_certificate(name, FIRST, not_after)
    pem = certificates_of(render_pem(name, der))

    assert parse_not_after("x.pem", pem) == not_after


def test_a_rendered_file_is_of_the_size_of_a_real_one() -> None:
    """Key and certificate are as large as those of openssl for a key of as many bits."""
    real = len((REAL / "rsa.pem").read_bytes())
    pem = render_pem("xen1.example", render_certificate("xen1.example", 0, 1))

    assert 0.7 * real < len(certificates_of(pem)) < 1.1 * real
    assert len(pem) - len(certificates_of(pem)) == 1705  # the key, and a blank line


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "has no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nMA==\n", "has no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n", "invalid base64"),
        (b"-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n", "truncated DER"),
        (b"-----BEGIN CERTIFICATE-----\nAgEB\n-----END CERTIFICATE-----\n", "expected tag 0x30"),
        (b"-----BEGIN CERTIFICATE-----\nMIA=\n-----END CERTIFICATE-----\n", "unknown length"),
    ],
)
def test_what_is_no_certificate_is_refused(data: bytes, reason: str) -> None:
    """The error names the file and what is wrong with it."""
    with pytest.raises(ParseError, match=rf"^/etc/x\.pem: {reason}"):
        parse_not_after("/etc/x.pem", data)


@pytest.mark.parametrize("text", [b"261332145525Z", b"2611281455250", b"261128145525"])
def test_a_time_that_is_none_is_refused(text: bytes) -> None:
    """No thirteenth month, no local time, no time without a zone."""
    der = render_certificate("x", 0, datetime(2026, 11, 28, 14, 55, 25, tzinfo=UTC).timestamp())
    damaged = der.replace(b"\x17\x0d261128145525Z", bytes([0x17, len(text)]) + text)
    pem = certificates_of(render_pem("x", damaged))

    assert damaged != der
    with pytest.raises(ParseError):
        parse_not_after("x.pem", pem)


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_a_damaged_certificate_raises_nothing_but_parse_error(data: st.DataObject) -> None:
    """Other bytes anywhere in the DER of a certificate are an answer or a refusal."""
    der = render_certificate("x", 0, 2e9)
    start = data.draw(st.integers(0, 120))
    end = data.draw(st.integers(start, 140))
    middle = data.draw(st.binary(max_size=20))
    pem = certificates_of(render_pem("x", der[:start] + middle + der[end:]))

    with contextlib.suppress(ParseError):
        assert FIRST <= parse_not_after("x.pem", pem) <= LAST
