"""Where the daemon listens, by the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.test_settings import settings


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
