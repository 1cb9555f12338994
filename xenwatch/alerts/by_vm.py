"""Conditions on domains, by the VM they are of: a VM that reboots is another domain.

An alert about a VM goes on with its UUID: a reboot neither resolves it nor makes it fire anew. Of a
VM with two domains, as in a migration within the host, the worse counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.alerts.bounds import DEFAULTS, Bounds
from xenwatch.alerts.conditions import (
    EVERY,
    TARGET,
    Condition,
    Evidence,
    Found,
    Labels,
)
from xenwatch.alerts.details import INFO
from xenwatch.exposition.text_format import Family
from xenwatch.values import dataclass

VM: Final = ("name", "uuid")
"""The labels of an alert about a VM."""
DOMID: Final = "domid"


@dataclass(frozen=True, slots=True)
class ByVm:
    """A condition whose series have the label `domid`: active by VM and their other labels.

    `dropped` are labels that a VM does not keep over a reboot.
    """

    condition: Condition
    dropped: tuple[str, ...] = (DOMID,)

    @property
    def metric(self) -> str:
        """The metric that is compared."""
        return self.condition.metric

    @property
    def lower_is_worse(self) -> bool:
        """Whether values below the threshold are the bad ones."""
        return self.condition.lower_is_worse

    def promql(self, bounds: Bounds = DEFAULTS) -> str:
        """The condition as an expression for Prometheus, with these bounds in it."""
        inner = self.condition.promql(bounds).replace("\n", "\n    ")
        return (
            f"max without ({', '.join(self.dropped)}) (\n  (\n    {inner}\n  )\n"
            f"  * on ({TARGET}, {DOMID}) group_left ({', '.join(VM)})\n  {INFO}\n)"
        )

    def evaluate(self, evidence: Evidence) -> Found:
        """Which VMs are active; where the domains were not read, none is known."""
        found = self.condition.evaluate(evidence)
        if not found.active and not found.unknown:
            return found
        vms = _vms(evidence.family(INFO))
        if not vms or EVERY in found.unknown:
            return Found({}, frozenset({EVERY}))
        active: dict[Labels, float] = {}
        for labels, value in found.active.items():
            for of_vm in self._of_vm(labels, vms):
                active[of_vm] = max(value, active.get(of_vm, value))
        unknown = (of_vm for labels in found.unknown for of_vm in self._of_vm(labels, vms))
        return Found(active, frozenset(unknown) - active.keys())

    def applies(self, evidence: Evidence) -> bool:
        """Whether there is anything to compare, and something to compare it with."""
        return self.condition.applies(evidence)

    def _of_vm(self, labels: Labels, vms: Mapping[str, Labels]) -> tuple[Labels, ...]:
        """The labels of the alert; none for a domain that is gone."""
        vm = vms.get(dict(labels)[DOMID])
        if vm is None:
            return ()
        kept = {name: text for name, text in labels if name not in self.dropped}
        return (tuple(sorted({**kept, **dict(vm)}.items())),)


def _vms(family: Family | None) -> Mapping[str, Labels]:
    """Name and UUID by domid, as labels."""
    if family is None:
        return {}
    rows = (dict(zip(family.labels, values, strict=True)) for values, _ in family.samples)
    return {row[DOMID]: tuple((name, row[name]) for name in VM) for row in rows}
