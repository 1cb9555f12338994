"""The page of the probes, from `PROBES`."""

from __future__ import annotations

from collections.abc import Iterable

from xenwatch.generate.markdown import code, page, table
from xenwatch.probes.base import Probe


def overview(probes: Iterable[Probe]) -> str:
    """One row a probe, with its default cadence."""
    return table(
        ("Probe", "Interval", "Deadline", "CPU budget", "Triggered by", "Enabled by default"),
        (
            (
                f"[{probe.name}](#{probe.name})",
                _interval(probe),
                f"{probe.deadline:g} s",
                f"{probe.share * 100:g} %",
                ", ".join(map(code, sorted(probe.events))),
                "yes" if probe.enabled else "no",
            )
            for probe in probes
        ),
    )


def _interval(probe: Probe) -> str:
    """How often it is read, and how often while its events are followed and none comes."""
    text = f"{probe.interval:g} s"
    return f"{text}; {probe.quiet:g} s without events" if probe.quiet else text


def section(probe: Probe) -> str:
    """What one probe reads and what to do if it fails. The heading is its own anchor."""
    needs = "".join(
        f"- Capability: {code(name)}, for {what}\n" for name, what in probe.capabilities.items()
    )
    return (
        f"## {code(probe.name)}\n\n- Reads: {probe.reads}\n{needs}- If it fails: {probe.advice}\n"
    )


def probes_page(probes: Iterable[Probe]) -> str:
    """`docs/probes.md`."""
    entries = tuple(probes)
    return page(
        "Probes",
        "A probe reads one subject, at its own interval. Past its deadline a reading that hangs "
        "has failed; one that makes progress, but slowly, is "
        "[starved](operations.md#starved-probes).\n"
        "An expensive probe runs less often, so that it stays within its CPU budget, a percentage "
        "of one core.\n"
        "Some probes are also triggered by events: a domain is introduced or released (`domain`), "
        "half a second has passed since the last such event (`domain settled`) or since the last "
        "change of a backend in xenstore (`device`), or a network link changes (`link`). The "
        "second and third are repeated five seconds later. What changes only with its events is "
        "read less often while they are followed and after a minute without any.\n"
        "The process that reads the host runs as root; a probe without a capability needs only the "
        "user ID of root. Not measured: hypercalls and xenstore on a real host.\n"
        "`xenwatch doctor` shows whether each probe works on this host and, if not, why.",
        overview(entries),
        *(section(probe) for probe in entries),
    )
