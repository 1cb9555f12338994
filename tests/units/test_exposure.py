"""How exposed the units are by systemd's own measure, on 252 and on 219."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.tools import tool
from tests.units.files import FRONT, READER, ROOT, as_read, systemds, written

BOUNDS = {(FRONT, 252): 1.5, (READER, 252): 3.0}
MANUAL = (ROOT / "docs/systemd.md").read_text(encoding="utf-8")
TOLD = {
    (unit, version): float(level)
    for unit, *levels in re.findall(
        r"(?m)^\| `(xenwatch.*\.service)` \| ([\d.]+) \| ([\d.]+) \|", MANUAL
    )
    for version, level in zip((252, 219), levels, strict=True)
}
"""The levels of the document, by unit and version."""
SUM = re.compile(r"Overall exposure level for [\w.-]+: ([\d.]+) ")


@pytest.fixture(scope="module")
def levels(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], float]:
    """The overall level of each unit as 252 and as 219 reads it, less what it ignores."""
    found = {}
    for version in (252, 219):
        for unit in (FRONT, READER):
            file = tmp_path_factory.mktemp(f"systemd-{version}") / unit
            file.write_text(written(as_read(unit, systemds()[version])), encoding="ascii")
            found[unit, version] = level(file)
    return found


def level(unit: Path) -> float:
    """The overall exposure level of a unit, 0 to 10."""
    analyze = [tool("systemd-analyze"), "security", "--offline=true", "--no-pager", str(unit)]
    done = subprocess.run(analyze, capture_output=True, text=True, check=True)
    match = SUM.search(done.stdout)
    assert match, done.stdout + done.stderr
    return float(match[1])


def test_the_levels_hold_their_bounds(levels: dict[tuple[str, int], float]) -> None:
    """The front is exposed at most 1.5 of 10, the reader at most 3."""
    assert {unit: levels[unit] for unit, most in BOUNDS.items() if levels[unit] > most} == {}


def test_the_document_has_the_levels_as_measured(levels: dict[tuple[str, int], float]) -> None:
    """All four levels stand in the document, as the systemd-analyze of Debian 12 computes them."""
    version = subprocess.run(
        [tool("systemd-analyze"), "--version"], capture_output=True, text=True, check=True
    ).stdout.split()[1]

    assert set(TOLD) == set(levels)
    # Other versions of systemd-analyze ask about more, or about less.
    exact = {key: level for key, level in levels.items() if version == "252"}
    assert {key: TOLD[key] for key in exact} == exact


def test_what_219_ignores_exposes_more_and_the_front_the_least(
    levels: dict[tuple[str, int], float],
) -> None:
    """On both systemds the front is less exposed than the reader, and on 219 each is more."""
    for version in (252, 219):
        assert levels[FRONT, version] < levels[READER, version]
    for unit in (FRONT, READER):
        assert levels[unit, 252] < levels[unit, 219]


def test_the_measure_sees_a_setting_that_is_gone(tmp_path: Path) -> None:
    """Without NoNewPrivileges= the level rises: the measure is taken of the file's own lines."""
    lines = as_read(FRONT, systemds()[252])
    weaker = [line for line in lines if line.name != "NoNewPrivileges"]
    for name, content in (("whole", lines), ("weaker", weaker)):
        (tmp_path / name).mkdir()
        (tmp_path / name / FRONT).write_text(written(content), encoding="ascii")

    assert level(tmp_path / "weaker" / FRONT) > level(tmp_path / "whole" / FRONT)
