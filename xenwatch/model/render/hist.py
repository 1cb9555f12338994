"""Histograms of tracefs."""

from __future__ import annotations

from collections.abc import Iterable

from xenwatch.parse.hist import Hist


def render_hists(hists: Iterable[Hist]) -> bytes:
    """A `hist` file with these histograms (kernel/trace/trace_events_hist.c)."""
    return b"\n\n".join(map(_hist, hists))


def _hist(hist: Hist) -> bytes:
    lines = ["# event histogram", "#", f"# trigger info: {hist.trigger}", "#", ""]
    for row in hist.rows:
        keys = ", ".join(f"{name}: {value % (1 << 64):>10}" for name, value in row.keys)
        lines.append(f"{{ {keys} }} hitcount: {row.hits:>10}")
    lines += [
        "",
        "Totals:",
        f"    Hits: {hist.hits}",
        f"    Entries: {len(hist.rows)}",
        f"    Dropped: {hist.dropped}",
        "",
    ]
    return "\n".join(lines).encode("utf-8", "surrogateescape")
