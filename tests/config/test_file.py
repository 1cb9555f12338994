"""The configuration file as editors write it."""

from __future__ import annotations

from pathlib import Path

import pytest

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


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            '[web]\n[log]\n[web]\nlisten_addresses = [":1"]',
            "3: section [web] is already on line 1; move these keys there",
        ),
        (
            "[alerts.down]\nfor = 1\n[alerts.down]",
            "3: section [alerts.down] is already on line 1; move these keys there",
        ),
        (
            '[log]\nlevel = "info"\nlevel = "error"\n',
            "3: level is already set in this section; remove one of the two",
        ),
    ],
    ids=["section", "section with a dot", "key"],
)
def test_what_is_there_twice_is_named_with_both_lines(text: str, problem: str) -> None:
    """A section or key that was added although it is there already is said to be so."""
    problems: list[str] = []
    parse(text.encode(), "a.toml", KEYS, problems)

    assert problems == [f"a.toml:{problem}"]
