"""The page of the hard limits, from `LIMITS`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from xenwatch.generate.markdown import code, page, table
from xenwatch.limits.base import Cost, Limit
from xenwatch.limits.regimes import REGIMES


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
    """What a VM takes of the limit by regime and type; empty where the table does not say."""
    every = {cost for by_type in limit.costs.values() for cost in by_type.values()}
    names = [field.name for field in dataclasses.fields(Cost)]
    parts = [name for name in names if any(getattr(cost, name) for cost in every)]
    rows = [
        (regime, ", ".join(types), *(getattr(cost, part) or "" for part in parts))
        for regime, by_type in limit.costs.items()
        for cost, types in _types_by_cost(by_type).items()
    ]
    if not rows:
        return ""
    return f"\nWhat one more VM takes:\n\n{table(('Regime', 'Type', *parts), rows)}"


def _types_by_cost(by_type: Mapping[str, Cost]) -> Mapping[Cost, list[str]]:
    found: dict[Cost, list[str]] = {}
    for name, cost in by_type.items():
        found.setdefault(cost, []).append(name)
    return found


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
        "network interface (vif) and queue of one, by the regime of the host; a row without a "
        "number takes none.\n"
        "`memory` is for each byte of the VM's memory, `dom0_memory` and `tasks` for each that "
        "[its shape](configuration.md#shapes) says it takes of dom0's.\n"
        "The thresholds are the defaults; [the configuration](configuration.md) changes them.",
        overview(entries),
        table(("Regime", "Hosts"), ((code(name), text) for name, text in REGIMES.items())),
        *(section(limit) for limit in entries),
    )
