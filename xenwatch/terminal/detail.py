"""Texts that fill the screen: all that is known of one row, and the help."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from xenwatch.display.text import printable
from xenwatch.fence import BROKEN, Fence, Part
from xenwatch.limits import LIMITS
from xenwatch.terminal.device_views import DOMAIN
from xenwatch.terminal.figures import percent, span
from xenwatch.terminal.lines import BOLD, DIM, HEAD, Line, line, wrapped
from xenwatch.terminal.looks import Look, dom0_rates
from xenwatch.terminal.table import GAP, Row, Table, cells, fitted, widths
from xenwatch.terminal.views import ALERT, BY_NAME, LIMIT, VIEWS, alert_key

_INDENT: Final = 2
_SAID: Final = ("domid", "name", "title")
"""Columns of what the detail is of."""
_SHORT: Final = 16
"""Cells of a value that stands beside others."""
DOMAIN_LABEL: Final = "domid"
"""The label of what is of one domain."""
KEYS: Final = (
    ("1 to 7, Tab, Shift-Tab", "choose the view"),
    ("up, down, j, k", "move the cursor; Page Up, Page Down, Home, End too"),
    ("enter", "details of the row, such as devices and limits of a VM"),
    ("esc", "back, or show all rows again"),
    ("/, F4", "show only rows that contain a text"),
    ("<, >", "sort by the column to the left, to the right; past the last, the default order"),
    ("r", "reverse the order"),
    ("space, p", "pause: nothing changes until it is pressed again"),
    ("d, s", "set the seconds between updates"),
    ("left, T", "step to the previous moment of the record"),
    ("right, t", "step to the next moment"),
    ("b", "go to a time of the record, such as 03:12, -15m or 2026-01-31T03:12"),
    ("l", "back to the newest readings"),
    ("Ctrl-L", "read and redraw"),
    ("h, ?, F1", "this help"),
    ("q, F10", "quit"),
)
NOTES: Final = (
    """With a mouse: click on a view, on a column header to sort by it, or on a row; click a
    selected row for its details. To select text, hold Shift, as in other programs.""",
    """A dash is an unknown value. It never stands for 0. Rates need two readings, so at first
    they are unknown.""",
    """CPU% is of one CPU: 100 is one CPU in use. DOM0% is dom0's CPU time for the VM: its QEMU,
    its tapdisks, helpers, and the kernel threads for its devices.""",
    """WAIT% is time that threads waited for a CPU. RING% is how full a guest's request ring is,
    QUEUED the bytes that wait for buffers of the guest.""",
    "/S is per second. Bytes are in powers of 1,024.",
)


def help_lines(width: int) -> list[Line]:
    """The help for a terminal of that width."""
    first = max(cells(keys) for keys, _ in KEYS) + GAP
    lines = [line((BOLD, "Keys"))]
    for keys, text in KEYS:
        head, *others = wrapped(text, max(10, width - first))
        lines.append(line((BOLD, fitted(keys, first)), head))
        lines += [line(" " * first, other) for other in others]
    for note in NOTES:
        lines += [line(), *(line(each) for each in wrapped(" ".join(note.split()), width))]
    return lines


def detail(subject: tuple[str, str], look: Look, width: int, fence: Fence) -> list[Line]:
    """All that is known of what a row is about. In place of what raises within `fence`: that."""
    broken = [line(f"detail unknown: {BROKEN}")]
    return fence(Part.DISPLAY, "detail", lambda: list(_detail(subject, look, width)), broken)


def _detail(subject: tuple[str, str], look: Look, width: int) -> Iterator[Line]:
    kind, name = subject
    tables = [view.make(look, True) for view in VIEWS]
    found = [(table, row) for table in tables for row in table.rows if row.subject == subject]
    if not found:
        yield line(f"{kind} {printable(name)} is gone")
        return
    if kind == ALERT:
        yield from _alert(name, look, width)
        return
    table, row = found[0]
    yield from _pairs(table, row, width)
    more = {DOMAIN: _domain, LIMIT: _limit}.get(kind)
    if more is not None:
        yield from more(name, look, width)


def _pairs(table: Table, row: Row, width: int) -> Iterator[Line]:
    """The cells of a row, each with its title, in as many columns as there is room for."""
    pairs = [
        (column.title, cell)
        for column, cell in zip(table.columns, row.cells, strict=True)
        if column.title
    ]
    first = max(cells(title) for title, _ in pairs) + 1
    short = [pair for pair in pairs if cells(pair[1].text) <= _SHORT]
    columns = max(1, width // (first + _SHORT + GAP))
    deep = -(-len(short) // columns)
    for number in range(deep):
        pieces: list[tuple[str, str]] = []
        for title, cell in short[number::deep]:
            pieces += [(DIM, fitted(title, first)), (cell.style, fitted(cell.text, _SHORT + GAP))]
        yield tuple(pieces)
    for title, cell in pairs:
        if (title, cell) in short:
            continue
        head, *others = wrapped(cell.text, max(1, width - first))
        yield line((DIM, fitted(title, first)), (cell.style, head))
        yield from (line(" " * first, (cell.style, other)) for other in others)


def _domain(name: str, look: Look, width: int) -> Iterator[Line]:
    workers = dom0_rates(look).get(int(name), {})
    if workers:
        yield line()
        yield line((BOLD, "dom0's CPU time for it"))
        said = "  ".join(f"{kind} {percent(ratio).text}" for kind, ratio in sorted(workers.items()))
        yield from (line("  ", each) for each in wrapped(printable(said), width - _INDENT))
    for view in ("qemus", "disks", "networks"):
        table = BY_NAME[view].make(look, True)
        rows = [row for row in table.rows if row.subject == (DOMAIN, name)]
        if rows:
            yield from _section(BY_NAME[view].title, table, rows, width)
    limits = BY_NAME["limits"].make(look, True)
    own = {
        f"{row.limit} {row.instance}"
        for row in look.status.limits
        if row.label.endswith(DOMAIN_LABEL) and row.instance == name
    }
    rows = [row for row in limits.rows if row.key in own]
    if rows:
        yield from _section("limits of its own", limits, rows, width)
    alerts = [row for row in look.status.alerts or () if row.labels.get(DOMAIN_LABEL) == name]
    if alerts:
        yield line()
        yield line((BOLD, "alerts"))
    for alert in alerts:
        said = printable(f"{alert.state} {alert.severity} {alert.summary}")
        yield from (line("  ", each) for each in wrapped(said, width - _INDENT))


def _section(title: str, table: Table, rows: Sequence[Row], width: int) -> Iterator[Line]:
    """Rows of a table, without what the detail is of and without bars."""
    yield line()
    yield line((BOLD, title))
    kept = [n for n, column in enumerate(table.columns) if column.name not in {*_SAID, "bar"}]
    table = dataclasses.replace(table, columns=tuple(table.columns[n] for n in kept))
    rows = [
        dataclasses.replace(row, cells=tuple(row.cells[number] for number in kept)) for row in rows
    ]
    fit_into = widths(table, rows, width - _INDENT)

    def drawn(texts: Sequence[str]) -> str:
        return (" " * GAP).join(
            fitted(texts[number], size, right=table.columns[number].number)
            for number, size in fit_into
        )

    yield line("  ", (HEAD, drawn([column.title for column in table.columns])))
    for row in rows:
        yield line("  ", drawn([cell.text for cell in row.cells]))


def _limit(name: str, look: Look, width: int) -> Iterator[Line]:
    known = next((each for each in LIMITS if each.name == name), None)
    rows = [row for row in look.status.limits if row.limit == name]
    if known is not None:
        thresholds = ", ".join(
            f"{severity} at {ratio:.0%}"
            for severity, ratio in (("warning", rows[0].warning), ("critical", rows[0].critical))
            if ratio is not None
        )
        yield from _texts(
            (
                ("is full when", thresholds or "never: it may be full"),
                *_full_in(name, look),
                ("then", known.symptom),
                ("read from", known.source),
                ("see", known.reference),
            ),
            width,
        )
    if len(rows) > 1:
        limits = BY_NAME["limits"].make(look, True)
        same = sorted(
            (row for row in limits.rows if row.subject == (LIMIT, name)),
            key=lambda row: -float(row.cells[2].value or 0),
        )
        yield from _section("every instance", limits, same, width)


def _full_in(name: str, look: Look) -> Iterator[tuple[str, str]]:
    """When the limit will be exhausted at the current rate, with the soonest and the latest."""
    seconds = look.status.seconds_to_full.get(name)
    if seconds is not None:
        ends = look.status.full_between.get(name)
        between = f" ({' to '.join(span(end).text for end in ends)})" if ends else ""
        yield "full in", f"{span(seconds).text}{between}"


def _alert(key: str, look: Look, width: int) -> Iterator[Line]:
    row = next(row for row in look.status.alerts or () if alert_key(row) == key)
    yield from _texts(
        (
            ("alert", row.alert),
            ("state", f"{row.state} {row.severity}"),
            ("since", f"{datetime.fromtimestamp(row.entered, UTC):%Y-%m-%d %H:%M:%S} UTC"),
            ("about", ", ".join(f"{name} {value}" for name, value in row.labels.items())),
            ("summary", row.summary),
            ("runbook", row.runbook_url),
        ),
        width,
    )


def _texts(pairs: Iterable[tuple[str, str]], width: int) -> Iterator[Line]:
    known = [(name, printable(text)) for name, text in pairs if text]
    first = max(cells(name) for name, _ in known) + 1
    for name, text in known:
        head, *others = wrapped(text, max(10, width - first - 1))
        yield line((DIM, fitted(name, first)), " ", head)
        yield from (line(" " * (first + 1), other) for other in others)
