"""Who uses most of a limit, and how many more VMs fit: told with the alerts about limits.

The daemon finds it in its metrics, Prometheus by queries in the annotation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from xenwatch.alerts.by_vm import DOMID, INFO, VM
from xenwatch.alerts.conditions import Families, Selector

MOST: Final = 3
"""VMs that are named."""
HEADROOM: Final = "xenwatch_vm_headroom"
MIB: Final = 1 << 20
_GUESTS: Final = {DOMID: ("0",)}
_NOBODY: Final = "not known"


@dataclass(frozen=True, slots=True)
class Use:
    """The metric of what each domain uses, written in units of `scale`."""

    metric: str
    scale: int = 1
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Who:
    """The uses of limits by name of the limit; `None` where it is not known by domain."""

    uses: Mapping[str, Use | None]

    def sentence(self, families: Families, limit: str) -> str:
        """The text, from the metrics of a page."""
        use = self.uses.get(limit)
        return (_users(use, families) if use else "") + _room(families)

    def template(self) -> str:
        """The text as a template of Prometheus's rules; which limit it is, the label says."""
        known = {name: use for name, use in self.uses.items() if use is not None}
        if len(self.uses) == 1:
            return "".join(map(_users_template, known.values())) + _ROOM
        choices = (
            f'{{{{ if eq $labels.limit "{name}" }}}}{_users_template(use)}{{{{ end }}}}'
            for name, use in known.items()
        )
        return "".join(choices) + _ROOM


def _users(use: Use, families: Families) -> str:
    used: defaultdict[str, float] = defaultdict(float)
    for labels, value in Selector(use.metric, never=_GUESTS).find(families).items():
        used[dict(labels)[DOMID]] += value
    vms = {dict(labels)[DOMID]: dict(labels) for labels in Selector(INFO).find(families)}
    most = sorted((domid for domid in used if domid in vms and used[domid] > 0),
                  key=lambda domid: -used[domid])[:MOST]  # fmt: skip
    name, uuid = VM
    texts = (
        f"{vms[domid][name]} ({vms[domid][uuid]}) {used[domid] / use.scale:.0f}{use.unit}"
        for domid in most
    )
    return f"Most is used by VMs {', '.join(texts) or _NOBODY}. "


def _room(families: Families) -> str:
    found = sorted(
        (dict(labels)["shape"], value)
        for labels, value in Selector(HEADROOM).find(families).items()
    )
    texts = (f"{value:.0f} of shape {shape}" for shape, value in found)
    return f"More VMs that fit: {', '.join(texts) or _NOBODY}."


_HERE: Final = 'job="%s",instance="%s"'
_ROOM: Final = (
    f"More VMs that fit: {{{{ with printf `{HEADROOM}{{{_HERE}}}` $labels.job $labels.instance"
    ' | query | sortByLabel "shape" }}{{ range $i, $one := . }}{{ if $i }}, {{ end }}'
    '{{ printf "%.0f" $one.Value }} of shape {{ $one.Labels.shape }}{{ end }}'
    f"{{{{ else }}}}{_NOBODY}{{{{ end }}}}."
)


def _users_template(use: Use) -> str:
    query = (
        f"sort_desc(topk({MOST}, sum by ({DOMID})"
        f' ({use.metric}{{{DOMID}!="0",{_HERE}}}) / {use.scale}'
        f" * on ({DOMID}) group_left ({', '.join(VM)}) {INFO}{{{_HERE}}} > 0))"
    )
    return (
        f"Most is used by VMs {{{{ with printf `{query}` $labels.job $labels.instance"
        " $labels.job $labels.instance | query }}{{ range $i, $one := . }}{{ if $i }}, {{ end }}"
        '{{ $one.Labels.name }} ({{ $one.Labels.uuid }}) {{ printf "%.0f" $one.Value }}'
        f"{use.unit}{{{{ end }}}}{{{{ else }}}}{_NOBODY}{{{{ end }}}}. "
    )
