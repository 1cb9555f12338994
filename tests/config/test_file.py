"""The configuration file as editors write it."""

from __future__ import annotations

from pathlib import Path

from xenwatch.config.file import MOST, parse
from xenwatch.config.keys import KEYS
from xenwatch.config.settings import load_settings as load
from xenwatch.config.web_keys import MAX_REQUESTS


def test_a_byte_order_mark_is_no_part_of_a_configuration(tmp_path: Path) -> None:
    """A file as editors of Windows write it, with a mark and their line ends, is read."""
    path = tmp_path / "marked.toml"
    path.write_bytes(b"\xef\xbb\xbf[web]\r\nmax_requests = 3\r\n")
    assert load(str(path), {})[MAX_REQUESTS] == 3


def test_thousands_of_problems_are_not_searched_for() -> None:
    """A file with thousands of unknown keys names the first, and costs no more than those."""
    sections = "".join(f"[probes.ptys{n}]\nenabeld = true\n" for n in range(2000))
    text = "".join(f"key{n} = 1\n" for n in range(2000)) + sections
    problems: list[str] = []
    parse(text.encode(), "a.toml", KEYS, problems)

    assert len(problems) == MOST + 1
    assert problems[0].startswith("a.toml:1: key0: unknown key")
    assert problems[-1] == "a.toml: more problems may follow; fix these first"
