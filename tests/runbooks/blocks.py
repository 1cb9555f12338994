"""The commands of the runbooks, and the hosts each is meant for.

A fenced block opened with `sh` is meant for every host of `LAYOUTS`; a word behind it narrows that:
`xapi` or `xl` is the toolstack, any other the name of a layout. `writes` says that it changes
something. What the alert names is a shell variable, set on the first lines of the block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from tests.runbooks.layouts import LAYOUTS, Layout
from tests.shown import RUNBOOKS
from xenwatch.alerts.near_limit import near_limit
from xenwatch.limits import LIMITS
from xenwatch.model.platform import XAPI, XL

SECTIONS: Final = (
    "Meaning",
    "Urgency",
    "Impact",
    "Diagnosis",
    "Mitigation",
    "Verification",
    "Prevention",
)
"""The headings of a runbook, in their order."""
WRITES: Final = "writes"
KINDS: Final = frozenset({XAPI, XL, WRITES, *(layout.name for layout in LAYOUTS)})
"""The words that may stand behind `sh`."""
SETTINGS: Final = re.compile(r"\bsysctl -w\b|>\s*/(?:etc/sysctl\.d|sys)/|--nofile=")
"""What changes a setting of dom0's kernel or of a process."""
CHANGING: Final = re.compile(
    r"\bsysctl (?:-n )?-w\b|>\s*/(?!dev/null)|--nofile=|\bset-property\b"
    r"|\b(?:modprobe|insmod|mount|renice|kill|rm|mv|lvextend|lvremove|fstrim|chmod|tee) "
    r"|\bsystemctl (?:restart|reload|enable|disable|stop|start|edit|reset-failed)\b"
    r"|\bxl (?:create|destroy|shutdown|reboot|migrate|mem-|vcpu-set|\S+-(?:at|de)tach)"
    r"|\bxl sched-\S+ .*-[wc] "
    r"|\bxe(?:-toolstack-restart| (?!\S+-list|\S+-param-(?:get|list)|host-dmesg|\S+-get-))"
    r"|\bxenstore-(?:rm|write|control quota set)|\bnbd-client -d|\blosetup -d|\bchronyc makestep"
    r"|\b(?:ip|bridge) \S+ (?:add|set|del|flush)|\biscsiadm .*--(?:login|logout|rescan)"
    r"|\bmultipathd reinstate"
)
"""What changes the host."""
_FENCE: Final = re.compile(r"(?ms)^```sh((?: [\w.-]+)*)\n(.*?)^```$")
_PLACEHOLDERS: Final = re.compile(r"\A(?:[a-z_]+=[^\s$()]+\n)+")
_METRICS: Final = {near_limit(limit).title: f"xenwatch_{limit.name}_used" for limit in LIMITS}


@dataclass(frozen=True, slots=True)
class Block:
    """Commands of a runbook that are pasted at once.

    `before` is the paragraph before it, which may say that no output is good news.
    """

    runbook: str
    words: tuple[str, ...]
    text: str
    before: str = ""

    @property
    def writes(self) -> bool:
        """Whether it changes something."""
        return WRITES in self.words

    @property
    def may_be_silent(self) -> bool:
        """Whether the text says that nothing printed is an answer."""
        return "nothing" in self.before.lower()

    def is_for(self, layout: Layout) -> bool:
        """Whether its words admit that host."""
        names = set(self.words) - {WRITES}
        if layout.special:
            return layout.name in names
        return not names or not names.isdisjoint({layout.toolstack, layout.name})

    def filled(self, values: Mapping[str, str]) -> str:
        """The commands with what an alert of that host would name in place of the examples.

        Raises `KeyError` for a name that no alert has.
        """
        match = _PLACEHOLDERS.match(self.text)
        if match is None:
            return self.text
        names = [line.partition("=")[0] for line in match[0].splitlines()]
        return "".join(f"{name}={values[name]}\n" for name in names) + self.text[match.end() :]


def read(name: str, text: str) -> list[Block]:
    """The blocks of a runbook."""
    found: list[Block] = []
    end = 0
    for match in _FENCE.finditer(text):
        before = text[end : match.start()].strip().rpartition("\n\n")[2]
        found.append(Block(name, tuple(match[1].split()), match[2], before))
        end = match.end()
    return found


@cache
def blocks() -> tuple[Block, ...]:
    """Those of every runbook."""
    return tuple(block for path in RUNBOOKS for block in read(path.stem, path.read_text()))


def chosen(layout: Layout, metrics: str, *, writes: bool) -> Iterator[Block]:
    """Blocks for a host, once each, without runbooks of limits that it does not have.

    `metrics` is what the host exports. A limit that no host of `LAYOUTS` has is looked up on each.
    """
    seen = set()
    for block in blocks():
        metric = _METRICS.get(block.runbook)
        if metric is not None and f"\n{metric}" not in metrics and metric not in UNSEEN:
            continue
        if block.writes == writes and block.is_for(layout) and block.text not in seen:
            seen.add(block.text)
            yield block


UNSEEN: Final = frozenset(
    f"xenwatch_{name}_used"
    for name in (
        "driver_domain_event_channels",
        "maptrack_frames",
        "nbd_devices",
        "thin_pool_data",
        "thin_pool_metadata",
        "volume_group",
        "xenstore_memory",
        "xenstore_transactions",
        "xenstore_watches",
    )
)
"""Limits whose probe is disabled by default, or whose resource the layouts do not have."""


def mitigations(layout: Layout) -> list[str]:
    """What changes settings of the kernel or of a process on a host."""
    return list(
        dict.fromkeys(
            block.text
            for block in blocks()
            if block.writes and block.is_for(layout) and SETTINGS.search(block.text)
        )
    )
