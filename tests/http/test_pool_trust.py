"""Members and a Prometheus with https on the page of a pool: which CAs verify them."""

from __future__ import annotations

import json
import shutil
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.http.test_pool import saying
from xenwatch.config import pool_keys
from xenwatch.config.settings import Settings
from xenwatch.delivery.trust import TrustError, of_file
from xenwatch.http.members import configured
from xenwatch.status import host_status, prometheus
from xenwatch.status.pool import HostRow

SERIES = {"metric": {"instance": "xen2"}, "value": [0, "1"]}
ANSWERS = {
    host_status.PATH: saying(hostname="xen2"),
    prometheus.PATH: json.dumps({"data": {"result": [SERIES]}}).encode(),
}


class Server:
    """A server with TLS that is a daemon and a Prometheus."""

    def __init__(self) -> None:
        self.url = ""
        self.heard: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        """Note a request."""
        self.heard.append(request.path)
        return web.Response(body=ANSWERS[request.path])

    def settings(self, ca: Path | str, key: str = "members") -> Settings:
        """Those of a pool of this server."""
        url: object = (self.url,) if key == "members" else self.url
        return Settings({f"pool.{key}": url, pool_keys.CA.path: str(ca)})

    async def rows(self, ca: Path | str, key: str = "members") -> Sequence[HostRow]:
        """What the page has of it."""
        return (await configured(self.settings(ca, key), "me")()).rows


@asynccontextmanager
async def serving(pki: Path, name: str) -> AsyncIterator[Server]:
    """One with the certificate of that name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / f"{name}.crt", pki / f"{name}.key")
    found, app = Server(), web.Application()
    for path in ANSWERS:
        app.router.add_get(path, found.answer)
    server = TestServer(app)
    await server.start_server(ssl=context)
    found.url = str(server.make_url("")).rstrip("/")
    try:
        yield found
    finally:
        await server.close()


@pytest.mark.parametrize("key", ["members", "prometheus"])
@pytest.mark.parametrize(("name", "ca"), [("member", "ca.crt"), ("server", "server.crt")])
async def test_a_server_of_the_ca_file_is_asked(pki: Path, key: str, name: str, ca: str) -> None:
    """The file has the CA that signed its certificate, or the certificate itself."""
    async with serving(pki, name) as server:
        (row,) = await server.rows(pki / ca, key)

    assert row.name == "xen2"
    assert server.heard


@pytest.mark.parametrize("key", ["members", "prometheus"])
async def test_a_server_of_another_ca_is_told_nothing(pki: Path, key: str) -> None:
    """It hears no request, and the reason has the key that would make it known."""
    async with serving(pki, "server") as server:
        found = [await server.rows(ca, key) for ca in ("", pki / "ca.crt")]

    for (row,) in found:
        assert row.state == "unknown"
        assert "the certificate is rejected: self" in row.reason
        assert row.reason.endswith("; set pool.ca_file")
    assert server.heard == []


async def test_a_certificate_with_another_name_is_no_matter_of_the_ca(pki: Path) -> None:
    """It is rejected, with the name, and no key would help."""
    async with serving(pki, "client") as server:
        (row,) = await server.rows(pki / "ca.crt")

    assert "not valid for '127.0.0.1'" in row.reason
    assert "pool.ca_file" not in row.reason


async def test_a_new_ca_file_is_used_without_a_restart(pki: Path, tmp_path: Path) -> None:
    """It is read at each use: what is wrong with it then is the reason."""
    file = tmp_path / "ca.pem"
    async with serving(pki, "member") as server:
        shutil.copy(pki / "stranger.crt", file)
        (other,) = await server.rows(file)
        file.unlink()
        (gone,) = await server.rows(file)
        shutil.copy(pki / "ca.crt", file)
        (right,) = await server.rows(file)

    assert "the certificate is rejected" in other.reason
    assert gone.reason.startswith(f"pool.ca_file: {file}: No such file or directory; name a file")
    assert right.reason == ""


def test_a_bundle_has_names_between_its_certificates(pki: Path, tmp_path: Path) -> None:
    """Comments in any script are skipped, and all certificates are taken."""
    file = tmp_path / "bundle.pem"
    pems = [(pki / f"{name}.crt").read_text() for name in ("ca", "server")]
    file.write_text("# Autoridad de Certificación\n".join(["", *pems]), encoding="utf-8")

    assert of_file(pool_keys.CA, str(file)).cert_store_stats()["x509"] == 2


@pytest.mark.parametrize("content", [b"", b"\xff", b"text", None])
def test_what_holds_no_certificate_is_refused(pki: Path, tmp_path: Path, content: bytes) -> None:
    """With key and file; a private key is none, and nothing of it is told."""
    file = tmp_path / "ca.pem"
    file.write_bytes((pki / "ca.key").read_bytes() if content is None else content)
    with pytest.raises(TrustError) as raised:
        of_file(pool_keys.CA, str(file))

    advice = "name a file that holds certificates of CAs in PEM"
    assert str(raised.value) == f"pool.ca_file: {file}: has no certificate in PEM; {advice}"
