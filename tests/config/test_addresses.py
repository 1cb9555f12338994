"""Where the daemon listens, by the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.test_settings import settings
from xenwatch.config import converters


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("127.0.0.1:10730",)),
        ('[textfile]\ndirectory = "/d"', ()),
        ('[textfile]\ndirectory = "/d"\n[web]\nlisten_addresses = []', ()),
        ('[textfile]\ndirectory = "/d"\n[web]\nlisten_addresses = [":80"]', (":80",)),
        ("[web]\nlisten_addresses = []\nsystemd_socket = true", ()),
    ],
)
def test_a_textfile_takes_the_place_of_the_default_address(
    tmp_path: Path, text: str, expected: tuple[str, ...]
) -> None:
    """Beside a textfile the daemon listens only where it is told to."""
    assert settings(tmp_path, text).addresses() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:10730", ("127.0.0.1", 10730)),
        (":1", ("", 1)),
        ("[::1]:65535", ("::1", 65535)),
        ("[fe80::1%eth0]:80", ("fe80::1%eth0", 80)),
        ("dom0.example.org:0", ("dom0.example.org", 0)),
    ],
)
def test_addresses_are_taken_apart(text: str, expected: tuple[str, int]) -> None:
    """Host and port of every way to write an address."""
    assert converters.address(text) == expected


@pytest.mark.parametrize(
    ("text", "path"),
    [("unix:/run/a.sock", "/run/a.sock"), ("unix:/a:b c", "/a:b c"), (":80", ""), ("unixa:80", "")],
)
def test_unix_sockets_have_a_path(text: str, path: str) -> None:
    """What begins with unix: is a path, and a valid address; others are not."""
    assert converters.unix_path(text) == path
    assert converters.addresses([text]) == (text,)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("unix:", "must be an absolute path after unix:"),
        ("unix:a.sock", "must be an absolute path after unix:"),
        ("unix:/" + "a" * 107, "must be at most 107 bytes after unix:"),
        ("a..b:80", r"must be HOST:PORT, \[IPV6\]:PORT, :PORT or unix:/PATH"),
        ("a" * 64 + ".example:80", r"must be HOST:PORT, \[IPV6\]:PORT, :PORT or unix:/PATH"),
        ("vsock://:80", r"must be HOST:PORT, \[IPV6\]:PORT, :PORT or unix:/PATH"),
    ],
)
def test_addresses_that_cannot_be_are_refused(text: str, reason: str) -> None:
    """Paths and names that nothing can have, and what xenwatch does not listen on, are refused."""
    with pytest.raises(ValueError, match=reason):
        converters.addresses([text])
