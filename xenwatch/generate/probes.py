"""The page of the probes, from `PROBES`."""

from __future__ import annotations

from collections.abc import Iterable

from xenwatch.generate.markdown import code, page, table
from xenwatch.probes.base import Probe


def overview(probes: Iterable[Probe]) -> str:
    """One row a probe, with its default cadence."""
    return table(
        ("Probe", "Every", "Deadline", "At most of a core", "At once on", "On by default"),
        (
            (
                f"[{probe.name}](#{probe.name})",
                f"{probe.interval:g} s",
                f"{probe.deadline:g} s",
                f"{probe.share * 100:g} %",
                ", ".join(map(code, sorted(probe.events))),
                "yes" if probe.enabled else "no",
            )
            for probe in probes
        ),
    )


def section(probe: Probe) -> str:
    """What one probe reads and what to do when it cannot. The heading is its own anchor."""
    return f"## {code(probe.name)}\n\n- Reads: {probe.reads}\n- When it cannot: {probe.advice}\n"


def probes_page(probes: Iterable[Probe]) -> str:
    """`docs/probes.md`."""
    entries = tuple(probes)
    return page(
        "Probes",
        "A probe reads one subject, at its own pace and within its own deadline.\n"
        "One that takes long runs less often, so that it stays within its share of a core.\n"
        "It is run at once, too, when a domain was introduced or released (`domain`),\n"
        "half a second after the last of these (`domain settled`),\n"
        "and when a network link changed (`link`).\n"
        "`xenwatch doctor` says of each whether it can read here, and if not, why.",
        overview(entries),
        *(section(probe) for probe in entries),
    )
