"""Commands that are wrong on a host are found, each for its own reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import pytest

from tests.runbooks.blocks import CHANGING, SECTIONS, Block, blocks, chosen, read
from tests.runbooks.layouts import LAYOUTS
from tests.runbooks.rendered import RenderedHost
from tests.runbooks.shell import failure
from tests.shown import ROOT
from xenwatch.metrics import METRICS

UUID = "b2f0c1de-1a2b-4c3d-8e4f-5a6b7c8d9e0f"
HOSTS = ("xcp-ng-8.3", "xcp-ng-8.2", "xenserver-6.2", "debian-12", "c-xenstored")


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, RenderedHost]]:
    """Some of the hosts."""
    with ExitStack() as stack:
        yield {
            layout.name: stack.enter_context(
                RenderedHost(layout, tmp_path_factory.mktemp(layout.name))
            )
            for layout in LAYOUTS
            if layout.name in HOSTS
        }


WRONG = [
    ("xcp-ng-8.3", "ls /proc/$(cat /run/xenstore.pid)/fd | wc -l", "/run/xenstore.pid: No such"),
    ("xenserver-6.2", "cat /run/xenconsoled.pid", "No such file"),
    ("xcp-ng-8.3", "lsevtchn 0 | wc -l", "lsevtchn: not found"),
    ("debian-12", "lsevtchn 0", "lsevtchn: not found"),
    ("xcp-ng-8.3", "/usr/lib/xen/bin/lsevtchn 0", "not found"),
    ("debian-12", "xe vm-list", "xe: not found"),
    ("xenserver-6.2", "systemctl status xapi", "systemctl: not found"),
    ("debian-12", "systemctl status xapi", "rejected: Unit xapi"),
    (
        "xenserver-6.2",
        "xenwatch once --format prometheus | grep xenwatch_dom0_memory_used",
        "exit status 1",
    ),
    (
        "xenserver-6.2",
        "xenwatch once --format prometheus | grep xenwatch_dom0_memory_used || true",
        "nothing printed",
    ),
    ("xcp-ng-8.3", "xenwatch once --format csv", "rejected"),
    ("xcp-ng-8.3", "df -h /", "not the file system that the alert names"),
    ("xcp-ng-8.3", "df -h /nowhere", "not the file system that the alert names"),
    ("xcp-ng-8.3", "find / -name core", "reads all of /"),
    ("xcp-ng-8.3", "ip -br link show", "iproute2 4.2"),
    ("xenserver-6.2", "du -sh /var/log | sort -rh", "coreutils 7.5"),
    ("xcp-ng-8.3", "cat /proc/pressure/memory", "No such file"),
    ("xcp-ng-8.3", "colour=red\necho $colour", "no alert names"),
    ("xcp-ng-8.3", "echo $domid", "parameter not set"),
    ("xcp-ng-8.3", "xl vm-lst", "command not implemented"),
    ("xcp-ng-8.3", "sysctl kernel.pty.maximum", "No such file"),
]
"""Blocks that read, each with what is said of it."""


@pytest.mark.parametrize(("host", "text", "why"), WRONG, ids=lambda text: text)
def test_a_wrong_command_is_found(
    host: str, text: str, why: str, hosts: Mapping[str, RenderedHost]
) -> None:
    """A path, a program, a metric, an option or a name that this host does not have."""
    found = failure(Block("Test", (), text + "\n"), hosts[host])

    assert found is not None
    assert why in found


HARMFUL = [
    ("xcp-ng-8.3", "prlimit --pid $(pidof oxenstored) --nofile=65536:65536", "lowers the limit"),
    ("xcp-ng-8.2", "prlimit --pid $(pidof xapi) --nofile=8192:8192", "waits with select(2)"),
    ("xcp-ng-8.3", "sysctl -w fs.aio-max-nr=65536", "lowers fs.aio-max-nr"),
    ("debian-12", "sysctl -w fs.file-max=9223372036854775808", "Invalid argument"),
    ("xcp-ng-8.3", "platform:usb=false", "not found"),
    ("xcp-ng-8.3", f"xe platform:usb=false uuid={UUID}", "Unknown command"),
    ("xcp-ng-8.3", "xe vm-param-set platform:usb=false", "Required parameter not found: uuid"),
    ("xcp-ng-8.3", f"xe vm-param-set uuid={UUID} usb=false", "read-only, a map or unknown"),
    ("xcp-ng-8.3", f"xe vm-param-set uuid={UUID} platfrom:usb=false", "no map"),
    ("xcp-ng-8.3", "xe vm-param-set uuid=5 platform:usb=false", "uuid you supplied was invalid"),
    ("xcp-ng-8.3", "xe vm-reboot", "no vm is selected"),
    ("xcp-ng-8.3", "xe vm-restart uuid=" + UUID, "Unknown command"),
    ("xcp-ng-8.3", "xe sr-scan sr=" + UUID, "Required parameter not found: uuid"),
    ("xcp-ng-8.3", "xe-toolstack-restart now", "takes no arguments"),
    ("debian-12", "xe-toolstack-restart", "not found"),
    ("debian-12", "xl mem-set 0", "2 to 2 operands"),
    ("debian-12", "xl mem-set 0 much", "invalid memory size"),
    ("debian-12", "xl mem-set 0 64m", "too little memory for domain 0"),
    ("debian-12", "xl mem-set 1 2048k", "too little memory for domain 1"),
    ("debian-12", "xl destroy 0", "not of domain 0"),
    ("debian-12", "xl reboot --now 1", "not recognized"),
    ("debian-12", "systemctl restart xenstored", "Unit xenstored"),
    ("debian-12", "echo 1 > /sys/module/xen_netbak/parameters/max_queues", "nonexistent"),
    ("debian-12", "xenstore-control quota set nodes 2000", "exit status 1"),
    ("c-xenstored", "xenstore-control quota set node 2000", "rejected: quota set"),
    ("debian-12", "xl xenstore-quota-set 1 nodes=2000", "before Xen (4, 22)"),
]
"""Blocks that write, each with what is said of it."""


@pytest.mark.parametrize(("host", "text", "why"), HARMFUL, ids=lambda text: text)
def test_a_harmful_command_is_found(
    host: str, text: str, why: str, hosts: Mapping[str, RenderedHost]
) -> None:
    """A limit that is lowered or raised in vain, and arguments that the real tool rejects."""
    found = failure(Block("Test", ("writes",), text + "\n"), hosts[host])

    assert found is not None
    assert why in found


RIGHT = [
    ("xcp-ng-8.3", "ls /proc/$(pidof oxenstored)/fd | wc -l", False),
    ("xcp-ng-8.3", "/usr/libexec/xen/bin/lsevtchn 0 | wc -l", False),
    ("debian-12", "/usr/lib/xen-*/bin/lsevtchn 0 | wc -l", False),
    ("xcp-ng-8.3", 'mountpoint=/\ndf -h "$mountpoint"', False),
    ("xenserver-6.2", "cat /var/run/xenstored.pid", False),
    ("xcp-ng-8.3", f"xe vm-param-set uuid={UUID} platform:usb=false", True),
    ("xcp-ng-8.3", f"uuid={UUID}\nxe vm-migrate uuid=$uuid host=xen2 live=true", True),
    ("xcp-ng-8.3", "sysctl -w fs.aio-max-nr=$((2 * $(sysctl -n fs.aio-max-nr)))", True),
    ("debian-12", "domid=5\nxl mem-set $domid 2048m", True),
    ("c-xenstored", "xenstore-control quota set nodes 2000", True),
    ("c-xenstored", "domid=5\nxl xenstore-quota-set $domid nodes=2000", True),
]
"""Blocks with whether they write."""


@pytest.mark.parametrize(("host", "text", "writes"), RIGHT, ids=str)
def test_a_right_command_passes(
    host: str, text: str, writes: bool, hosts: Mapping[str, RenderedHost]
) -> None:
    """The same asked rightly."""
    words = ("writes",) if writes else ()

    assert failure(Block("Test", words, text + "\n"), hosts[host]) is None


def test_what_changes_the_host_says_so() -> None:
    """A block that changes something is marked, and so it is never run as one that reads."""
    changing = {
        f"{block.runbook}: {block.text}"
        for block in blocks()
        if not block.writes and CHANGING.search(block.text)
    }

    assert changing == set()


def test_a_metric_of_a_runbook_is_declared() -> None:
    """What a block looks for exists: where it says `|| echo none`, a wrong name prints none."""
    known = "\n".join(metric.name for metric in METRICS)
    wrong = {
        (block.runbook, word)
        for block in blocks()
        for asked in re.findall(r"\bxenwatch_([\w()|]+)", block.text)
        for word in re.findall(r"\w+", asked)
        if word not in known
    }

    assert wrong == set()


def test_blocks_are_found_with_what_they_are_for() -> None:
    """The words of a fence, the commands, and the text before them."""
    text = "# A\n\nOne:\n\n```sh\na\n```\n\nNothing is good:\n\n```sh xapi writes\nb\nc\n```\n"

    first, second = read("A", text)

    assert (first.words, first.text, first.writes, first.may_be_silent) == ((), "a\n", False, False)
    assert (second.words, second.text) == (("xapi", "writes"), "b\nc\n")
    assert second.writes
    assert second.may_be_silent


def test_a_block_is_for_the_hosts_it_names() -> None:
    """Without a word every host, else a toolstack or a host; a special one only by its name."""

    def named(*words: str) -> list[str]:
        return [layout.name for layout in LAYOUTS if Block("A", words, "a\n").is_for(layout)]

    assert named() == [layout.name for layout in LAYOUTS if not layout.special]
    assert named("xl", "writes") == ["debian-12", "debian-13"]
    assert named("xapi", "debian-13") == [
        layout.name for layout in LAYOUTS if layout.toolstack == "xapi"
    ] + ["debian-13"]
    assert named("c-xenstored") == ["c-xenstored"]


def test_no_block_escapes(hosts: Mapping[str, RenderedHost]) -> None:
    """Each is run on a host it is for, also those of limits that few hosts have."""
    there = list(hosts.values())
    run = {
        block.text
        for rendered in there
        for writes in (False, True)
        for block in chosen(rendered.layout, rendered.metrics(), writes=writes)
    }

    assert {
        f"{block.runbook}: {block.text}"
        for block in blocks()
        if any(block.is_for(rendered.layout) for rendered in there) and block.text not in run
    } == set()


def test_the_format_is_described_as_it_is_tested() -> None:
    """CONTRIBUTING.md has the sections in their order."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    rows = re.findall(r"(?m)^\| (\w+) \|", text.partition("## Writing a runbook")[2])

    assert rows[1 : len(SECTIONS) + 1] == list(SECTIONS)
