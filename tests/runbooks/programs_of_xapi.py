"""xe: commands, parameters and fields as xapi knows them.

Sources: xen-api, ocaml/xapi-cli-server: cli_frontend.ml (commands), cli_operations.ml
(make_param_funs: the commands of every class), records.ml (fields, and which may be set). Only
what runbooks may use.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.runbooks.host import Host, Options, Program, refuse

_VM: Final = "vm"
_HOST: Final = "host"
_STANDARD: Final = frozenset({"minimal", "force", "multiple", "all"})
"""Parameters that every command takes (stdparams)."""
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Command:
    """A command: parameters it needs, others it takes, the class whose objects it selects."""

    required: str = ""
    optional: str = ""
    selects: str = ""


COMMANDS: Final[Mapping[str, Command]] = {
    "host-disable": Command("", "auto-enable", _HOST),
    "host-enable": Command("", "", _HOST),
    "host-evacuate": Command("", "network-uuid batch-size", _HOST),
    "host-dmesg": Command("", "", _HOST),
    "host-data-source-list": Command("", "", _HOST),
    "host-is-in-emergency-mode": Command(),
    "host-get-vms-which-prevent-evacuation": Command("uuid"),
    "host-emergency-ha-disable": Command("", "soft"),
    "host-refresh-server-certificate": Command("host", "", _HOST),
    "host-emergency-reset-server-certificate": Command(),
    "host-server-certificate-install": Command(
        "certificate private-key", "certificate-chain", _HOST
    ),
    "pool-ha-enable": Command("", "heartbeat-sr-uuids ha-config:"),
    "pool-ha-disable": Command(),
    "pool-certificate-sync": Command(),
    "pool-sync-database": Command(),
    "vm-shutdown": Command("", "", _VM),
    "vm-reboot": Command("", "", _VM),
    "vm-start": Command("", "on paused", _VM),
    "vm-migrate": Command("", "live host host-uuid", _VM),
    "vm-cd-eject": Command("", "", _VM),
    "vm-reset-powerstate": Command("", "", _VM),
    "vm-memory-target-set": Command("target", "", _VM),
    "vm-memory-dynamic-range-set": Command("min max", "", _VM),
    "vdi-pool-migrate": Command("uuid sr-uuid", "dest-img-format"),
    "vdi-destroy": Command("uuid"),
    "snapshot-uninstall": Command("", "uuid snapshot-uuid"),
    "snapshot-destroy": Command("", "uuid snapshot-uuid"),
    "sr-scan": Command("uuid"),
    "pbd-plug": Command("uuid"),
    "pbd-unplug": Command("uuid"),
    "pif-plug": Command("uuid"),
    "pif-unplug": Command("uuid"),
    "vif-plug": Command("uuid"),
    "vif-unplug": Command("uuid"),
    "vif-create": Command("device network-uuid vm-uuid", "mac"),
    "vbd-plug": Command("uuid"),
    "vbd-unplug": Command("uuid", "timeout"),
    "network-create": Command("name-label", "name-description MTU bridge managed"),
    "task-cancel": Command("uuid"),
    "message-create": Command("name priority body", "vm-uuid host-uuid sr-uuid pool-uuid"),
    "message-destroy": Command("", "uuid uuids"),
}


@dataclass(frozen=True, slots=True)
class Class:
    """Fields of objects: read-only ones, those that may be set, maps with their keys."""

    fields: str
    settable: str = ""
    maps: str = ""

    @property
    def names(self) -> frozenset[str]:
        """All of them."""
        return frozenset(f"uuid {self.fields} {self.settable} {self.maps}".split())


_VM_CLASS: Final = Class(
    "power-state resident-on dom-id memory-actual memory-target memory-overhead VCPUs-number"
    " is-control-domain networks disks current-operations allowed-operations start-time"
    " PV-drivers-version PV-drivers-detected is-a-snapshot snapshot-of snapshot-time snapshots"
    " children parent live possible-hosts HVM-boot-policy VCPUs-utilisation",
    "name-label name-description memory-static-max memory-dynamic-max memory-dynamic-min"
    " memory-static-min VCPUs-max VCPUs-at-startup ha-restart-priority start-delay order"
    " actions-after-crash affinity",
    "VCPUs-params platform other-config xenstore-data HVM-boot-params blocked-operations",
)
CLASSES: Final[Mapping[str, Class]] = {
    "vm": _VM_CLASS,
    "snapshot": _VM_CLASS,
    "template": _VM_CLASS,
    "host": Class(
        "enabled memory-total memory-free memory-free-computed memory-overhead software-version"
        " cpu_info resident-vms host-metrics-live address allowed-operations current-operations"
        " control-domain-uuid updates-requiring-reboot patches",
        "name-label name-description hostname multipathing iscsi_iqn",
        "logging other-config guest_VCPUs_params",
    ),
    "pool": Class(
        "master ha-enabled ha-configuration ha-statefiles ha-plan-exists-for ha-overcommitted",
        "name-label default-SR ha-host-failures-to-tolerate ha-allow-overcommit",
        "other-config gui-config",
    ),
    "sr": Class(
        "host VDIs PBDs virtual-allocation physical-utilisation physical-size type content-type",
        "name-label name-description shared",
        "other-config sm-config",
    ),
    "vdi": Class(
        "sr-uuid sr-name-label vbd-uuids virtual-size physical-utilisation managed is-a-snapshot"
        " snapshot-of snapshots snapshot-time read-only parent",
        "name-label name-description on-boot",
        "other-config xenstore-data sm-config",
    ),
    "vbd": Class(
        "vm-uuid vm-name-label vdi-uuid vdi-name-label empty currently-attached status-code"
        " status-detail allowed-operations current-operations",
        "userdevice device bootable mode type unpluggable",
        "other-config qos_algorithm_params",
    ),
    "vif": Class(
        "vm-uuid vm-name-label device MAC MTU currently-attached network-uuid network-name-label",
        "locking-mode ipv4-allowed ipv6-allowed",
        "other-config qos_algorithm_params",
    ),
    "pif": Class(
        "device MAC VLAN physical management carrier currently-attached network-uuid speed duplex"
        " network-name-label host-uuid host-name-label IP netmask gateway bond-master-of"
        " bond-slave-of device-name vendor-name",
        "disallow-unplug",
        "other-config properties",
    ),
    "bond": Class("master slaves mode primary-slave links-up", "", "properties"),
    "network": Class("bridge managed VIF-uuids PIF-uuids", "name-label MTU", "other-config"),
    "pbd": Class(
        "host host-uuid host-name-label sr sr-uuid sr-name-label currently-attached",
        "",
        "device-config other-config",
    ),
    "task": Class(
        "name-label status progress created finished resident-on type result error_info",
        "",
        "other-config",
    ),
    "message": Class("name priority class obj-uuid timestamp body"),
    "certificate": Class("type name host not-before not-after fingerprint"),
}


def _xe(host: Host, options: Options, operands: list[str]) -> str:
    name, given = checked(operands)
    return f"{_UUID_SHOWN if 'minimal' in given else name}\n"


def checked(operands: list[str]) -> tuple[str, dict[str, str]]:
    """`xe COMMAND NAME=VALUE...` as command and parameters. Raises `Refused`.

    `--minimal` and the like are standard parameters.
    """
    name, *rest = operands or [""]
    given = dict(_parameter(word) for word in rest)
    kind, _, verb = name.partition("-")
    if name in COMMANDS:
        _check_command(name, given)
    elif kind in CLASSES and verb == "list":
        _check_list(kind, given)
    elif kind in CLASSES and verb in {
        "param-set",
        "param-get",
        "param-list",
        "param-add",
        "param-remove",
        "param-clear",
    }:
        _check_param(kind, verb, given)
    else:
        refuse(f"Unknown command: {name}")
    if "uuid" in given and not _UUID.fullmatch(given["uuid"]):
        refuse(f"The uuid you supplied was invalid: {given['uuid']!r}")
    return name, given


_UUID_SHOWN: Final = "b2f0c1de-1a2b-4c3d-8e4f-5a6b7c8d9e0f"


def _parameter(word: str) -> tuple[str, str]:
    """`name=value`, `--name` or `--name=value`."""
    name, sign, value = word.removeprefix("--").partition("=")
    if not sign and not word.startswith("--"):
        refuse(f"no parameter: {word!r}")
    return name, value or ("" if sign else "true")


def _check_command(name: str, given: Mapping[str, str]) -> None:
    command = COMMANDS[name]
    for each in command.required.split():
        if each not in given:
            refuse(f"Required parameter not found: {each}")
    selectors = CLASSES[command.selects].names | {command.selects} if command.selects else set()
    known = _STANDARD | set(command.required.split()) | set(command.optional.split()) | selectors
    maps = tuple(each for each in known if each.endswith(":"))
    for each in given:
        if each not in known and not each.startswith(maps or ("\0",)):
            refuse(f"Unknown parameter of {name}: {each}")
    if selectors and given.keys().isdisjoint(selectors) and "multiple" not in given:
        refuse(f"{name}: no {command.selects} is selected")


def _check_list(kind: str, given: Mapping[str, str]) -> None:
    names = CLASSES[kind].names
    for each in given:
        field = each.partition(":")[0]
        if field not in names | _STANDARD | {"params"}:
            refuse(f"{kind}-list: unknown field: {each}")
    for field in given.get("params", "all").split(","):
        if field.strip() not in names | {"all"}:
            refuse(f"{kind}-list: unknown field: {field}")


def _check_param(kind: str, verb: str, given: Mapping[str, str]) -> None:
    found = CLASSES[kind]
    if "uuid" not in given:
        refuse("Required parameter not found: uuid")
    if verb in {"param-get", "param-add", "param-remove", "param-clear"}:
        if given.get("param-name") not in found.names:
            refuse(f"{verb}: unknown field: {given.get('param-name')}")
        if verb == "param-remove" and "param-key" not in given:
            refuse("Required parameter not found: param-key")
        return
    if verb == "param-list":
        return
    for each in given.keys() - {"uuid"} - _STANDARD:
        field, colon, _ = each.partition(":")
        if colon and field not in found.maps.split():
            refuse(f"{kind}: no map: {field}")
        if not colon and field not in found.settable.split():
            refuse(f"Field '{each}' is read-only, a map or unknown.")
    if len(given) < 2:
        refuse(f"{verb}: nothing to set")


PROGRAMS: Final = {"xe": Program(_xe)}
