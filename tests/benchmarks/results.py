"""What was measured: rows with every figure, as JSON and as the document; what became slower."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

SLOWER: Final = 1.2
"""How many times the last figure a new one is called slower, beyond the spread of both."""
DOCUMENT: Final = """\
# What xenwatch costs

Measured by `make bench`, which writes this document: medians of {rounds} rounds, with the lowest
and the highest; a peer is measured in turn with it, in the same rounds.
[Testing](testing.md#benchmarks) says how.

On {machine}, Python {python}, {date}.

| What | xenwatch | Peer | Peer / xenwatch |
| --- | --- | --- | --- |
{rows}
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was measured: figures of each round, in `unit`; those of a peer, if any."""

    name: str
    unit: str
    ours: tuple[float, ...]
    peer: str = ""
    theirs: tuple[float, ...] = ()

    @property
    def median(self) -> float:
        """The figure of xenwatch."""
        return statistics.median(self.ours)

    @property
    def ratio(self) -> float | None:
        """How many times as much the peer needs."""
        return statistics.median(self.theirs) / self.median if self.theirs and self.median else None


@dataclass(frozen=True, slots=True)
class Results:
    """The rows of a run, and where and when it was made."""

    rows: tuple[Row, ...]
    run: Mapping[str, Any]


def dumps(results: Results) -> str:
    """As JSON."""
    rows = [asdict(row) for row in results.rows]
    return json.dumps({"run": dict(results.run), "rows": rows}, indent=1) + "\n"


def loads(text: str) -> Results:
    """What `dumps` has written."""
    found = json.loads(text)
    rows = (
        Row(row["name"], row["unit"], tuple(row["ours"]), row["peer"], tuple(row["theirs"]))
        for row in found["rows"]
    )
    return Results(tuple(rows), found["run"])


def document(results: Results) -> str:
    """As Markdown."""
    rows = "\n".join(f"| {' | '.join(_cells(row))} |" for row in results.rows)
    return DOCUMENT.format(rows=rows, **results.run)


def lines(rows: Iterable[Row]) -> Iterator[str]:
    """A line for each row, for a terminal."""
    for row in rows:
        name, ours, peer, ratio = _cells(row)
        yield f"{name}: {ours}" + (f"; {peer}: {ratio} times" if peer else "")


def slower(rows: Iterable[Row], before: Iterable[Row]) -> Iterator[str]:
    """A line for each row that became slower than before; those without a predecessor are new."""
    earlier = {row.name: row for row in before}
    for row in rows:
        old = earlier.get(row.name)
        if old is not None and min(row.ours) > max(*old.ours, SLOWER * old.median):
            yield f"slower: {row.name}: {_figures(row.ours, row.unit)}, was {figure(old.median)}"


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which that part of them is."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def _cells(row: Row) -> tuple[str, str, str, str]:
    theirs = f"{row.peer}: {_figures(row.theirs, row.unit)}" if row.theirs else ""
    ratio = "" if row.ratio is None else figure(row.ratio)
    return row.name, _figures(row.ours, row.unit), theirs, ratio


def _figures(values: Sequence[float], unit: str) -> str:
    spread = f" ({figure(min(values))} to {figure(max(values))})" if len(values) > 1 else ""
    return f"{figure(statistics.median(values))} {unit}{spread}"


def figure(value: float) -> str:
    """A number with three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
