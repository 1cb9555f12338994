"""Certificates of xapi: which are read, and what of them is unknown."""

from __future__ import annotations

import pytest

from tests.probes.support import FakeHost, denied, dom0, failure_of, outcome_of, value_of
from xenwatch.model.render.certificate import render_certificate, render_pem
from xenwatch.probes.certificates import CERTIFICATES, PATHS, XAPI, XAPI_POOL
from xenwatch.readings.certificates import Certificate, Certificates
from xenwatch.readings.snapshot import Status


def pem(*ends: float) -> bytes:
    """A file with a key and certificates that end then."""
    return render_pem("x", *(render_certificate("x", 0, end) for end in ends))


def host(**files: bytes) -> FakeHost:
    """A dom0 with these of the files, by what they are for."""
    return dom0({PATHS[name.replace("_", "-")]: content for name, content in files.items()})


def test_both_certificates_are_read() -> None:
    """What xapi serves to clients and what it serves to the pool, each with its own end."""
    assert value_of(CERTIFICATES, host(xapi=pem(2e9, 1.9e9), xapi_pool=pem(2.1e9))) == Certificates(
        {
            XAPI: Certificate("/etc/xensource/xapi-ssl.pem", 1.9e9),
            XAPI_POOL: Certificate("/etc/xensource/xapi-pool-tls.pem", 2.1e9),
        }
    )


def test_an_old_xapi_has_one() -> None:
    """Before pools had certificates of their own, one file is all there is."""
    assert value_of(CERTIFICATES, host(xapi=pem(2e9))).by_name.keys() == {XAPI}


def test_without_xapi_there_is_nothing_to_read() -> None:
    """On a host with xl the probe does not apply."""
    outcome = outcome_of(CERTIFICATES, dom0())

    assert outcome.status is Status.NOT_APPLICABLE
    assert "xapi-ssl.pem" in outcome.detail


@pytest.mark.parametrize("name", PATHS)
def test_a_file_that_may_not_be_read_is_a_failure(name: str) -> None:
    """An unreadable certificate is never left out as if it were not there."""
    source = host(xapi=pem(2e9), xapi_pool=pem(2e9))
    source.errors = {PATHS[name]: denied(PATHS[name])}

    assert failure_of(CERTIFICATES, source) == f"{PATHS[name]}: Permission denied"


def test_a_file_with_a_key_alone_is_a_failure() -> None:
    """Without a certificate the reason says so, and nothing of the key."""
    assert failure_of(CERTIFICATES, host(xapi=pem())) == (
        '/etc/xensource/xapi-ssl.pem: has no certificate: ""'
    )
