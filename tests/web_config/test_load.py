"""Web configuration files with real certificates: accepted and refused, read again on change."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest

from tests.web_config.certificates import pair
from xenwatch.config.errors import ConfigError
from xenwatch.web_config import document
from xenwatch.web_config.load import PLAIN, Loader, load

PAIR = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
CLIENTS = "  client_auth_type: RequireAndVerifyClientCert\n"


def inline(pki: Path, name: str) -> str:
    """A PEM file as the text of a key."""
    text = (pki / name).read_text()
    return "|\n" + "".join(f"    {line}\n" for line in text.splitlines())


def written(pki: Path, text: str) -> str:
    """A web configuration file next to the certificates."""
    path = pki / "web.yml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("more", "mode"),
    [
        ("", ssl.CERT_NONE),
        ("  client_auth_type: NoClientCert\n", ssl.CERT_NONE),
        ("  client_auth_type: VerifyClientCertIfGiven\n", ssl.CERT_OPTIONAL),
        (CLIENTS, ssl.CERT_REQUIRED),
        (f"{CLIENTS}  client_ca_file: ca.crt\n  client_allowed_sans: [a]\n", ssl.CERT_REQUIRED),
        ("  min_version: TLS10\n  max_version: TLS11\n", ssl.CERT_NONE),
        ("  prefer_server_cipher_suites: false\n  curve_preferences: [CurveP521]\n", ssl.CERT_NONE),
        (
            "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n  max_version: TLS12\n",
            ssl.CERT_NONE,
        ),
    ],
)
def test_a_good_file_is_accepted(pki: Path, more: str, mode: ssl.VerifyMode) -> None:
    """Each key that Python's ssl can honour gives a context, with the policy for clients."""
    context = load(written(pki, PAIR + more)).context

    assert context is not None
    assert context.verify_mode is mode
    order = bool(context.options & ssl.OP_CIPHER_SERVER_PREFERENCE)
    assert order is ("prefer_server" not in more)


def test_certificate_and_key_may_stand_in_the_file(pki: Path) -> None:
    """The text of certificate, key and authority is as good as files."""
    text = "".join(
        f"  {key}: {inline(pki, name)}"
        for key, name in (("cert", "server.crt"), ("key", "server.key"), ("client_ca", "ca.crt"))
    )
    found = load(written(pki, f"tls_server_config:\n{text}{CLIENTS}"))

    assert found.scheme == "https"
    assert found.context is not None
    assert len(found.context.get_ca_certs()) == 1
    assert "PRIVATE" not in repr(found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            PAIR.replace("server.crt", "nowhere.crt"),
            "web.yml:2: tls_server_config.cert_file: {}/nowhere.crt: No such file or directory; c",
        ),
        (PAIR.replace("server.key", "nowhere.key"), "nowhere.key: No such file or directory"),
        (PAIR.replace("server.key", "server2.key"), "the key does not belong to the certificate"),
        (PAIR.replace("server.key", "encrypted.key"), "is encrypted; decrypt it: openssl"),
        (PAIR.replace("server.key", "server.crt"), "has no private key in PEM"),
        (PAIR.replace("server.crt", "server.key"), "has no certificate in PEM"),
        (f"{PAIR}  client_ca_file: nowhere\n{CLIENTS}", "client_ca_file: {}/nowhere: No such file"),
        (f"{PAIR}  client_ca_file: server.key\n{CLIENTS}", "server.key has no certificate in PEM"),
        (f"{PAIR}  client_ca_file: /dev/null\n{CLIENTS}", "/dev/null: must be a regular file"),
        (PAIR.replace("server.key", "."), "must be a regular file"),
        (PAIR + "  min_version: TLS1", "unknown TLS version"),
    ],
)
def test_a_bad_file_is_refused(pki: Path, text: str, message: str) -> None:
    """What cannot be used is refused with file, key, reason and what to do."""
    with pytest.raises(ConfigError) as caught:
        load(written(pki, text))

    assert message.format(pki) in str(caught.value)


def test_a_certificate_that_is_none_is_refused(pki: Path) -> None:
    """A file that looks like a certificate and is none is refused."""
    bad = "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n"
    (pki / "bad.crt").write_text(bad)
    with pytest.raises(ConfigError, match="certificate and key cannot be used"):
        load(written(pki, PAIR.replace("server.crt", "bad.crt")))


def test_a_file_that_hangs_or_has_no_end_is_refused(tmp_path: Path) -> None:
    """A FIFO, a device, a directory and a file that is too large are refused at once."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "large").write_text("#" * (1 << 17))
    for name in ("fifo", "."):
        with pytest.raises(ConfigError, match="must be a regular file"):
            load(str(tmp_path / name))
    with pytest.raises(ConfigError, match="must not be larger than 65536 bytes"):
        load(str(tmp_path / "large"))
    with pytest.raises(ConfigError, match=r"nowhere: No such .*; specify another file with --web"):
        load(str(tmp_path / "nowhere"))


def test_an_openssl_that_has_no_algorithms_is_named(
    pki: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the host's configuration of OpenSSL leaves it no cipher, the problem says so."""

    def without(protocol: int) -> ssl.SSLContext:
        raise ssl.SSLError(1, f"library has no ciphers for {protocol}")

    path = written(pki, PAIR)
    monkeypatch.setattr(ssl, "SSLContext", without)
    with pytest.raises(ConfigError) as caught:
        load(path)

    (problem,) = caught.value.problems
    assert f"{ssl.OPENSSL_VERSION} does not start: " in problem
    assert "openssl.cnf" in problem


def test_without_a_file_everything_is_plain() -> None:
    """An empty path is HTTP for everybody, without headers and limits."""
    found = load("")

    assert found is PLAIN
    assert (found.scheme, found.users, found.headers, found.rate) == ("http", {}, {}, None)


def test_only_a_change_is_loaded_again(pki: Path, tmp_path: Path) -> None:
    """The same files give nothing new; another text or another pair gives a new context."""
    pair(tmp_path, "server", "DNS:a")
    loader = Loader(written(tmp_path, PAIR))
    first = loader.load()
    assert first is not None
    assert loader.load() is None

    for suffix in ("crt", "key"):
        (tmp_path / f"server.{suffix}").write_bytes((pki / f"server.{suffix}").read_bytes())
    second = loader.load()
    assert second is not None
    assert second.context is not first.context

    written(tmp_path, PAIR + "  max_version: TLS12\n")
    third = loader.load()
    assert third is not None
    assert third.context is not None
    assert third.context.maximum_version is ssl.TLSVersion.TLSv1_2


def test_half_a_new_pair_is_refused_until_the_other_half_is_there(
    pki: Path, tmp_path: Path
) -> None:
    """A certificate replaced before its key is a problem, and none once the key follows."""
    pair(tmp_path, "server", "DNS:a")
    loader = Loader(written(tmp_path, PAIR))
    loader.load()
    (tmp_path / "server.crt").write_bytes((pki / "server.crt").read_bytes())
    for _ in range(2):
        with pytest.raises(ConfigError, match="does not belong"):
            loader.load()
    (tmp_path / "server.key").write_bytes((pki / "server.key").read_bytes())
    assert loader.load() is not None


@pytest.mark.parametrize(("days", "verb"), [(1, ""), (17, "expires on 2"), (31, "expired on 2")])
def test_a_certificate_that_ends_is_a_warning(
    pki: Path, monkeypatch: pytest.MonkeyPatch, days: int, verb: str
) -> None:
    """The server's certificate of 30 days: silent at first, a warning in its last two weeks."""
    now = (pki / "server.crt").stat().st_mtime + days * 86400
    monkeypatch.setattr("xenwatch.web_config.load.time.time", lambda: now)
    found = load(written(pki, PAIR)).warnings

    assert len(found) == bool(verb)
    where = f"web.yml:2: tls_server_config.cert_file: {pki}/server.crt"
    assert all(f"{where} {verb}" in each for each in found)


def test_a_rejected_file_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is rejected each time that it is read, and taken to pieces when it has changed."""
    parsed = []
    parse = document.parse

    def noted(data: bytes, name: str, problems: list[str]) -> document.Document:
        parsed.append(data)
        return parse(data, name, problems)

    monkeypatch.setattr(document, "parse", noted)
    loader = Loader(written(tmp_path, "tls_server: {}\n"))
    for _ in range(2):
        with pytest.raises(ConfigError, match="tls_server"):
            loader.load()
    written(tmp_path, "http_server_config: {http2: false}\n")

    assert loader.load() is not None
    assert len(parsed) == 2
