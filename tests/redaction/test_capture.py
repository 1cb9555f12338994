"""A redacted capture: nothing is left of names and addresses, and all numbers are the same."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import stat
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.cli.support import no_traces, run
from tests.laws.hosts import small_dom0
from tests.redaction.canaries import (
    COMMANDS,
    CONSOLE,
    DIRECTORIES,
    FILES,
    IDENTITY,
    KEY,
    LAYOUT,
    LISTING,
    REMNANTS,
    TARGETS,
    canaries,
)
from tests.redaction.support import record_all
from tests.sources.fakes import TableSource
from xenwatch.parse import domaininfo, xenstore
from xenwatch.parse.certificate import parse_not_after
from xenwatch.parse.rtnl import parse_links
from xenwatch.parse.xen_console import TEXT_MAX, readconsole_call
from xenwatch.redaction.capture import Redacted, redact
from xenwatch.sources.base import SourceError
from xenwatch.sources.recording import RecordingSource
from xenwatch.sources.saved import Saved
from xenwatch.sources.tree import TreeSource

__all__ = ["no_traces"]
HOSTS = Path(__file__).resolve().parent.parent / "hosts"


async def heard(source: RecordingSource) -> None:
    """Hear the events there are."""
    async with contextlib.aclosing(source.events("links")) as events:
        for _ in range(2):
            await anext(events)


def ask_all(source: RecordingSource, host: TableSource) -> None:
    """Ask for everything there is, and for what is not."""
    for path in FILES:
        source.read(path) if not path.endswith(".pem") else source.certificates(path)
    for path in DIRECTORIES:
        source.listdir(path)
    for path in TARGETS:
        source.readlink(path)
    for argv in COMMANDS:
        source.run(argv)
    for call in host.replies:
        source.hypercall(call)
    for op, payload in host.nodes:
        source.xenstore(op, payload)
    source.statvfs(f"/run/sr-mount/{IDENTITY}")
    source.links()
    source.taskstats([7])
    source.uname()
    for missing in (f"/run/sr-mount/{IDENTITY}/x", "/sys/class/net/canary-br/speed"):
        with contextlib.suppress(SourceError):
            source.read(missing)
    asyncio.run(heard(source))


@pytest.fixture
def redacted(tmp_path: Path) -> tuple[Path, Redacted]:
    """The host of canaries, captured and redacted, and what was done."""
    done: list[Redacted] = []

    def rewrite(saved: list[Saved]) -> list[Saved]:
        made, found = redact(saved, KEY, ["canaryhost.corp.canarycompany.com"])
        done.append(found)
        return made

    host = canaries()
    recorder = RecordingSource(host, tmp_path / "capture", rewrite=rewrite)  # type: ignore[arg-type]
    ask_all(recorder, host)
    recorder.close()
    return tmp_path / "capture", done[0]


def haystack(directory: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of files; of calls also the bytes that their strings stand for."""
    for path in directory.rglob("*"):
        name = str(path.relative_to(directory))
        yield name, name.encode()
        if not path.is_file():
            continue
        data = path.read_bytes()
        yield name, data
        for line in data.splitlines() if name == "calls.jsonl" else ():
            for text in strings(json.loads(line)):
                yield f"{name}: {line[:60]!r}", text.encode("latin-1", "replace")
                with contextlib.suppress(ValueError):
                    yield f"{name}: {line[:60]!r}", bytes.fromhex(text)


def strings(value: object) -> Iterator[str]:
    """All strings in a value of JSON."""
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from strings(inner)
        case list():
            for inner in value:
                yield from strings(inner)


def test_no_remnant_is_left(redacted: tuple[Path, Redacted]) -> None:
    """No byte of the capture tells a name, a UUID or an address, in whatever form or case."""
    found = {
        (name, remnant)
        for name, data in haystack(redacted[0])
        for remnant in REMNANTS
        if remnant in data or remnant.lower() in data.lower()
    }
    assert found == set()


def test_what_was_done_is_counted(redacted: tuple[Path, Redacted]) -> None:
    """How many of each kind were replaced is known, and how much was left out."""
    replaced, removed = redacted[1].replaced, redacted[1].removed
    assert {kind: replaced[kind] for kind in ("VM name", "UUID", "network name", "iSCSI name")} == {
        "VM name": 2, "UUID": 1, "network name": 1, "iSCSI name": 1,
    }  # fmt: skip
    assert removed == {"process argument": 4, "kernel log line": 1, "console line": 2}


def test_what_is_no_name_stays(redacted: tuple[Path, Redacted]) -> None:
    """Words of kernels, tools and formats are as they were, and so are requests that have none."""
    replay = TreeSource(redacted[0])
    name = replay.xenstore(xenstore.READ, b"/local/domain/5/name\0").payload
    short = replay.xenstore(xenstore.READ, b"/local/domain/6/name\0").payload
    assert replay.xenstore(xenstore.READ, b"/local/domain/0/name\0").payload == b"Domain-0"
    assert re.fullmatch(rb"vm[0-9a-f]{8}", name)
    assert replay.readlink("/proc/11/fd/1") == f"/var/log/xen/xl-{short.decode()}.log"
    assert replay.readlink("/proc/12/fd/1") == f"/var/log/xen/xl-{name.decode()}.log.1 (deleted)"
    assert replay.readlink("/sys/dev/block/7:0") == TARGETS["/sys/dev/block/7:0"]
    log = replay.read("/dev/kmsg")
    assert b"Out of memory: Killed process 7 (xapi)" in log
    assert re.search(rb"server host[0-9a-f]{8} not responding, timed out", log)
    assert b"xen " + name + b" at host" in log
    argv = replay.read("/proc/7/cmdline").split(b"\0")
    assert argv[:4] == [b"/usr/bin/qemu-system-i386", b"-xen-domid", b"5", b"-name"]
    assert argv[4] == name
    assert replay.read("/proc/7/task/9/status").startswith(b"Name:\tqemu:" + name + b"\n")
    assert replay.read("/proc/9/cmdline") == b"sshd\0"
    [bridge] = (link for link in parse_links(replay.links()) if link.index == 3)
    assert bridge.kind == "bridge"
    assert bridge.name in replay.listdir("/sys/class/net")
    assert replay.listdir(f"/sys/class/net/{bridge.name}/brif") == ("vif5.0",)
    pem = replay.certificates("/etc/xensource/xapi-ssl.pem")
    assert parse_not_after("x", pem) == 2e9


def test_uuids_are_the_same_in_binary_and_text(redacted: tuple[Path, Redacted]) -> None:
    """The UUID of Xen's list is that of xenstore, and dom0's stays that of zeros."""
    replay = TreeSource(redacted[0])
    block = replay.hypercall(LISTING).block
    dom0, guest = domaininfo.parse_list(LAYOUT, block)
    vm = replay.xenstore(xenstore.READ, b"/local/domain/5/vm\0").payload
    assert vm == b"/vm/" + guest.uuid.encode()
    assert uuid.UUID(dom0.uuid).int == 0


def test_the_console_keeps_its_indexes(redacted: tuple[Path, Redacted]) -> None:
    """Lines keep their length, also one that two answers share."""
    replay = TreeSource(redacted[0])
    texts, index = [], 0
    for text in CONSOLE:
        block = replay.hypercall(readconsole_call(LAYOUT, index)).block
        assert len(block) == 136 + TEXT_MAX
        texts.append(block[136 : 136 + len(text)])
        index += len(text)
    first, second, third, rest = b"".join(texts).split(b"\n")
    assert re.fullmatch(rb"\(XEN\) d5 is vm[0-9a-f]{8} at [0-9. ]+", first)
    assert (second.strip(), third, rest) == (b"redacted", b"(XEN) end", b"")


OF_THE_PASS = (
    *("xenwatch_probe_", "xenwatch_source_", "xenwatch_snapshot_", "process_"),
    "xenwatch_log_last_message_timestamp_",
)
"""Metrics about the reading itself, and those that depend on when it was made."""


def masked(other: Mapping[str, set[str]], page: str) -> Counter[object]:
    """The samples of a page, with a star for label values that the other page does not have."""
    return Counter(
        (
            sample.name,
            sample.value,
            frozenset(
                (label, value if value in other[f"{sample.name} {label}"] else "*")
                for label, value in sample.labels.items()
            ),
        )
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if not sample.name.startswith(OF_THE_PASS)
    )


def values(page: str) -> Mapping[str, set[str]]:
    """The values of each label of each metric."""
    found = defaultdict[str, set[str]](set)
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            for label, value in sample.labels.items():
                found[f"{sample.name} {label}"].add(value)
    return found


@pytest.mark.usefixtures("no_traces")
@pytest.mark.parametrize(
    "host",
    ["small", "synthetic:xcp-ng-8.2", "synthetic:debian-12",
     f"tree:{HOSTS}/debian-12-xen-4.17/10-guests/capture"],
)  # fmt: skip
def test_a_replay_has_the_same_numbers(
    host: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every sample is the same but for label values, of which there are as many."""
    plain, other = tmp_path / "plain", tmp_path / "redacted"
    if host == "small":
        record_all(small_dom0(), plain)
    else:
        assert run(capsys, "capture", f"--source={host}", str(plain)).status == 0
    done = run(capsys, "capture", f"--source=tree:{plain}", "--redact", str(other))
    assert done.status == 0, done.err
    assert re.search(r"^xenwatch: replaced: .*\b1?[0-9] VM names?\b", done.err, re.MULTILINE)
    assert "look the files over before you post them" in done.err
    assert json.loads((other / "manifest.json").read_bytes())["redacted"] is True
    assert stat.S_IMODE((other / "calls.jsonl").stat().st_mode) == 0o600
    pages = []
    for directory in (plain, other):
        once = run(capsys, "once", f"--source=tree:{directory}", "--format=prometheus")
        assert once.status == 0
        pages.append(once.out)
    one, two = map(values, pages)
    assert masked(two, pages[0]) == masked(one, pages[1])
    assert {name: len(found) for name, found in one.items()} == {
        name: len(found) for name, found in two.items()
    }
    assert any(one[name] != two[name] for name in one)
