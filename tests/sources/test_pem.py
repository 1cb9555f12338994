"""Certificates out of PEM files: they come whole, and nothing else of the file does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sources.fakes import Question, TappedSource
from xenwatch.model.presets import PRESETS
from xenwatch.model.source import ModelSource
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.sources.base import PEM_LIMIT, Source, SourceError
from xenwatch.sources.host import HostSource
from xenwatch.sources.pem import certificates_of
from xenwatch.sources.recording import RecordingSource

PATH = "/etc/xensource/xapi-ssl.pem"
CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nTUlJ\nQQ==\n-----END CERTIFICATE-----\n"
KEY = b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
PIECES = st.sampled_from(
    [
        *(CERTIFICATE, KEY, b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n"),
        *(b"-----BEGIN PRIVATE KEY-----\n", b"-----END PRIVATE KEY-----\n", b"c2VjcmV0\n", b"\0"),
        *(b"-----BEGIN RSA PRIVATE KEY-----\r\n", b"-----BEGIN DH PARAMETERS-----\n", b"--", b"\n"),
    ]
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a file as xapi has it."""
    path = tmp_path / PATH[1:]
    path.parent.mkdir(parents=True)
    path.write_bytes(KEY + b"\n" + CERTIFICATE)
    return tmp_path


def test_the_key_stays_where_it_is(root: Path) -> None:
    """Of a file with a key and a certificate the live source returns the certificate."""
    assert HostSource(str(root)).certificates(PATH) == CERTIFICATE


def test_a_chain_comes_in_its_order() -> None:
    """Every certificate is there, with either end of lines, and with text between them."""
    other = CERTIFICATE.replace(b"TUlJ", b"T1RI")
    chain = b"subject=x\r\n" + other.replace(b"\n", b"\r\n") + KEY + CERTIFICATE

    found = certificates_of(chain).replace(b"\r\n", b"\n")

    assert found == other + CERTIFICATE


@given(pieces=st.lists(PIECES, max_size=12))
def test_nothing_of_a_key_comes_out(pieces: list[bytes]) -> None:
    """However blocks are cut off or nested, what comes out is whole certificates alone."""
    found = certificates_of(b"".join(pieces))

    assert b"KEY" not in found
    assert certificates_of(found) == found
    assert found.count(b"BEGIN CERTIFICATE") == found.count(b"END CERTIFICATE")


def test_a_file_that_is_too_long_or_missing_is_an_error(root: Path) -> None:
    """A file is read up to its limit; the error says which file, and shows nothing of it."""
    (root / PATH[1:]).write_bytes(KEY + bytes(PEM_LIMIT))
    source = HostSource(str(root))

    with pytest.raises(SourceError, match=f"^{PATH}: longer than 65536 bytes$"):
        source.certificates(PATH)
    with pytest.raises(SourceError) as missing:
        source.certificates("/etc/none.pem")
    assert missing.value.missing


def preset(_root: Path) -> Source:
    """XCP-ng 8.3, whose two files have what stands for keys."""
    return ModelSource(PRESETS["xcp-ng-8.3"]())


def live(root: Path) -> Source:
    """The live source on a root with xapi's file."""
    return HostSource(str(root))


@pytest.mark.parametrize("host", [preset, live])
def test_no_capture_holds_a_private_key(
    root: Path, tmp_path: Path, host: Callable[[Path], Source]
) -> None:
    """A capture of a host with keys has its certificates, and nowhere a key."""
    recorder = RecordingSource(host(root), tmp_path / "capture")
    take(recorder, PROBES)
    recorder.close()
    saved = [path for path in (tmp_path / "capture").rglob("*") if path.is_file()]
    calls = (tmp_path / "capture/calls.jsonl").read_text().splitlines()
    asked = [call for call in map(json.loads, calls) if call["verb"] == "certificates"]

    assert any("BEGIN CERTIFICATE" in call.get("answer", "") for call in asked)
    assert not [path for path in saved if b"PRIVATE KEY" in path.read_bytes()]
    assert not [path for path in saved if b"c2VjcmV0" in path.read_bytes()]


def test_nobody_reads_the_files_otherwise() -> None:
    """No probe asks for the whole of a file whose certificates are read."""
    asked: list[Question] = []
    take(TappedSource(preset(Path()), asked.append), PROBES)

    assert ("certificates", PATH) in asked
    assert ("read", PATH) not in asked
