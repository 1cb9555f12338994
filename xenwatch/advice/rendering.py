"""Advice for people, for programs, and as a script of the shell."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from xenwatch.advice.qemu_wakeups import Advice, Remedy
from xenwatch.display.text import printable
from xenwatch.exposition.text_format import text
from xenwatch.parse.qemu import CDROM
from xenwatch.release.table import XAPI

ONCE: Final = "Read once: ranked by all wakeups of each QEMU, and not by how many there are now."
RESTART: Final = "Each setting takes effect when its VM is next shut down and started."

_HEAD: Final = """\
#!/bin/sh
# Switches off emulated devices that wake dom0, VM by VM.
# It changes settings and restarts nothing: each takes effect when its VM is next shut down and
# started. Running it again changes nothing. Leave out lines whose cost you do not want to pay.
# What fails is said on stderr and makes the exit status 1; the rest is done all the same.
set -u
"""
_XAPI_FUNCTIONS: Final = """
status=0

# WORD...: say what failed, and go on.
failed() {
    echo "$*" >&2
    status=1
}

# VM KEY VALUE: have the VM's platform setting KEY be VALUE.
platform() {
    # A setting that the VM does not have yet is an error of xe's.
    now=$(xe vm-param-get uuid="$1" param-name=platform param-key="$2" 2>/dev/null || true)
    if [ "$now" = "$3" ]; then
        echo "$1: platform:$2 is $3 already"
    elif xe vm-param-set uuid="$1" "platform:$2=$3"; then
        echo "$1: platform:$2=$3 from its next start"
    else
        failed "$1: platform:$2 is not changed"
    fi
}

# VM: remove its empty DVD drives, which is possible while it is halted.
without_dvd() {
    if ! state=$(xe vm-param-get uuid="$1" param-name=power-state); then
        failed "$1: DVD drives left: whether the VM is halted cannot be told"
    elif [ "$state" != halted ]; then
        echo "$1: DVD drives left: run this again while the VM is halted"
    elif ! drives=$(xe vbd-list vm-uuid="$1" type=CD empty=true params=uuid --minimal); then
        failed "$1: DVD drives left: they cannot be listed"
    elif [ -z "$drives" ]; then
        echo "$1: no empty DVD drive; one with an ISO in it stays"
    else
        for drive in $(echo "$drives" | tr , ' '); do
            if xe vbd-destroy uuid="$drive"; then
                echo "$1: DVD drive $drive removed"
            else
                failed "$1: DVD drive $drive is not removed"
            fi
        done
    fi
}
"""
_XAPI_END: Final = """
# The exit status: 1 when anything failed.
[ "$status" = 0 ]
"""


def table(advice: Sequence[Advice], toolstack: str) -> str:
    """A block a VM: how often its QEMU wakes, what to switch off, how, and what that costs."""
    lines = [ONCE, ""] if any(it.rate is None for it in advice) else []
    for it in advice:
        lines.append(f"{_name(it)} (domain {it.domid}): {_frequency(it)}")
        if it.kept:
            lines.append(f"  {it.kept}.")
        if not it.remedies:
            lines.append("  Nothing to switch off.")
        for remedy in it.remedies:
            lines += [f"  {remedy.device}: {command(toolstack, remedy, it.uuid)}"]
            lines += [f"    {remedy.cost}"]
    lines += ["", RESTART] if advice else ["No VM has a QEMU here."]
    return "\n".join(lines) + "\n"


def document(advice: Iterable[Advice], toolstack: str) -> str:
    """The advice as JSON: `toolstack`, and `vms`, an array in order of rank.

    Of each: `domid`, `uuid`, `name` (as the metrics' labels have it, or null), `wakeups_per_second`
    (null when read once), `wakeups`, `note`, and `remedies`, an array of `device`, `cost`,
    `command`.
    """
    vms = [
        {
            "domid": it.domid,
            "uuid": it.uuid,
            "name": None if it.name is None else text(it.name),
            "wakeups_per_second": it.rate,
            "wakeups": it.wakeups,
            "note": it.kept,
            "remedies": [
                {
                    "device": remedy.device,
                    "cost": remedy.cost,
                    "command": command(toolstack, remedy, it.uuid),
                }
                for remedy in it.remedies
            ],
        }
        for it in advice
    ]
    return json.dumps({"toolstack": toolstack, "vms": vms}, indent=2) + "\n"


def script(advice: Iterable[Advice], toolstack: str) -> str:
    """All of it as a script for sh. Names stand in comments alone, without control characters."""
    lines = [_HEAD]
    if toolstack == XAPI:
        lines.append(_XAPI_FUNCTIONS)
    else:
        lines.append("\n# xl keeps no settings: change the files the VMs are created from.\n")
    for it in advice:
        if it.remedies:
            lines.append(f"\n# {_name(it)}, domain {it.domid}: {_frequency(it)}\n")
            lines += _steps(it, toolstack)
    lines.append(_XAPI_END if toolstack == XAPI else ":\n")
    return "".join(lines)


def command(toolstack: str, remedy: Remedy, uuid: str) -> str:
    """What an operator types, or changes in the xl.cfg, to switch a device off."""
    if toolstack != XAPI:
        return f"xl.cfg: {remedy.xl}"
    vm = shlex.quote(f"uuid={uuid}")
    if remedy.setting is not None:
        key, value = remedy.setting
        return f"xe vm-param-set {vm} {shlex.quote(f'platform:{key}={value}')}"
    if remedy.device == CDROM:
        return "xe vbd-destroy uuid=VBD while the VM is halted; VBD is shown by: " + shlex.join(
            ["xe", "vbd-list", f"vm-uuid={uuid}", "type=CD", "empty=true"]
        )
    return "xapi has no setting for it"


def _steps(advice: Advice, toolstack: str) -> Iterator[str]:
    for remedy in advice.remedies:
        yield f"# {remedy.device}: {remedy.cost}\n"
        if toolstack != XAPI or not advice.uuid:
            yield f"#   {command(toolstack, remedy, advice.uuid)}\n"
        elif remedy.setting is not None:
            yield shlex.join(["platform", advice.uuid, *remedy.setting]) + "\n"
        elif remedy.device == CDROM:
            yield shlex.join(["without_dvd", advice.uuid]) + "\n"


def _name(advice: Advice) -> str:
    """The VM's name in quotes, on one line whatever is in it."""
    if advice.name is None:
        return "a VM without a name"
    return f'"{printable(text(advice.name))}"'


def _frequency(advice: Advice) -> str:
    if advice.rate is None:
        return f"{advice.wakeups} wakeups"
    return f"{advice.rate:.1f} wakeups a second"
