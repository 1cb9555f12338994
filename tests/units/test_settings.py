"""Every setting of the units, against what each systemd knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.units.files import (
    CONTROL_SLICE,
    FRONT,
    OLD,
    READER,
    ROOT,
    SYSTEMD,
    UNITS,
    VERSIONS,
    Setting,
    as_read,
    settings,
    systemds,
    written,
)
from xenwatch.probes.slice_units import CONTROL

KNOWN = systemds()
SHIPPED = sorted(SYSTEMD.glob("xenwatch*.*"))
"""Every unit, those included of which the document's table does not tell."""
FILES = [*SHIPPED, *OLD.values(), CONTROL_SLICE]
MANUAL = (ROOT / "docs/systemd.md").read_text(encoding="utf-8")
ROW = re.compile(r"\| `([A-Za-z]+)=([a-z]*)` \| ([\d, ]+) \| ([^|]+) \|")
"""A row of the document's table of what is ignored: setting, versions, what is there instead."""


def lost() -> dict[str, dict[int, set[str]]]:
    """By setting: which version ignores it, or a part of its value, in which units."""
    found: dict[str, dict[int, set[str]]] = {}
    for unit in UNITS:
        for line in settings(SYSTEMD / unit):
            for version, systemd in KNOWN.items():
                if systemd.ignores(line):
                    found.setdefault(line.name, {}).setdefault(version, set()).add(unit)
    return found


def test_every_setting_is_known_to_the_newest_systemd() -> None:
    """No setting of a unit is misspelt, withdrawn or in the wrong section."""
    unknown = {
        f"{path.name}: {line}"
        for path in SHIPPED
        for line in settings(path)
        if KNOWN[VERSIONS[-1]].ignores(line)
    }

    assert unknown == set()


def test_what_a_systemd_ignores_is_a_loss_the_document_accepts() -> None:
    """The document lists exactly what each version ignores, each with what is there instead."""
    told = {
        match[1]: {int(version) for version in match[3].split(",")}
        for match in ROW.finditer(MANUAL)
    }

    assert told == {name: set(versions) for name, versions in lost().items()}


@pytest.mark.parametrize("path", [*OLD.values(), CONTROL_SLICE], ids=lambda path: path.parent.name)
def test_a_drop_in_for_219_holds_only_what_219_takes(path: Path) -> None:
    """No line of the drop-ins makes systemd 219 warn."""
    assert [str(line) for line in settings(path) if KNOWN[219].ignores(line)] == []


def test_what_the_document_names_instead_is_in_the_drop_ins() -> None:
    """A setting named as a substitute is set by the drop-in of each unit that loses another."""
    for match in ROW.finditer(MANUAL):
        names = set(re.findall(r"`([A-Za-z]+)=", match[4]))
        for unit in lost()[match[1]].get(219, ()):
            assert names <= {line.name for line in as_read(unit, KNOWN[219])}, (unit, match[1])


def test_219_has_the_same_bound_of_memory() -> None:
    """`MemoryLimit=` for 219 is `MemoryMax=` of the unit."""
    for unit, path in OLD.items():
        newer = [line.value for line in settings(SYSTEMD / unit) if line.name == "MemoryMax"]
        assert newer == [line.value for line in settings(path) if line.name == "MemoryLimit"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_unit_switches_the_cpu_controller_on(path: Path) -> None:
    """No setting concerns the CPU controller, and none delegates controllers."""
    told = [
        str(line) for line in settings(path) if "CPU" in line.name or line.name.startswith("Deleg")
    ]

    assert told == []


def test_only_the_drop_in_for_it_names_a_slice() -> None:
    """The units stay in system.slice, save where the host's control.slice has its share."""
    assert [str(line) for path in FILES for line in settings(path) if line.name == "Slice"] == [
        f"Slice={CONTROL}"
    ]


def test_no_drop_in_has_219_ask_file_systems_of_storage() -> None:
    """219 takes statvfs(2) of all mounts below a read-only directory: none of them is `/run`."""
    for path in OLD.values():
        for line in settings(path):
            if line.name in ("ReadOnlyDirectories", "InaccessibleDirectories"):
                roots = [word.lstrip("-") for word in line.value.split()]
                assert not {"/", "/run", "/mnt", "/media"} & set(roots)


def test_a_missing_reader_stops_nothing() -> None:
    """The front wants the socket and requires nothing; the reader's units stop with the front."""
    front = settings(SYSTEMD / FRONT)
    assert not {"Requires", "Requisite", "BindsTo"} & {line.name for line in front}
    assert Setting("Unit", "Wants", "xenwatch-reader.socket") in front
    assert not any(READER in line.value for line in front)
    for unit in (READER, "xenwatch-reader.socket"):
        assert Setting("Unit", "PartOf", FRONT) in settings(SYSTEMD / unit)


def test_no_start_limit_ends_the_watching() -> None:
    """Neither part is given up on: restarts are slower than the limit, or there is none."""
    for systemd in KNOWN.values():
        front, reader = written(as_read(FRONT, systemd)), written(as_read(READER, systemd))
        assert "RestartSec=5\n" in front
        assert "StartLimitIntervalSec=0\n" in reader or "StartLimitInterval=0\n" in reader


def test_the_unit_never_invents_a_host() -> None:
    """The front is told its source: none that depends on what the host looks like."""
    [start] = [line.value for line in settings(SYSTEMD / FRONT) if line.name == "ExecStart"]

    assert start == "/opt/xenwatch/bin/xenwatch run --source reader"


def test_the_state_directory_of_219_is_the_one_that_is_made() -> None:
    """Where 219's drop-in says the state is, tmpfiles.d makes a directory of the front's user."""
    [state] = [
        line.value.partition("=")[2] for line in settings(OLD[FRONT]) if line.name == "Environment"
    ]
    made = [
        line.split() for line in (SYSTEMD / "tmpfiles.d/xenwatch.conf").read_text().splitlines()
    ]

    assert ["d", state, "0700", "xenwatch", "xenwatch", "-"] in made
