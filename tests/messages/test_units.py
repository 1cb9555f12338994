"""The units of the helper, and the commands of its document."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.runbooks.programs_of_xapi import checked
from tests.shown import ROOT, commands
from xenwatch.cli.main import PARTS
from xenwatch.delivery.xapi import SOCKET
from xenwatch.messages import page_file

DOCUMENT = (ROOT / "docs/xapi.md").read_text()


def unit(name: str) -> dict[str, list[str]]:
    """The settings of a unit."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / "systemd" / name).read_text().splitlines():
        if match := re.fullmatch(r"(\w+)=(.*)", line):
            found.setdefault(match[1], []).append(match[2])
    return found


def test_the_socket_is_the_daemons_alone() -> None:
    """The daemon asks where systemd listens, and nobody but its user and root may."""
    settings = unit("xenwatch-messages.socket")

    assert settings["ListenStream"] == [SOCKET]
    assert settings["SocketUser"] == ["xenwatch"]
    assert settings["SocketMode"] == ["0600"]


def test_the_service_starts_the_command() -> None:
    """What systemd starts is a command of xenwatch, without any option."""
    [command] = unit("xenwatch-messages.service")["ExecStart"]
    program, *arguments = command.split()

    assert program == "/opt/xenwatch/bin/xenwatch"
    assert arguments == ["messages"]
    assert "messages" in PARTS


def test_the_service_has_neither_network_nor_capabilities() -> None:
    """What is root has nothing else: no capability, no address family but that of Unix sockets."""
    settings = unit("xenwatch-messages.service")

    assert settings["CapabilityBoundingSet"] == [""]
    assert settings["RestrictAddressFamilies"] == ["AF_UNIX"]
    assert settings["PrivateNetwork"] == ["yes"]
    assert settings["NoNewPrivileges"] == ["yes"]
    # The last one that a systemd knows counts.
    assert settings["ProtectSystem"] == ["full", "strict"]


def test_the_file_of_xcp_rrdd_may_be_written() -> None:
    """ProtectSystem=strict leaves what is below /dev writable, and that is where the file is."""
    assert page_file.DIRECTORY.startswith("/dev/")
    assert "PrivateDevices" not in unit("xenwatch-messages.service")


SHOWN = [each.line for each in commands(DOCUMENT) if each.line.startswith("xe ")]


@pytest.mark.parametrize("line", SHOWN)
def test_xe_takes_the_arguments_that_are_shown(line: str) -> None:
    """Commands of xe in the document are ones that xapi knows, with parameters that it takes."""
    checked(shlex.split(line)[1:])


def test_the_document_shows_xe() -> None:
    """There are commands to check."""
    assert len(SHOWN) == 2
