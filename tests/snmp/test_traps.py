"""Alerts as SNMP notifications, sent by the real snmptrap to the real snmptrapd."""

from __future__ import annotations

import ast
import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.checks.installed import installed, with_programs
from tests.e2e.programs import free_port, until
from tests.shown import ROOT, commands
from tests.tools import tool

SCRIPT = ROOT / "contrib/snmp/xenwatch-trap"
SMI = {
    "SNMPv2-SMI": "org OBJECT IDENTIFIER ::= { iso 3 }\ndod OBJECT IDENTIFIER ::= { org 6 }\n"
    "internet OBJECT IDENTIFIER ::= { dod 1 }\nprivate OBJECT IDENTIFIER ::= { internet 4 }\n"
    "enterprises OBJECT IDENTIFIER ::= { private 1 }\n",
    "SNMPv2-TC": "",
    "SNMPv2-CONF": "",
}
"""The modules the MIB imports, as far as Net-SNMP reads them; Debian has them in non-free."""
TRAP_OID = "internet.6.3.1.1.4.1.0"
"""snmpTrapOID.0 (RFC 3418), by the modules above."""
LABELS = {"alertname": "XenwatchPtysNearLimit", "severity": "critical", "instance": "xen1"}


def alert(status: str = "firing", **more: str) -> dict[str, Any]:
    """An alert as a command receiver gets it."""
    return {
        "status": status,
        "state": status,
        "labels": {**LABELS, "limit": "ptys", "job": "xenwatch", **more},
        "annotations": {"summary": "-Ci é: 81% used", "description": "d" * 999, "runbook_url": "r"},
        "startsAt": "2025-01-31T12:00:00.000+00:00",
        "endsAt": None,
    }


def event(*alerts: dict[str, Any]) -> bytes:
    """What a command receiver reads."""
    return json.dumps({"version": "1", "alerts": alerts}).encode()


@pytest.fixture
def mibs(tmp_path: Path) -> str:
    """Directories with the MIB, as the document installs it, and with what it imports."""
    place = installed("docs/snmp.md", "snmp/XENWATCH-MIB.txt", tmp_path)
    for name, text in SMI.items():
        (tmp_path / f"{name}.txt").write_text(f"{name} DEFINITIONS ::= BEGIN\n{text}END\n")
    return f"{place.parent}:{tmp_path}"


class Listener:
    """An snmptrapd at `address`, and the notifications it has logged."""

    def __init__(self, address: str, log: Path) -> None:
        self.address = address
        self._log = log

    def got(self) -> list[dict[str, str]]:
        """Each notification: its objects by name."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        found = [line.split("\x01") for line in lines if "\x01" in line]
        pairs = [[row.partition(" = ")[::2] for row in rows] for rows in found]
        return [{name.partition("::")[2]: value for name, value in each} for each in pairs]


@contextlib.contextmanager
def snmptrapd(directory: Path, mibs: str) -> Iterator[Listener]:
    """An snmptrapd that takes every notification of version 2c."""
    configuration, log = directory / "snmptrapd.conf", directory / "log"
    configuration.write_text("authCommunity log public\n")
    address = f"127.0.0.1:{free_port()}"
    argv = [
        *(tool("snmptrapd"), "-f", "-C", "-c", str(configuration), "-Lf", str(log)),
        *("-M", mibs, "-m", "XENWATCH-MIB", "-OQe", "-F", "%V\x01%v\n", f"udp:{address}"),
    ]
    environment = {**with_programs(), "SNMP_PERSISTENT_DIR": str(directory)}
    with subprocess.Popen(argv, env=environment) as process:
        try:
            until(lambda: log.exists() and "NET-SNMP version" in log.read_text(), "it listens")
            yield Listener(address, log)
        finally:
            process.terminate()


def send(listener: str, data: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
    """The script's run with these alerts."""
    tool("snmptrap")
    argv = [str(SCRIPT), "-v", "2c", "-c", "public", *options, listener]
    return subprocess.run(argv, input=data, capture_output=True, check=False)


EXPECTED: Mapping[str, str] = {
    "xenwatchAlertName.0": "XenwatchPtysNearLimit",
    "xenwatchAlertSeverity.0": "3",
    "xenwatchAlertInstance.0": "xen1",
    "xenwatchAlertLabels.0": "job=xenwatch,limit=ptys",
    "xenwatchAlertSummary.0": "-Ci é: 81% used",
    "xenwatchAlertDescription.0": "d" * 255,
    "xenwatchAlertRunbook.0": "r",
    "xenwatchAlertStarted.0": "2025-01-31T12:00:00.000+00:00",
}


@pytest.mark.parametrize("options", [(), ("-Ci",)], ids=["trap", "inform"])
def test_alerts_arrive(tmp_path: Path, mibs: str, options: tuple[str, ...]) -> None:
    """Each alert is a notification of its own, with the objects of the MIB, in order."""
    with snmptrapd(tmp_path, mibs) as listener:
        sent = send(listener.address, event(alert(), alert("resolved")), *options)
        assert (sent.returncode, sent.stdout) == (0, b""), sent.stderr
        until(lambda: len(listener.got()) == 2, "both arrive")
        found = listener.got()

    kinds = [each[TRAP_OID] for each in found]
    assert kinds == [f"XENWATCH-MIB::xenwatchAlert{word}" for word in ("Firing", "Resolved")]
    assert [{name: each[name] for name in EXPECTED} for each in found] == [EXPECTED] * 2


def test_an_inform_that_nobody_takes_is_a_failed_delivery(tmp_path: Path) -> None:
    """The daemon retries it: the script fails where the receiver does not answer."""
    sent = send(f"127.0.0.1:{free_port()}", event(alert()), "-Ci", "-r", "0", "-t", "0.2")

    assert sent.returncode == 1


def test_without_snmptrap_it_says_what_to_install(tmp_path: Path) -> None:
    """The message names the program, the reason and its packages."""
    argv = [sys.executable, str(SCRIPT), "192.0.2.40"]
    data, environment = event(alert()), {"PATH": str(tmp_path)}
    sent = subprocess.run(argv, input=data, capture_output=True, check=False, env=environment)

    assert sent.returncode == 1
    assert sent.stderr == (
        b"xenwatch-trap: snmptrap: No such file or directory; install it (Debian: snmp, CentOS: "
        b"net-snmp-utils)\n"
    )


def test_the_commands_of_the_document_work(tmp_path: Path, mibs: str) -> None:
    """The MIB is found by its name, and the alert sent by hand arrives."""
    lines = [each.line for each in commands((ROOT / "docs/snmp.md").read_text())]
    script = installed("docs/snmp.md", "snmp/xenwatch-trap", tmp_path)
    environment = with_programs(script.parent)
    tool("snmptranslate")
    names, test = lines[-2], lines[-1]
    assert "192.0.2.40" in test
    with snmptrapd(tmp_path, mibs) as listener:
        for line in (names.replace("-m ", f"-M {mibs} -m "),
                     test.replace("192.0.2.40", listener.address)):  # fmt: skip
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", line],
                env=environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
        until(lambda: [each["xenwatchAlertName.0"] for each in listener.got()] == ["Test"], "it")


def test_the_numbers_are_those_of_the_mib(mibs: str) -> None:
    """What the script sends by number is what the MIB calls by name, and the document has it."""
    text, document = SCRIPT.read_text(), (ROOT / "docs/snmp.md").read_text()
    root = re.search(r'XENWATCH = "([\d.]+)"', text)
    assert root
    names = {f"{root[1]}.0.{n}": f"xenwatchAlert{w}" for n, w in ((1, "Firing"), (2, "Resolved"))}
    for number, name in names.items():
        argv = [tool("snmptranslate"), "-M", mibs, "-m", "XENWATCH-MIB", f".{number}"]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == f"XENWATCH-MIB::{name}"
        assert f"| `{name}` | `{number}` |" in document


def test_the_script_runs_with_the_python_of_xcp_ng() -> None:
    """Its syntax is that of Python 3.6."""
    ast.parse(SCRIPT.read_text(), feature_version=(3, 6))
