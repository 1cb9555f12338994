"""A report as Markdown, for a ticket: what was drawn is a row of blocks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from xenwatch.display.text import printable
from xenwatch.report.content import Plot, Report, Section, Table
from xenwatch.report.html import thinned
from xenwatch.report.timeline import at

BLOCKS: Final = "▁▂▃▄▅▆▇█"
CELLS: Final = 60
"""Blocks of a row."""
_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>#|~&@$])")
_AT_LINE_START: Final = re.compile(r"^(\s*)([-+=]|\d+[.)](?=\s|$))")


def render(report: Report) -> str:
    """The document."""
    lines = [f"# {escaped(report.title)}", ""]
    lines += [f"**{escaped(report.mark)}**", ""] if report.mark else []
    lines += [f"- {escaped(fact)}" for fact in report.facts]
    for section in report.sections:
        lines += ["", f"## {escaped(section.title)}", "", *_section(section, report)]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    r"""A text of one line as Markdown shows it, with each special character behind a `\`."""
    plain = _SPECIAL.sub(r"\\\1", printable(text))
    # What would begin a list; its last character is never a digit.
    return _AT_LINE_START.sub(lambda found: f"{found[1]}{found[2][:-1]}\\{found[2][-1]}", plain)


def _section(section: Section, report: Report) -> list[str]:
    lines = [f"- {escaped(said)}" for said in section.said]
    for part in (_table(section.table), _plots(section.plots, report)):
        lines += ["", *part] if lines and part else part
    return lines


def _table(of: Table | None) -> list[str]:
    if of is None:
        return []
    if not of.rows:
        return [escaped(of.none)]
    rows = [_row(of.header), _row(["---"] * len(of.header), plain=True)]
    return rows + [_row(row) for row in of.rows]


def _row(cells: Sequence[str], *, plain: bool = False) -> str:
    return f"| {' | '.join(cell if plain else escaped(cell) for cell in cells)} |"


def _plots(plots: Sequence[Plot], report: Report) -> list[str]:
    if not plots:
        return []
    head = _row(("What", "Over time", "Full height"))
    rows = [
        f"| {escaped(plot.title)} | `{blocks(plot)}` | {escaped(plot.marks[2])} |" for plot in plots
    ]
    below = f"From {at(report.begin)} to {at(report.end)}."
    return [head, "| --- | --- | --- |", *rows, "", below]


def blocks(plot: Plot) -> str:
    """The values as blocks of eight heights."""
    values = [value / plot.top for _, value in thinned(plot.points, CELLS)]
    top = len(BLOCKS) - 1
    return "".join(BLOCKS[max(0, min(top, round(value * top)))] for value in values)
