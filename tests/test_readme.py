"""The README against what it sums up: the platforms, the figures, how long things take."""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.captures import LAB
from tests.shown import ROOT
from tests.xen.suite import ARM64, DEFAULT, SUITES
from xenwatch.model.presets import PRESETS
from xenwatch.model.scenario_source import names as scenarios

README: Final = (ROOT / "README.md").read_text()
NAME: Final = re.compile(r"`([^`]+)`")
CAPTURED: Final = {path.name: path for path in LAB.parent.iterdir()}


def table(title: str) -> list[list[str]]:
    """The rows of the table in a section, without its heading."""
    section = README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    lines = re.findall(r"(?m)^\| (.*) \|$", section)
    return [line.split(" | ") for line in lines[2:]]


PLATFORMS: Final = table("Tested on")
COSTS: Final = table("What it costs, and what it does to dom0")


def test_what_is_said_to_be_real_is_booted() -> None:
    """A platform is real if `make test-xen` boots it; its captures are beside it."""
    commands = {suite.host: f"`make test-xen SUITE={suite.name}`" for suite in SUITES.values()}
    commands |= {
        DEFAULT.host: "`make test-xen`",
        f"{DEFAULT.host}-{ARM64.name}": f"`make test-xen ARCH={ARM64.name}`",
    }
    found = {
        name: real.partition(":")[0]
        for _, real, captured, _ in PLATFORMS
        for name in NAME.findall(captured)
        if name in commands
    }

    assert found == commands
    assert sum("test-xen" in real for _, real, *_ in PLATFORMS) == len(commands)
    assert {real for _, real, *_ in PLATFORMS if "test-xen" not in real} == {"never"}


def test_every_captured_host_is_named() -> None:
    """The captured hosts are those kept for the tests, and altered ones are called so."""
    cells = [captured for _, _, captured, _ in PLATFORMS]
    altered = [cell.partition("altered")[2] for cell in cells]

    assert sorted(NAME.findall(" ".join(cells))) == sorted(CAPTURED)
    assert set(NAME.findall(" ".join(altered))) == {
        name
        for name, path in CAPTURED.items()
        if (path / "README.md").exists() and "reduced to" in (path / "README.md").read_text()
    }


def test_every_preset_is_named() -> None:
    """Each preset is in the row of one platform; what else is named there is a scenario."""
    names = [name for *_, synthetic in PLATFORMS for name in NAME.findall(synthetic)]

    assert sorted(set(names) & PRESETS.keys()) == sorted(PRESETS)
    assert set(names) <= {*PRESETS, *scenarios()}
    assert len(names) == len(set(names))


@pytest.mark.parametrize("row", COSTS, ids=lambda row: row[0])
def test_a_cost_is_a_figure_of_the_document_it_links_to(row: list[str]) -> None:
    """Every number of the table stands in the document that says how it was measured."""
    _, figure, measured = row
    (target,) = re.findall(r"\]\(([^)#]+)", measured)
    numbers = re.findall(r"\d[\d,]*(?:\.\d+)?", (ROOT / target).read_text())

    assert set(re.findall(r"\d[\d,]*(?:\.\d+)?", figure)) <= set(numbers)


def test_the_time_of_the_tests_is_that_of_make() -> None:
    """The README says of `make test` what make says when it begins."""
    (said,) = re.findall(r"every test: (.*?);", (ROOT / "Makefile").read_text())

    assert said in README
