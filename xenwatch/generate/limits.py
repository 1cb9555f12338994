"""The page of the hard limits, from `LIMITS`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from xenwatch.generate.markdown import code, page, table
from xenwatch.limits import Cost, Limit


def percent(ratio: float | None) -> str:
    """A threshold for people: `0.8` is `80 %`, `None` is `never`."""
    return "never" if ratio is None else f"{ratio * 100:g} %"


def overview(limits: Iterable[Limit]) -> str:
    """One row a limit."""
    return table(
        ("Limit", "Name", "One for each", "Warning at", "Critical at"),
        (
            (
                f"[{limit.title}](#{limit.name})",
                code(limit.name),
                limit.label or "host",
                percent(limit.thresholds.warning),
                percent(limit.thresholds.critical),
            )
            for limit in limits
        ),
    )


def costs(limit: Limit) -> str:
    """What a VM takes of the limit by toolstack and type; empty where the table does not say."""
    parts = [field.name for field in dataclasses.fields(Cost)]
    rows = [
        (toolstack, kind, *(getattr(cost, part) or "" for part in parts))
        for toolstack, kinds in limit.costs.items()
        for kind, cost in kinds.items()
    ]
    return (
        f"\nWhat one more VM takes:\n\n{table(('Toolstack', 'Type', *parts), rows)}" if rows else ""
    )


def section(limit: Limit) -> str:
    """What there is to know of one limit. The anchor is its name."""
    facts = {
        "Metrics": f"{code(limit.used_metric)}, {code(limit.max_metric)}",
        "Read by": f"the probe {code(limit.probe)}",
        "Source": limit.source,
        "When it is used up": limit.symptom,
        "Mind": limit.caveat,
        "Published in": limit.reference,
    }
    lines = [f"- {name}: {text}\n" for name, text in facts.items() if text]
    return f'<a id="{limit.name}"></a>\n\n## {limit.title}\n\n{"".join(lines)}{costs(limit)}'


def limits_page(limits: Iterable[Limit]) -> str:
    """`docs/limits.md`."""
    entries = tuple(limits)
    return page(
        "Limits",
        "The finite resources of a dom0 that xenwatch reads.\n"
        "Each VM takes a bit of them; when one is used up, the next VM does not start, "
        "or starts broken.\n"
        "A VM's own part is given for the domain itself and for each vCPU, disk, ring of a disk, "
        "network interface (vif) and queue of one.\n"
        "The thresholds are the defaults; [the configuration](configuration.md) changes them.",
        overview(entries),
        *(section(limit) for limit in entries),
    )
