"""How commands reach a daemon: options, configuration, certificates, Unix sockets."""

from __future__ import annotations

import argparse
import ssl
from argparse import Namespace
from pathlib import Path

import pytest

from tests.web_config.test_load import PAIR, written
from xenwatch.cli.daemon_address import (
    OPTIONS,
    Address,
    AddressError,
    add_options,
    address_of,
    configured,
)
from xenwatch.cli.main import main


def options(*arguments: str, config: Path | None = None) -> Namespace:
    """The options of a command line."""
    parser = argparse.ArgumentParser()
    add_options(parser, "--source")
    found = parser.parse_args(arguments)
    if config is not None:
        found.config_file = str(config)
    return found


@pytest.fixture
def config(pki: Path, tmp_path: Path) -> Path:
    """A configuration with TLS and two addresses."""
    path = tmp_path / "xenwatch.toml"
    web = written(pki, PAIR)
    path.write_text(f"[web]\nlisten_addresses = [':10731', ':80']\nconfig_file = '{web}'\n")
    return path


def test_the_configured_daemon_is_trusted_by_its_certificate(config: Path, pki: Path) -> None:
    """With TLS it is asked by https, and only the holder of that certificate's key is believed."""
    found = configured(options(config=config))

    assert (found.url, found.problem) == ("https://127.0.0.1:10731", "")
    assert found.context is not None
    assert not found.context.check_hostname
    assert found.context.verify_mode is ssl.CERT_REQUIRED
    (trusted,) = found.context.get_ca_certs(binary_form=True)
    assert trusted == ssl.PEM_cert_to_DER_cert((pki / "server.crt").read_text())


def test_a_web_file_that_is_invalid_is_told(config: Path, pki: Path) -> None:
    """The daemon goes on with what it had: it is asked by https, and the problem is kept."""
    (pki / "web.yml").write_text("a: 1\n")
    found = configured(options(config=config))

    assert found.url == "https://127.0.0.1:10731"
    assert "web.yml:1: a: unknown key" in found.problem


def test_a_password_may_stand_in_a_file(tmp_path: Path) -> None:
    """A user is given on the command line or in a file, and is not shown."""
    (tmp_path / "user").write_text("alice:s:ecret\n")
    for given in ("alice:s:ecret", f"@{tmp_path}/user"):
        found = address_of(options("--url", "http://a:1", "--user", given))
        assert found.headers() == {"Authorization": "Basic YWxpY2U6czplY3JldA=="}
        assert "ecret" not in repr(found)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--key", "a"), "--key is the key of --cert, which is missing"),
        (("--user", "alice"), "--user must be NAME:PASSWORD"),
        (("--user", "@/nowhere"), "--user @/nowhere: No such file or directory"),
        (("--cacert", "/nowhere"), "--cacert /nowhere: No such file"),
        (("--cert", "/nowhere"), "--cert /nowhere: No such file"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused(arguments: tuple[str, ...], message: str) -> None:
    """The message names the option, the file and the reason."""
    with pytest.raises(AddressError) as caught:
        address_of(options("--url", "https://a:1", *arguments))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://alice:secret@a:1", "user and password must not be in the URL; use --user"),
        ("unix:relative", "nor unix:/PATH"),
        ("http://a:99999", "is not a URL"),
        ("ftp://a", "is not a URL"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(url: str, message: str) -> None:
    """What is neither HTTP's URL nor a Unix socket is refused before anything is opened."""
    with pytest.raises(AddressError, match=message):
        Address(url).connect(1.0)


@pytest.mark.parametrize("option", OPTIONS)
def test_options_of_a_daemon_are_refused_with_a_source(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a source is read no daemon is asked, and options for one are a mistake."""
    assert main(["check", "--source=synthetic", f"--{option}=a"]) == 3
    assert f"--{option} and --source are mutually exclusive" in capsys.readouterr().out


def test_check_config_reads_the_web_configuration_file(
    config: Path, pki: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what is wrong with it, with status 1, and what is not meant, with status 0."""
    assert main(["check-config", f"--config.file={config}"]) == 0
    (pki / "web.yml").write_text(f"{PAIR}http_server_config: {{http2: true}}\n")
    assert main(["check-config", f"--config.file={config}"]) == 0
    assert (
        "web.yml:4: http_server_config.http2: xenwatch serves HTTP/1.1" in capsys.readouterr().err
    )

    (pki / "web.yml").write_text(PAIR.replace("server.key", "server2.key"))
    assert main(["check-config", f"--config.file={config}"]) == 1
    assert "web.yml:3: tls_server_config.key_file: the key does not" in capsys.readouterr().err
