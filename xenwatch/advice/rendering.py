"""Advice as text, as JSON and as a shell script."""

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

ONCE: Final = "Single reading: ranked by total wakeups of each QEMU, not by rate."
NEW: Final = "A VM without a rate has a QEMU that started between the two readings; it comes last."
SHOWN: Final = 10
"""VMs of the table: those that wake up most."""
RESTART: Final = "Each setting takes effect when its VM is next shut down and started."

_HEAD: Final = """\
#!/bin/sh
# Disables emulated devices that cause QEMU wakeups, VM by VM.
# It changes settings and restarts nothing: each takes effect when its VM is next shut down and
# started. Running it again changes nothing. Delete the lines whose consequence is not acceptable.
# Failures are printed on stderr and make the exit status 1; the remaining steps still run.
set -u
"""
_XAPI_FUNCTIONS: Final = """
status=0

# WORD...: print what failed, and continue.
failed() {
    echo "$*" >&2
    status=1
}

# VM KEY VALUE: set the VM's platform setting KEY to VALUE.
platform() {
    # xe fails for a setting that the VM does not have yet.
    now=$(xe vm-param-get uuid="$1" param-name=platform param-key="$2" 2>/dev/null || true)
    if [ "$now" = "$3" ]; then
        echo "$1: platform:$2 is already $3"
    elif xe vm-param-set uuid="$1" "platform:$2=$3"; then
        echo "$1: platform:$2=$3 from its next start"
    else
        failed "$1: setting platform:$2 failed"
    fi
}

# VM: remove its empty DVD drives; only possible while it is halted.
without_dvd() {
    if ! state=$(xe vm-param-get uuid="$1" param-name=power-state); then
        failed "$1: DVD drives not removed: reading the power state failed"
    elif [ "$state" != halted ]; then
        echo "$1: DVD drives not removed: run this again while the VM is halted"
    elif ! drives=$(xe vbd-list vm-uuid="$1" type=CD empty=true params=uuid --minimal); then
        failed "$1: DVD drives not removed: listing them failed"
    elif [ -z "$drives" ]; then
        echo "$1: no empty DVD drive; a drive with an ISO in it is kept"
    else
        for drive in $(echo "$drives" | tr , ' '); do
            if xe vbd-destroy uuid="$drive"; then
                echo "$1: DVD drive $drive removed"
            else
                failed "$1: removing DVD drive $drive failed"
            fi
        done
    fi
}
"""
_XAPI_END: Final = """
# The exit status: 1 when anything failed.
[ "$status" = 0 ]
"""


def table(advice: Sequence[Advice], toolstack: str, notices: Sequence[str] = ()) -> str:
    """A block for each of the `SHOWN` VMs that come first, and what VMs lose by each remedy."""
    lines = [*notices, ""] if notices else []
    unrated = sum(vm.rate is None for vm in advice)
    if unrated:
        lines += [ONCE if unrated == len(advice) else NEW, ""]
    costs: dict[str, str] = {}
    for vm in advice[:SHOWN]:
        lines.append(f"{_name(vm)} (domain {vm.domid}): {_frequency(vm)}")
        if vm.kept:
            lines.append(f"  {vm.kept}.")
        if not vm.remedies:
            lines.append("  Nothing to disable.")
        for remedy in vm.remedies:
            lines.append(f"  {remedy.device}: {command(toolstack, remedy, vm.uuid)}")
            costs[remedy.device] = remedy.cost
    if len(advice) > SHOWN:
        lines.append(f"{len(advice) - SHOWN} more VMs not shown; for all: --format json")
    if costs:
        lines += ["", "What the VM loses:", *(f"  {it}: {cost}" for it, cost in costs.items())]
    lines += ["", RESTART] if advice else ["No VM on this host has a QEMU."]
    return "\n".join(lines) + "\n"


def document(advice: Iterable[Advice], toolstack: str, notices: Sequence[str] = ()) -> str:
    """The advice as JSON: `notices`, `toolstack`, and `vms`, an array in order of rank.

    Of each: `domid`, `uuid`, `name` (as in the metrics' labels, or null), `wakeups_per_second`
    (null after a single reading), `wakeups`, `note`, and `remedies`, an array of `device`, `cost`,
    `command`.
    """
    vms = [
        {
            "domid": vm.domid,
            "uuid": vm.uuid,
            "name": None if vm.name is None else text(vm.name),
            "wakeups_per_second": vm.rate,
            "wakeups": vm.wakeups,
            "note": vm.kept,
            "remedies": [
                {
                    "device": remedy.device,
                    "cost": remedy.cost,
                    "command": command(toolstack, remedy, vm.uuid),
                }
                for remedy in vm.remedies
            ],
        }
        for vm in advice
    ]
    found = {"notices": list(notices), "toolstack": toolstack, "vms": vms}
    return json.dumps(found, indent=2) + "\n"


def script(advice: Iterable[Advice], toolstack: str, notices: Sequence[str] = ()) -> str:
    """The advice as a script for sh. VM names appear in comments only, and escaped."""
    lines = [_HEAD, *(f"# {printable(notice)}\n" for notice in notices)]
    if toolstack == XAPI:
        lines.append(_XAPI_FUNCTIONS)
    else:
        lines.append("\n# xl stores no settings: edit the xl.cfg files of the VMs.\n")
    for vm in advice:
        if vm.remedies:
            lines.append(f"\n# {_name(vm)}, domain {vm.domid}: {_frequency(vm)}\n")
            lines += _steps(vm, toolstack)
    lines.append(_XAPI_END if toolstack == XAPI else ":\n")
    return "".join(lines)


def command(toolstack: str, remedy: Remedy, uuid: str) -> str:
    """The command, or the change to xl.cfg, that disables a device."""
    if toolstack != XAPI:
        return f"xl.cfg: {remedy.xl}"
    vm = shlex.quote(f"uuid={uuid}")
    if remedy.setting is not None:
        key, value = remedy.setting
        return f"xe vm-param-set {vm} {shlex.quote(f'platform:{key}={value}')}"
    if remedy.device == CDROM:
        return "xe vbd-destroy uuid=VBD while the VM is halted; to find VBD: " + shlex.join(
            ["xe", "vbd-list", f"vm-uuid={uuid}", "type=CD", "empty=true"]
        )
    return "xapi has no setting for this device"


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
    """The VM's name in quotes, on one line, control characters escaped."""
    if advice.name is None:
        return "unnamed VM"
    return f"'{printable(text(advice.name))}'"


def _frequency(advice: Advice) -> str:
    if advice.rate is None:
        return f"{advice.wakeups} wakeups"
    return f"{advice.rate:.1f} wakeups per second"
