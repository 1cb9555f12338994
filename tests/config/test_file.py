"""The configuration file as editors write it."""

from __future__ import annotations

from pathlib import Path

from xenwatch.config.settings import load_settings as load
from xenwatch.config.web_keys import MAX_REQUESTS


def test_a_byte_order_mark_is_no_part_of_a_configuration(tmp_path: Path) -> None:
    """A file as editors of Windows write it, with a mark and their line ends, is read."""
    path = tmp_path / "marked.toml"
    path.write_bytes(b"\xef\xbb\xbf[web]\r\nmax_requests = 3\r\n")
    assert load(str(path), {})[MAX_REQUESTS] == 3
