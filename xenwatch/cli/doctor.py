"""`xenwatch doctor`: runs every probe once and reports which failed, why, and what to do."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Final

from xenwatch import metrics
from xenwatch.assessment import assess_pass
from xenwatch.cli.configured import rules
from xenwatch.cli.exit_status import FINDING, OK, UNKNOWN, USAGE
from xenwatch.cli.faults import Faults
from xenwatch.cli.output import headed, write
from xenwatch.cli.passes import prepare_passes
from xenwatch.config.common_keys import SOURCE
from xenwatch.display.text import counted, printable
from xenwatch.fence import OPEN, Fence, Part
from xenwatch.probes.base import Probe, next_step
from xenwatch.readings.devices import DISK_CLASSES, NETWORK_CLASSES
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.sources.base import Source
from xenwatch.sources.remote import RemoteSource
from xenwatch.status import driver_domains
from xenwatch.status.driver_domains import in_brackets
from xenwatch.status.notices import NO_XEN, notices
from xenwatch.status.reboot import reboot_lines
from xenwatch.status.shipped import shipped

EXITS: Final = {
    OK: "no probe failed",
    FINDING: "a probe failed, a bug in xenwatch was met, or no Xen here",
    USAGE: "bad usage, or configuration rejected",
    UNKNOWN: "stdout cannot be written",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="default: %(default)s"
    )


def run(options: argparse.Namespace) -> int:
    """Exit status `FINDING` where a probe or what is made of it failed, or there is no Xen."""
    settings, passes = prepare_passes(options)
    probes = settings.probes()
    snapshot = passes.take(probes).snapshot
    faults = Faults()
    metrics.families(assess_pass(snapshot, rules(settings), fence=faults.fence))
    if options.format == "json":
        text = document(snapshot, probes, faults.fence)
    else:
        said = report(snapshot, probes, faults.fence).rstrip("\n")
        text = "\n".join([said, *read_by(passes.source)]) + "\n"
    written = write(text)
    faults.say()
    if not written:
        return UNKNOWN
    failed = any(outcome.status is Status.FAILED for outcome in snapshot.outcomes.values())
    return FINDING if failed or faults.found or NO_XEN in notices(snapshot) else OK


def read_by(source: Source | None) -> Iterator[str]:
    """Where a reader was asked: what it serves, and what it has refused to answer."""
    if not isinstance(source, RemoteSource):
        return
    served = printable(source.origin.name)
    yield f"Read by xenwatch reader, which {f'serves {served}' if served else 'does not answer'}"
    if source.refused:
        named = ", ".join(map(printable, source.refused))
        yield f"The reader refused {counted(len(source.refused), 'question')}: {named}"


def report(snapshot: Snapshot, probes: Iterable[Probe], fence: Fence = OPEN) -> str:
    """The findings of one pass as text for people."""
    lines: list[str] = []
    for probe in probes:
        lines += _probe(probe, snapshot)
    return headed(notices(snapshot), "\n".join([*lines, "", *_summary(snapshot, fence)]) + "\n")


def document(snapshot: Snapshot, probes: Iterable[Probe], fence: Fence = OPEN) -> str:
    """The findings of one pass as JSON: `time`, `source`, `notices`, `probes` and `summary`.

    Of each probe by name: `status`, `reads`, `why`, and `do`, the next step; the last two may be
    empty. `summary` are the sentences that end the text.
    """
    found = {
        "time": snapshot.time,
        "source": dataclasses.asdict(snapshot.origin),
        "notices": notices(snapshot),
        "probes": {
            probe.name: {
                "status": outcome.status.value,
                "reads": probe.reads,
                "why": outcome.detail,
                "do": next_step(probe, outcome, snapshot.origin),
            }
            for probe in probes
            for outcome in (snapshot.outcomes[probe.name],)
        },
        "summary": list(_summary(snapshot, fence)),
    }
    return json.dumps(found, indent=2) + "\n"


def _probe(probe: Probe, snapshot: Snapshot) -> Iterator[str]:
    outcome = snapshot.outcomes[probe.name]
    yield f"{probe.name}: {outcome.status.value}"
    yield f"  reads: {probe.reads}"
    if outcome.detail:
        yield f"  why: {printable(outcome.detail)}"
    do = next_step(probe, outcome, snapshot.origin)
    if do:
        yield f"  do: {do}"


def _summary(snapshot: Snapshot, fence: Fence) -> Iterator[str]:
    statuses = [outcome.status for outcome in snapshot.outcomes.values()]
    counts = ", ".join(f"{statuses.count(status)} {status.value}" for status in Status)
    yield f"{len(statuses)} probes: {counts}"
    for name, find in FINDINGS.items():
        yield from fence(Part.FINDING, name, partial(_sentences, find, snapshot), ())


def _sentences(find: Callable[[Snapshot], Iterator[str]], snapshot: Snapshot) -> tuple[str, ...]:
    return tuple(find(snapshot))


def _reboot(snapshot: Snapshot) -> Iterator[str]:
    return (f"Reboot pending: {line}" for line in reboot_lines(snapshot) or ())


def _place(snapshot: Snapshot) -> Iterator[str]:
    """What this is if no dom0, and the driver domains of a dom0."""
    served = snapshot.served_devices(DISK_CLASSES | NETWORK_CLASSES)
    if snapshot.host is not None and not snapshot.host.is_dom0 and snapshot.backends is not None:
        own = ", ".join(f"domain {domid}" for domid in served) or "no device yet"
        yield (
            f"This is a driver domain ({own}): its backends and event channels are read. "
            "Readings that need the privileges of dom0 are not available."
        )
    elif snapshot.host is not None and not snapshot.host.is_dom0:
        yield (
            "This is not a Xen dom0: readings that need Xen are not available. "
            f"To try xenwatch on a synthetic host, add {SOURCE.flag} synthetic."
        )
    else:
        yield from _driver_domains(snapshot, served)


FINDINGS: Final[Mapping[str, Callable[[Snapshot], Iterator[str]]]] = {
    "reboot_pending": _reboot,
    "driver_domains": _place,
    "shipped": shipped,
}
"""What else there is to say of a host, each as sentences."""


def _driver_domains(snapshot: Snapshot, served: Mapping[int, int]) -> Iterator[str]:
    """The domains but dom0 that serve devices, a line each."""
    names = driver_domains.names(snapshot)
    for domid, count in sorted(served.items()):
        if domid:
            name = printable(in_brackets(names.get(domid, "")))
            yield f"{counted(count, 'device')} of VMs served by domain {domid}{name}, not by dom0"
