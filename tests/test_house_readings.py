"""The rules of the house for what probes hand on: readings for everybody, memories for nobody."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator, Mapping

from tests.test_house import PACKAGE, tree, within
from xenwatch.model.presets import PRESETS
from xenwatch.model.source import ModelSource
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.readings.snapshot import Snapshot

MAKES_READINGS = {
    "xenwatch.sources": "answers probes",
    "xenwatch.parse": "understands the answers",
    "xenwatch.probes": "fill readings",
    "xenwatch.readings": "their fields",
    "xenwatch.model": "a host to be read, not a reader",
    "xenwatch.reader": "asks sources, for probes",
    "xenwatch.redaction": "renames what the answers say",
}
"""Packages whose use of a name says nothing of what becomes of a reading."""

FOR_NOBODY_ELSE = {
    "Datapath.helpers": "read by the probe vm_processes, which comes after",
    "Datapath.processes": "read by the probe vm_processes, which comes after",
    "DeviceError.side": "tells two errors of one device apart",
    "Domains.fallback": "told as the detail of the probe's outcome",
    "EventChannels.fallback": "told as the detail of the probe's outcome",
    "Helper.program": "told by the probe vm_processes, which finds out whom it serves",
    "Helper.serves": "resolved to a domid by the probe vm_processes",
    "Host.kernel_command_line": "a fact of the host, in which `abi` may have its origin",
    "Host.xen_command_line": "a fact of the host, beside Xen's version",
    "Multipath.fallback": "told as the detail of the probe's outcome",
    "Nic.was_up": "told by `Uplinks.lost`",
    "StorageRepositories.fallback": "told as the detail of the probe's outcome",
    "SwitchPort.switch": "the probe `uplinks` knows whose links a bridge uses by it",
    "SwitchPort.trunk": "told by `OpenVswitch.untagged`",
    "XenstoreDevices.unlisted": "what `Snapshot.device_counts` leaves out",
}
"""Fields of readings that nobody but probes and readings uses, and why they are fields."""


def private_fields() -> set[str]:
    """Fields of readings that no module uses which shows, compares or advises."""
    users = [path for module, path in PACKAGE.items() if not within(module, MAKES_READINGS)]
    used = {
        node.attr
        for path in users
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
    }
    return {
        f"{kind.name}.{field.target.id}"
        for module, path in PACKAGE.items()
        if within(module, {"xenwatch.readings": ""})
        for kind in tree(path).body
        if isinstance(kind, ast.ClassDef)
        for field in kind.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if field.target.id not in used
    }


def test_a_reading_holds_nothing_that_its_probe_alone_uses() -> None:
    """What a probe needs for its next run alone is its memory's, not a field of its reading."""
    assert private_fields() == set(FOR_NOBODY_ELSE)


def not_plain(value: object) -> Iterator[object]:
    """What in a value is neither plain nor a frozen dataclass or a container of such."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        if type(value).__setattr__ is object.__setattr__:
            yield value
        for field in dataclasses.fields(value):
            yield from not_plain(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for item in value.items():
            yield from not_plain(item)
    elif isinstance(value, tuple | frozenset):
        for item in value:
            yield from not_plain(item)
    elif not isinstance(value, bool | int | float | str | bytes | None):
        yield value


def test_memories_are_frozen_plain_values() -> None:
    """A run that fails cannot have changed its memory, and a memory can be written down."""
    probes = [dataclasses.replace(probe, enabled=True) for probe in PROBES]
    machine = PRESETS["pulsar-before"]()
    machine.dom0.platform = dataclasses.replace(machine.dom0.platform, portals=2)
    memories = take(ModelSource(machine), probes).memories

    assert set(memories) == {probe.name for probe in PROBES if probe.memory is not None}
    for name, memory in memories.items():
        assert dataclasses.is_dataclass(memory), name
        assert list(not_plain(memory)) == [], name


def test_probes_and_snapshot_agree() -> None:
    """Every probe fills one field of the snapshot, and every field has its probe."""
    fields = set(Snapshot.__dataclass_fields__) - {"time", "instant", "outcomes", "origin"}

    assert {probe.name for probe in PROBES} == fields
