"""Ports of Open vSwitch: from tables made by hand, and from a database server of its own."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.probes.support import FakeHost, dom0, failure_of, outcome_of, value_of
from tests.tools import tool
from xenwatch.model.render.ovsdb import render_switch
from xenwatch.parse.ovsdb import BridgeRow, PortRow, SwitchRows
from xenwatch.probes.openvswitch import DIRECTORY, OPENVSWITCH, SOCKET, command
from xenwatch.readings.openvswitch import OpenVswitch, SwitchPort
from xenwatch.readings.snapshot import Status
from xenwatch.sources import commands
from xenwatch.sources.base import CommandOutput

SCHEMA = "share/openvswitch/vswitch.ovsschema"
"""Beside the directory of the programs."""


def host(output: CommandOutput) -> FakeHost:
    """A dom0 whose ovsdb-client prints this."""
    source = dom0({}, directories={DIRECTORY: ("db.sock", "ovsdb-server.pid")})
    source.commands = {command(): output}
    return source


def port(name: str, tag: int | None = None, **columns: object) -> PortRow:
    """A port whose UUID is its name."""
    values: dict[str, object] = {
        "trunks": (),
        "vlan_mode": "",
        "fake_bridge": False,
        "interfaces": (),
        **columns,
    }
    return PortRow(name, name, tag, **values)  # type: ignore[arg-type]


PORTS = (
    port("xenbr0"),
    port("xapi1", 100, fake_bridge=True),
    port("vif1.0"),
    port("vif2.0", 100),
    port("vif3.0", 7),
    port("vif4.0", trunks=(7, 8)),
    port("vif5.0", vlan_mode="trunk"),
    port("left"),
)


def test_ports_are_in_the_bridge_that_has_their_tag() -> None:
    """A port with the tag of a VLAN bridge is in that, as ovs-vsctl lists it, and needs none."""
    bridge = BridgeRow("xenbr0", tuple(row.name for row in PORTS if row.name != "left"))
    output = CommandOutput(0, render_switch(SwitchRows((bridge,), PORTS, {})), b"")

    found = value_of(OPENVSWITCH, host(output))

    assert found == OpenVswitch(
        {
            "xenbr0": SwitchPort("xenbr0", None, False, "xenbr0"),
            "xapi1": SwitchPort("xapi1", None, False, "xenbr0"),
            "vif1.0": SwitchPort("xenbr0", None, False, "xenbr0"),
            "vif2.0": SwitchPort("xapi1", None, False, "xenbr0"),
            "vif3.0": SwitchPort("xenbr0", 7, False, "xenbr0"),
            "vif4.0": SwitchPort("xenbr0", None, True, "xenbr0"),
            "vif5.0": SwitchPort("xenbr0", None, True, "xenbr0"),
        }
    )


@pytest.mark.parametrize("names", [None, ("conf.db",)])
def test_it_does_not_apply_without_open_vswitch(names: tuple[str, ...] | None) -> None:
    """Without the socket nothing is run: the host has Linux bridges."""
    source = dom0({}, directories={} if names is None else {DIRECTORY: names})

    assert outcome_of(OPENVSWITCH, source).status is Status.NOT_APPLICABLE
    assert command() not in source.asked


def test_a_client_that_fails_is_a_failure() -> None:
    """The reason has the exit status and what the client said."""
    output = CommandOutput(1, b"", b"ovsdb-client: failed to connect (Connection refused)\n")

    assert "exit status 1: ovsdb-client: failed to connect" in failure_of(OPENVSWITCH, host(output))


def test_a_database_that_refuses_is_a_failure() -> None:
    """An old schema without a column is a failure that names the column."""
    output = CommandOutput(0, b'[{"error":"unknown column","details":"vlan_mode"},null,null]', b"")

    assert "unknown column: vlan_mode" in failure_of(OPENVSWITCH, host(output))


def asked(path: Path) -> CommandOutput:
    """What the probe's command prints, run as on a dom0."""
    return commands.run((tool("ovsdb-client"), *command(str(path))[1:]), 10.0)


@dataclass(frozen=True)
class Database:
    """A database server of its own, and the directory of its socket."""

    path: Path

    def change(self, *arguments: str) -> None:
        """Run ovs-vsctl on it."""
        vsctl = (tool("ovs-vsctl"), f"--db=unix:{self.path}", "--no-wait", "--timeout=10")
        subprocess.run([*vsctl, *arguments], check=True, capture_output=True)

    def read(self) -> OpenVswitch:
        """What the probe reads of it, its command being run as on a dom0."""
        output = asked(self.path)
        found = value_of(OPENVSWITCH, host(output))
        assert isinstance(found, OpenVswitch)
        return found


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An ovsdb-server without a switch behind it."""
    file, path = tmp_path / "conf.db", tmp_path / SOCKET
    program = tool("ovsdb-tool")
    create = [program, "create", str(file), str(Path(program).parents[1] / SCHEMA)]
    subprocess.run(create, check=True, capture_output=True)
    arguments = [f"--remote=punix:{path}", f"--unixctl={tmp_path}/ctl", str(file)]
    server = subprocess.Popen([tool("ovsdb-server"), "--no-chdir", *arguments])
    try:
        until = time.monotonic() + 60
        while not path.exists():
            assert server.poll() is None
            assert time.monotonic() < until
            time.sleep(0.01)
        found = Database(path)
        found.change("init")
        yield found
    finally:
        server.kill()
        server.wait()


def test_a_real_database_is_read(database: Database) -> None:
    """Bridges, VLAN bridges, tags and trunks of a real ovsdb-server are what ovs-vsctl made."""
    database.change(
        "add-br", "xapi2", "--", "add-br", "xenbr0", "--", "add-br", "xapi1", "xenbr0", "9"
    )
    database.change("add-port", "xenbr0", "vif1.0", "--", "add-port", "xapi1", "vif2.0")
    database.change("add-port", "xapi2", "vif3.0", "tag=4095", "--", "add-port", "xapi2", "vif4.0")
    database.change(
        "add-port", "xapi2", "vif5.0", "trunks=5,6", "--", "add-port", "xapi2", "vif6.0", "tag=2"
    )
    database.change("add-bond", "xenbr0", "bond0", "eth0", "eth1")

    assert database.read().ports == {
        "xenbr0": SwitchPort("xenbr0", None, False, "xenbr0"),
        "xapi1": SwitchPort("xapi1", None, False, "xenbr0"),
        "xapi2": SwitchPort("xapi2", None, False, "xapi2"),
        "bond0": SwitchPort("xenbr0", None, False, "xenbr0", ("eth0", "eth1")),
        "vif1.0": SwitchPort("xenbr0", None, False, "xenbr0"),
        "vif2.0": SwitchPort("xapi1", None, False, "xenbr0"),
        "vif3.0": SwitchPort("xapi2", 4095, False, "xapi2"),
        "vif4.0": SwitchPort("xapi2", None, False, "xapi2"),
        "vif5.0": SwitchPort("xapi2", None, True, "xapi2"),
        "vif6.0": SwitchPort("xapi2", 2, False, "xapi2"),
    }


def test_reading_changes_nothing(database: Database) -> None:
    """The database is the same, byte by byte, after it was read."""
    database.change("add-br", "xenbr0", "--", "add-port", "xenbr0", "vif1.0")
    file = database.path.with_name("conf.db")
    before = file.read_bytes()

    database.read()

    assert file.read_bytes() == before


def test_a_server_that_is_gone_fails_at_once(tmp_path: Path) -> None:
    """The client gives up by itself where a socket is left and nobody listens."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / SOCKET))

    output = asked(tmp_path / SOCKET)

    assert output.status != 0
    assert b"Connection refused" in output.stderr
