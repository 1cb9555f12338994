"""The page of the hard limits, from `LIMITS`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from xenwatch.generate.markdown import code, page, table
from xenwatch.limits.base import Cost, Limit
from xenwatch.release.regimes import REGIMES


def percent(ratio: float | None) -> str:
    """A threshold for people: `0.8` is `80 %`, `None` is `never`."""
    return "never" if ratio is None else f"{ratio * 100:g} %"


def overview(limits: Iterable[Limit]) -> str:
    """One row a limit."""
    return table(
        ("Limit", "Name", "One per", "Warning at", "Critical at"),
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
    """What a VM takes of the limit by regime and type; empty if the table has no costs."""
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
    return f"\nCost of one more VM:\n\n{table(('Regime', 'Type', *parts), rows)}"


def _types_by_cost(by_type: Mapping[str, Cost]) -> Mapping[Cost, list[str]]:
    found: dict[Cost, list[str]] = {}
    for name, cost in by_type.items():
        found.setdefault(cost, []).append(name)
    return found


def section(limit: Limit) -> str:
    """Every fact about one limit. The anchor is its name."""
    facts = {
        "Metrics": f"{code(limit.used_metric)}, {code(limit.max_metric)}",
        "Probe": code(limit.probe),
        "Source": limit.source,
        "Symptom when exhausted": limit.symptom,
        "Caveat": limit.caveat,
        "Reference": limit.reference,
    }
    lines = [f"- {name}: {text}\n" for name, text in facts.items() if text]
    return f'<a id="{limit.name}"></a>\n\n## {limit.title}\n\n{"".join(lines)}{costs(limit)}'


def limits_page(limits: Iterable[Limit]) -> str:
    """`docs/limits.md`."""
    entries = tuple(limits)
    return page(
        "Limits",
        "The finite resources of a dom0 that xenwatch reads.\n"
        "Every VM uses some of each; when one is exhausted, the next VM fails to start "
        "or starts broken.\n"
        "The cost of a VM is listed per domain, vCPU, disk, ring of a disk, network interface "
        "(vif) and queue of a network interface, by the regime of the host; a row without numbers "
        "means no cost.\n"
        "`memory` is the cost per byte of the VM's memory, `dom0_memory` and `tasks` the cost per "
        "byte and task of dom0 that [its shape](configuration.md#shapes) states.\n"
        "The thresholds are defaults; override them in [the configuration](configuration.md).",
        overview(entries),
        table(("Regime", "Hosts"), ((code(name), text) for name, text in REGIMES.items())),
        *(section(limit) for limit in entries),
    )
