"""What the text of an alert says besides its own labels: who uses a limit, where a disk is.

The daemon finds it in its metrics, Prometheus by queries in the annotation. Each query is about one
host, and what it finds is bounded: an alert must not grow with the number of VMs.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from xenwatch.alerts.conditions import Families, Selector
from xenwatch.readings.devices import DISK_CLASSES
from xenwatch.values import dataclass

MOST: Final = 3
"""VMs, or storages, that are named."""
MIB: Final = 1 << 20
HEADROOM: Final = "xenwatch_vm_headroom"
INFO: Final = "xenwatch_domain_info"
DISKS: Final = "xenwatch_disk_info"
SOURCE: Final = "xenwatch_source_info"
DOM0: Final = "0"
UNKNOWN: Final = "not known"
Target = Sequence[str]
"""The labels that name a host in Prometheus."""


class Vms:
    """The VMs of a page, looked up once for all alerts: a thousand may ask."""

    def __init__(self, families: Families) -> None:
        self.families = families

    @functools.cached_property
    def by_domid(self) -> Mapping[str, Mapping[str, str]]:
        """The labels of the domains."""
        infos = map(dict, Selector(INFO).find(self.families))
        return {info["domid"]: info for info in infos}

    @functools.cached_property
    def domids(self) -> Mapping[str, str]:
        """The domid by UUID, of several the first."""
        found = sorted(self.by_domid.values(), key=lambda info: info["domid"], reverse=True)
        return {info["uuid"]: info["domid"] for info in found}

    @functools.cached_property
    def storages(self) -> Mapping[str, Sequence[str]]:
        """The storages of disks by domid, by name."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for disk in map(dict, Selector(DISKS).find(self.families)):
            found[disk["domid"]].add(disk["storage"])
        return {domid: sorted(storages) for domid, storages in found.items()}


class Detail(Protocol):
    """A sentence of an alert's description."""

    def sentence(self, vms: Vms, labels: Mapping[str, str]) -> str:
        """It for an alert with these labels, from the metrics of a page; empty: nothing to say."""

    def template(self, target: Target) -> str:
        """It as a template of Prometheus's rules, with a space after it where it says anything."""


@dataclass(frozen=True, slots=True)
class Use:
    """The metric of what each domain uses, written in units of `scale`."""

    metric: str
    scale: int = 1
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Users:
    """Which VMs use most of a limit: `uses` by the name of the limit, which an alert has as label.

    Of a limit that is not there it is not known by VM, and nothing is said.
    """

    uses: Mapping[str, Use]

    def sentence(self, vms: Vms, labels: Mapping[str, str]) -> str:
        """The VMs that use most, the largest first."""
        use = self.uses.get(labels["limit"])
        return _users(use, vms) if use else ""

    def template(self, target: Target) -> str:
        """The same by queries; which of several limits it is, the label says."""
        texts = {name: _users_template(use, target) for name, use in self.uses.items()}
        if len(texts) == 1:
            return next(iter(texts.values()))
        return "".join(
            f'{{{{ if eq $labels.limit "{name}" }}}}{text}{{{{ end }}}}'
            for name, text in texts.items()
        )


@dataclass(frozen=True, slots=True)
class Room:
    """How many more VMs fit, by shape."""

    def sentence(self, vms: Vms, _labels: Mapping[str, str]) -> str:
        """The number of each shape, by its name."""
        found = sorted(
            (dict(labels)["shape"], value)
            for labels, value in Selector(HEADROOM).find(vms.families).items()
        )
        return (
            f"More VMs that fit: {_listed(f'{left:.0f} of shape {name}' for name, left in found)}."
        )

    def template(self, target: Target) -> str:
        """The same by a query."""
        query = _query(f"{HEADROOM}{{{_here(target)}}}", *_values(target))
        one = '{{ printf "%.0f" $one.Value }} of shape {{ $one.Labels.shape }}'
        return f"More VMs that fit: {_list(query, one, 'shape', most=None)}. "


@dataclass(frozen=True, slots=True)
class Storage:
    """Which storage the disks of a VM are on; of an alert about a class of devices, of disks alone.

    The name of a storage repository is known to xapi alone: it is the UUID that dom0 shows.
    """

    by_class: bool = False

    def sentence(self, vms: Vms, labels: Mapping[str, str]) -> str:
        """The storages of the VM's disks, by name."""
        if self.by_class and labels["class"] not in DISK_CLASSES:
            return ""
        storages = vms.storages.get(vms.domids.get(labels["uuid"], ""), ())
        return f"Storage of its disks: {_listed(name or UNKNOWN for name in storages[:MOST])}."

    def template(self, target: Target) -> str:
        """The same by a query for the VM's domid, and one for that domain's disks."""
        here = _here(target)
        vm = _query(f"{INFO}{{uuid=%q,{here}}}", "$labels.uuid", *_values(target))
        domid = '(. | first | label "domid")'
        disks = _query(f"count by (storage) ({DISKS}{{domid=%q,{here}}})", domid, *_values(target))
        one = f"{{{{ or $one.Labels.storage `{UNKNOWN}` }}}}"
        found = (
            f'Storage of its disks: {{{{ with {vm} | sortByLabel "domid" }}}}'
            f"{_list(disks, one, 'storage')}{{{{ else }}}}{UNKNOWN}{{{{ end }}}}. "
        )
        if not self.by_class:
            return found
        classes = "|".join(sorted(DISK_CLASSES))
        return f'{{{{ if match "^({classes})$" $labels.class }}}}{found}{{{{ end }}}}'


@dataclass(frozen=True, slots=True)
class DriverDomain:
    """Which VM the driver domain is that an alert has as label `backend_domid`; dom0 is none."""

    def sentence(self, vms: Vms, labels: Mapping[str, str]) -> str:
        """Its name and UUID."""
        domid = labels["backend_domid"]
        if domid == DOM0:
            return ""
        info = vms.by_domid.get(domid)
        return f"Domain {domid} is VM {vm_of(info) if info else UNKNOWN}."

    def template(self, target: Target) -> str:
        """The same by a query."""
        query = _query(
            f"{INFO}{{domid=%q,{_here(target)}}}", "$labels.backend_domid", *_values(target)
        )
        return (
            f'{{{{ if ne $labels.backend_domid "{DOM0}" }}}}Domain {{{{ $labels.backend_domid }}}}'
            f" is VM {_list(query, VM_OF_ONE, 'uuid')}. {{{{ end }}}}"
        )


def mark(target: Target, end: str) -> str:
    """A template that begins a summary: the mark of a host that is not live, and `end`.

    Of a live host it is empty, and of one that no longer serves metrics.
    """
    query = _query(f'{SOURCE}{{mark!="",{_here(target)}}}', *_values(target))
    return f'{{{{ with {query} }}}}{{{{ . | first | label "mark" }}}}{end}{{{{ end }}}}'


def vm_of(labels: Mapping[str, str]) -> str:
    """How a VM is called: as `called`, or else by its domid."""
    found = called(labels.get("name", ""), labels.get("uuid", ""))
    return found or f"of domain {labels['domid']}"


def called(name: str, uuid: str) -> str:
    """How a VM is called: name in quotes and UUID, or else the UUID alone, which may be empty."""
    return f"'{name}' ({uuid})" if name else uuid


VM_OF_ONE: Final = (
    "{{ if $one.Labels.name }}'{{ $one.Labels.name }}' ({{ $one.Labels.uuid }}){{ else if"
    " $one.Labels.uuid }}{{ $one.Labels.uuid }}{{ else }}of domain {{ $one.Labels.domid }}{{ end }}"
)


def _users(use: Use, vms: Vms) -> str:
    used: defaultdict[str, float] = defaultdict(float)
    for labels, value in Selector(use.metric, never={"domid": (DOM0,)}).find(vms.families).items():
        used[dict(labels)["domid"]] += value
    most = sorted((domid for domid in used if used[domid] > 0), key=lambda each: -used[each])[:MOST]
    texts = (
        f"{vm_of(vms.by_domid.get(domid, {'domid': domid}))} "
        f"{used[domid] / use.scale:.0f}{use.unit}"
        for domid in most
    )
    return f"Most is used by VMs {_listed(texts)}."


def _users_template(use: Use, target: Target) -> str:
    here, scale = _here(target), f" / {use.scale}" if use.scale != 1 else ""
    used = f'(sum by (domid) ({use.metric}{{domid!="{DOM0}",{here}}}){scale} > 0)'
    query = _query(
        f"sort_desc(topk({MOST}, {used} * on (domid) group_left (name, uuid) {INFO}{{{here}}}"
        f" or on (domid) {used}))",
        *(_values(target) * 3),
    )
    one = f'{VM_OF_ONE} {{{{ printf "%.0f" $one.Value }}}}{use.unit}'
    return f"Most is used by VMs {_list(query, one)}. "


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(texts) or UNKNOWN


def _here(target: Target) -> str:
    return ",".join(f"{name}=%q" for name in target)


def _values(target: Target) -> tuple[str, ...]:
    return tuple(f"$labels.{name}" for name in target)


def _query(text: str, *values: str) -> str:
    return f"printf `{text}` {' '.join(values)} | query"


def _list(query: str, one: str, label: str = "", most: int | None = MOST) -> str:
    """What a query finds, as a list with commas, in the order of a label, or as it is found."""
    found = f'{query} | sortByLabel "{label}"' if label else query
    text = f"{{{{ if $i }}}}, {{{{ end }}}}{one}"
    if most is not None:
        text = f"{{{{ if lt $i {most} }}}}{text}{{{{ end }}}}"
    return (
        f"{{{{ with {found} }}}}{{{{ range $i, $one := . }}}}{text}{{{{ end }}}}"
        f"{{{{ else }}}}{UNKNOWN}{{{{ end }}}}"
    )
