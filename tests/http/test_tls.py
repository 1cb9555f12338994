"""HTTPS over real sockets: who gets through the handshake, and what it may cost."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from tests.http.test_connections import REQUEST, answer
from xenwatch.http import sockets
from xenwatch.http.connections import IDLE, Site
from xenwatch.http.handshakes import NOT_TLS, alternative_names
from xenwatch.http.refusals import Refusals
from xenwatch.web_config.load import WebConfig, load

PAIR = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
CLIENTS = "  client_ca_file: ca.crt\n  client_auth_type: "


class Served:
    """A site with TLS at a port of its own; `config` may be changed at any time."""

    def __init__(self, directory: Path, config: WebConfig) -> None:
        self.config = config
        self.port = 0
        self.refusals = Refusals(float)
        self._directory = directory

    def client(self, name: str = "", **versions: ssl.TLSVersion) -> ssl.SSLContext:
        """What a client trusts and shows: the site's certificate, and its own of that name."""
        context = ssl.create_default_context(cafile=str(self._directory / "server.crt"))
        for key, version in versions.items():
            setattr(context, key, version)
        if name:
            mine = self._directory / name
            context.load_cert_chain(mine.with_suffix(".crt"), mine.with_suffix(".key"))
        return context

    async def asked(self, context: ssl.SSLContext | None, words: bytes = REQUEST) -> bytes:
        """The answer to a request on a connection of its own."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=context)
        try:
            writer.write(words)
            return await reader.readuntil(b"\n")
        finally:
            writer.close()


@asynccontextmanager
async def served(
    pki: Path, more: str = "", most: int = 10, idle: float = IDLE
) -> AsyncIterator[Served]:
    """A site that answers over TLS with these further lines, for the time of the block."""
    path = pki / "web.yml"
    path.write_text(PAIR + more)
    application = web.Application()
    application.router.add_get("/", answer)
    [sock] = sockets.bind(["127.0.0.1:0"])
    found = Served(pki, load(str(path)))
    found.port = sock.getsockname()[1]
    site = Site(
        *(application, [sock], most, 0.1),
        refusals=found.refusals,
        idle=idle,
        current=lambda: found.config,
    )
    await site.start()
    try:
        yield found
    finally:
        await site.stop(None)


OK = b"HTTP/1.1 200 OK\r\n"
NEVER = (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)
"""What a client sees of a handshake that was refused; with TLS 1.3 only when it reads."""


@pytest.mark.parametrize(
    ("more", "version", "welcome"),
    [
        ("", ssl.TLSVersion.TLSv1_2, True),
        ("", ssl.TLSVersion.TLSv1_3, True),
        ("  min_version: TLS13\n", ssl.TLSVersion.TLSv1_2, False),
        ("  max_version: TLS12\n", ssl.TLSVersion.TLSv1_3, False),
    ],
)
async def test_versions_are_those_configured(
    pki: Path, more: str, version: ssl.TLSVersion, welcome: bool
) -> None:
    """A client that speaks one version alone is served if that is between min and max."""
    async with served(pki, more) as site:
        context = site.client(maximum_version=version, minimum_version=version)
        if welcome:
            assert await site.asked(context) == OK
        else:
            with pytest.raises(NEVER):
                await site.asked(context)


@pytest.mark.parametrize(
    ("policy", "name", "welcome"),
    [
        ("VerifyClientCertIfGiven", "", True),
        ("VerifyClientCertIfGiven", "client", True),
        ("VerifyClientCertIfGiven", "stranger", False),
        ("RequireAndVerifyClientCert", "", False),
        ("RequireAndVerifyClientCert", "client", True),
        ("RequireAndVerifyClientCert", "stranger", False),
    ],
)
async def test_client_certificates_are_verified(
    pki: Path, policy: str, name: str, welcome: bool
) -> None:
    """A certificate of the authority is welcome, another never, none where it is not required."""
    async with served(pki, f"{CLIENTS}{policy}\n") as site:
        if welcome:
            assert await site.asked(site.client(name)) == OK
        else:
            with pytest.raises(NEVER):
                await site.asked(site.client(name))


@pytest.mark.parametrize(
    ("name", "welcome"),
    [
        ("prometheus", True),
        ("2001:db8::1", True),
        ("ops@example.org", True),
        ("spiffe://example/prom", True),
        ("client", False),
        ("PROMETHEUS", False),
    ],
)
async def test_client_names_are_compared(pki: Path, name: str, welcome: bool) -> None:
    """One of the alternative names must be in the list as it is written; the subject is not one."""
    sans = f'  client_allowed_sans: ["a", "{name}"]\n'
    async with served(pki, f"{CLIENTS}RequireAndVerifyClientCert\n{sans}") as site:
        if welcome:
            assert await site.asked(site.client("client")) == OK
        else:
            with pytest.raises(NEVER):
                await site.asked(site.client("client"))


async def test_a_change_counts_from_the_next_connection_on(pki: Path) -> None:
    """A connection keeps what it began with, a new one has the new certificate."""
    async with served(pki) as site:
        context = site.client()
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port, ssl=context)
        (pki / "web.yml").write_text(PAIR.replace("server.", "server2."))
        site.config = load(str(pki / "web.yml"))
        with pytest.raises(ssl.SSLCertVerificationError):
            await site.asked(context)

        writer.write(REQUEST)
        assert await reader.readuntil(b"\n") == OK
        writer.close()


async def test_plain_http_is_told_to_use_https(pki: Path) -> None:
    """A client that forgot the s reads why it has no answer."""
    async with served(pki) as site:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(REQUEST)
        assert await reader.read() == NOT_TLS
        writer.close()


@pytest.mark.parametrize("words", [b"", b"\x16\x03\x01\x02\x00\x01", b"SSH-2.0-x\r\n"])
async def test_a_handshake_that_goes_nowhere_is_ended(pki: Path, words: bytes) -> None:
    """Who says nothing, half of a handshake or something else is disconnected in time."""
    async with served(pki, idle=0.2) as site:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(words)
        async with asyncio.timeout(30):
            with contextlib.suppress(ConnectionError):
                await reader.read()
        writer.close()


async def test_handshakes_count_as_connections(pki: Path) -> None:
    """Clients that stop within a handshake take no more places; the oldest loses its own."""
    async with served(pki, most=3) as site:
        halves = []
        for _ in range(4):
            halves.append(await asyncio.open_connection("127.0.0.1", site.port))
            halves[-1][1].write(b"\x16\x03\x01")
        assert await site.asked(site.client()) == OK
        assert await halves[0][0].read() == b""
        for _, writer in halves:
            writer.close()


def test_names_are_written_as_go_writes_them() -> None:
    """Addresses are in their short form, other kinds of names are left out."""
    certificate = {
        "subjectAltName": (
            ("DNS", "a.example"),
            ("IP Address", "2001:DB8:0:0:0:0:0:1"),
            ("IP Address", "192.0.2.1"),
            ("Registered ID", "1.2.3"),
        )
    }

    assert alternative_names(certificate) == {"a.example", "2001:db8::1", "192.0.2.1"}
    assert alternative_names({}) == frozenset()
