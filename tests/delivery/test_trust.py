"""Which servers with https are trusted, and when the authorities are read."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from tests.delivery.support import server
from xenwatch.delivery import trust
from xenwatch.delivery.endpoint import Endpoint
from xenwatch.delivery.receivers import DeliveryError, Webhook, http_session


@pytest.fixture
def tls(pki: Path) -> ssl.SSLContext:
    """What a receiver serves with."""
    trust._trusting.cache_clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / "server.crt", pki / "server.key")
    return context


async def test_a_receiver_of_an_authority_of_this_host_is_told(
    tls: ssl.SSLContext, pki: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However aiohttp was imported: the authorities are read with the first such delivery."""
    monkeypatch.setenv("SSL_CERT_FILE", str(pki / "server.crt"))
    async with server(tls) as receiver, http_session() as session:
        await Webhook(session, Endpoint(receiver.url)).deliver([])

    assert receiver.paths == ["/"]


async def test_a_receiver_of_no_authority_is_told_nothing(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The delivery fails, with the reason."""
    monkeypatch.setenv("SSL_CERT_FILE", "/dev/null")
    async with server(tls) as receiver, http_session() as session:
        with pytest.raises(DeliveryError, match="certificate verify failed"):
            await Webhook(session, Endpoint(receiver.url)).deliver([])

    assert receiver.paths == []


def test_an_import_that_reads_no_authorities_trusts_nobody() -> None:
    """A context made meanwhile has none, and one made afterwards those of the host."""
    with trust.no_authorities():
        assert ssl.create_default_context().cert_store_stats()["x509"] == 0
    assert ssl.SSLContext.set_default_verify_paths is not None
    assert "set_default_verify_paths" in dir(ssl.SSLContext)


async def test_what_needs_no_tls_reads_no_authorities() -> None:
    """Plain HTTP is asked as ever."""
    trust._trusting.cache_clear()

    assert await trust.trusted("http://127.0.0.1:9093") is True
    assert trust._trusting.cache_info().currsize == 0
