"""What was measured: rows with every figure, as JSON and as the document; what became slower."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from tests.benchmarks.table import NODE_EXPORTER, TABLE

SLOWER: Final = 1.2
"""How many times the last figure a new one is called slower, beyond the spread of both."""
DOCUMENT: Final = """\
# What xenwatch costs

`make bench` measures this and writes this document; [Testing](testing.md#benchmarks) says how.
A figure is the median of {rounds} rounds, with the lowest and the highest in brackets.
One without brackets was measured once.
xenwatch and its peer are measured in turn, in the same rounds.
Version 0.1 was measured on another, busy machine with two CPUs.

On {machine}, Python {python}, {date}; rounds of {seconds:g} s{took}.

| What | Version 0.1 | xenwatch now | Goal | Goal met | Peer | Peer / xenwatch (>1: ours is less) |
| --- | --- | --- | --- | --- | --- | --- |
{rows}
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing of the table that was measured: figures of each round, and those of its peer."""

    name: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...] = ()

    @property
    def median(self) -> float:
        """The figure of xenwatch."""
        return statistics.median(self.ours)

    @property
    def peers(self) -> float | None:
        """The figure of the peer."""
        return statistics.median(self.theirs) if self.theirs else None

    @property
    def ratio(self) -> float | None:
        """How many times as much the peer needs."""
        return self.peers / self.median if self.peers is not None and self.median else None


@dataclass(frozen=True, slots=True)
class Results:
    """The rows of a run, and where and when it was made."""

    rows: tuple[Row, ...]
    run: Mapping[str, Any]


def dumps(results: Results) -> str:
    """As JSON, with what the table says of each row."""
    rows = [
        {**asdict(row), "unit": wanted.unit, "peer": wanted.peer, "met": _met(row) == "yes"}
        for row in results.rows
        for wanted in (TABLE[row.name],)
    ]
    return json.dumps({"run": dict(results.run), "rows": rows}, indent=1) + "\n"


def loads(text: str) -> Results:
    """What `dumps` has written."""
    found = json.loads(text)
    rows = (Row(row["name"], tuple(row["ours"]), tuple(row["theirs"])) for row in found["rows"])
    return Results(tuple(rows), found["run"])


def document(results: Results) -> str:
    """As Markdown, in the order of the table."""
    order = list(TABLE)
    rows = sorted(results.rows, key=lambda row: order.index(row.name))
    shown = "\n".join(f"| {' | '.join(_cells(row))} |" for row in rows)
    minutes = results.run.get("minutes")
    took = f", {minutes} minutes in all" if minutes else ""
    return DOCUMENT.format(rows=shown, took=took, **results.run)


def lines(rows: Iterable[Row]) -> Iterator[str]:
    """A line for each row, for a terminal."""
    for row in rows:
        name, before, ours, goal, met, peer, ratio = _cells(row)
        told = f"; 0.1: {before}" if before else ""
        told += f"; goal {goal}: {'met' if met == 'yes' else 'missed'}" if goal else ""
        told += f"; {peer}" if peer else ""
        yield f"{name}: {ours}{told}" + (f": {ratio} times" if ratio else "")


def slower(now: Results, before: Results) -> Iterator[str]:
    """A line for each row that became slower than before; those without a predecessor are new.

    On another machine, or where one that is the same has become slower or faster, what is compared
    is how many times as much the peer needs, of rows that have one.
    """
    earlier = {row.name: row for row in before.rows}
    pairs = [(row, earlier[row.name]) for row in now.rows if row.name in earlier]
    differs = _difference(pairs, now.run, before.run)
    if differs:
        yield f"{differs}: ratios to the peers are compared"
    for row, old in pairs:
        if differs:
            if row.ratio and old.ratio and row.ratio * SLOWER < old.ratio:
                yield (
                    f"slower: {row.name}: the peer needs {figure(row.ratio)} times as much, "
                    f"was {figure(old.ratio)}"
                )
        elif min(row.ours) > max(*old.ours, SLOWER * old.median):
            unit = TABLE[row.name].unit
            yield f"slower: {row.name}: {_figures(row.ours, unit)}, was {figure(old.median)}"


def _difference(
    pairs: Iterable[tuple[Row, Row]], now: Mapping[str, Any], before: Mapping[str, Any]
) -> str:
    """Why figures cannot be compared; empty where they can."""
    for key in ("machine", "python"):
        if now[key] != before[key]:
            return f"{key} is {now[key]}, was {before[key]}"
    for row, old in pairs:
        if TABLE[row.name].peer != NODE_EXPORTER or row.peers is None or old.peers is None:
            continue
        if not old.peers / SLOWER <= row.peers <= old.peers * SLOWER:
            return (
                f"the machine is not as fast as it was: {NODE_EXPORTER} needs "
                f"{figure(row.peers)} {TABLE[row.name].unit}, was {figure(old.peers)}"
            )
    return ""


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which that part of them is."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def _met(row: Row) -> str:
    goal = TABLE[row.name].goal
    if goal is None:
        return ""
    return "yes" if goal.is_met(row.median, row.peers) else "no"


def _cells(row: Row) -> tuple[str, ...]:
    wanted = TABLE[row.name]
    theirs = f"{wanted.peer}: {_figures(row.theirs, wanted.unit)}" if row.theirs else wanted.note
    ratio = "" if row.ratio is None else figure(row.ratio)
    goal = wanted.goal.text if wanted.goal else ""
    return row.name, wanted.before, _figures(row.ours, wanted.unit), goal, _met(row), theirs, ratio


def _figures(values: Sequence[float], unit: str) -> str:
    spread = f" ({figure(min(values))} to {figure(max(values))})" if len(values) > 1 else ""
    return f"{figure(statistics.median(values))} {unit}{spread}"


def figure(value: float) -> str:
    """A number with three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
