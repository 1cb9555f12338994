"""Messages of trouble in the kernel log and in Xen's console."""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from tests.probes.support import (
    DOM0,
    NO_XEN,
    FakeHost,
    Files,
    after,
    denied,
    failure_of,
    outcome_of,
    versions,
)
from xenwatch.model.console import ConsoleRing
from xenwatch.model.player import Player
from xenwatch.model.render.kernel_log import LogLine, render_kmsg
from xenwatch.model.render.xen_console import asked_count, asked_index, render_readconsole
from xenwatch.model.scenario_source import load
from xenwatch.model.source import ModelSource
from xenwatch.parse import domaininfo, xenversion
from xenwatch.probes import log_messages
from xenwatch.probes.base import Pass, take
from xenwatch.probes.log_messages import KERNEL_LOG, RECENT, UPTIME, XEN_CONSOLE
from xenwatch.readings.log_messages import LastMessage, LogMessages
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.sources.base import Hypercall, HypercallReply, SourceError

FULL = "nf_conntrack: nf_conntrack: table full, dropping packet"
MCE = "mce: [Hardware Error]: Machine check events logged"
POD = "(XEN) p2m_pod_demand_populate: Dom3 out of PoD memory! (tot=1 ents=9 dom3)"
KMSG = "/dev/kmsg"
TIME = 1_800_000_000.0
START = Pass(Snapshot(time=TIME, instant=TIME))


def kernel(seconds: float, *lines: tuple[float, str], log: bytes | None = None) -> FakeHost:
    """A kernel so many seconds after its boot, with these lines in its log."""
    records = render_kmsg(LogLine(round(at * 1_000_000), text) for at, text in lines)
    return FakeHost(files={UPTIME: uptime(seconds), KMSG: records if log is None else log})


def uptime(seconds: float) -> bytes:
    """/proc/uptime."""
    return f"{seconds:.2f} 0.00\n".encode()


def xen(ring: ConsoleRing, seconds: float = 1000, files: Files = DOM0) -> FakeHost:
    """A dom0 of a Xen with this console."""

    def answer(call: Hypercall) -> HypercallReply:
        found = ring.read(asked_index(call.block), asked_count(call.block))
        return HypercallReply(0, render_readconsole(call.block, found))

    calls = {xenversion.XEN_VERSION: versions((4, 17)), domaininfo.SYSCTL: answer}
    return FakeHost(files={UPTIME: uptime(seconds), **files}, calls=calls)


def at(known: Pass, time: float) -> Pass:
    """What is known at another time."""
    return dataclasses.replace(
        known, snapshot=dataclasses.replace(known.snapshot, time=time, instant=time)
    )


def of_kernel(known: Pass) -> LogMessages:
    """What the probe of the kernel log read."""
    assert known.snapshot.kernel_log is not None
    return known.snapshot.kernel_log


def of_xen(known: Pass) -> LogMessages:
    """What the probe of Xen's console read."""
    assert known.snapshot.xen_console is not None
    return known.snapshot.xen_console


def some(counts: Any) -> dict[str, int]:
    """The kinds with messages."""
    return {kind: count for kind, count in counts.items() if count}


def test_every_kind_starts_at_0() -> None:
    """A counter that starts at its first message would hide that message from `increase`."""
    found = of_kernel(after(KERNEL_LOG, kernel(1000), START))

    assert found.counted["conntrack_full"] == found.earlier["conntrack_full"] == 0
    assert set(found.counted.values()) == {0}
    assert "pod_memory_exhausted" not in found.counted
    assert (found.recent, found.last, found.lost) == ({}, {}, 0)


def test_a_message_is_counted_once() -> None:
    """A message that was printed since the last run counts; it never does again."""
    first = after(KERNEL_LOG, kernel(1000, (1, "Linux version 6.1")), START)
    lines = ((1, "Linux version 6.1"), (1004, FULL), (1005, FULL), (1006, "harmless"))
    second = after(KERNEL_LOG, kernel(1010, *lines), at(first, TIME))
    third = after(KERNEL_LOG, kernel(1020, *lines), at(second, TIME))

    for known in (second, third):
        found = of_kernel(known)
        assert some(found.counted) == {"conntrack_full": 2}
        assert some(found.earlier) == {}
        assert found.recent == {"conntrack_full": 2}
        assert found.last == {"conntrack_full": LastMessage(FULL, TIME)}


def test_after_a_restart_the_same_message_is_an_earlier_one() -> None:
    """The counter of a new daemon starts at 0; what the log had is told apart, with its time."""
    found = of_kernel(after(KERNEL_LOG, kernel(5000, (4700, FULL), (400, MCE)), START))

    assert some(found.counted) == {}
    assert some(found.earlier) == {"conntrack_full": 1, "machine_check": 1}
    assert found.recent == {"conntrack_full": 1}
    assert found.last["conntrack_full"].instant == TIME - 300
    assert found.last["machine_check"].instant == TIME - 4600


def test_messages_of_the_boot_are_never_recent() -> None:
    """Kernels print of clocks and of old hardware errors while they boot, on healthy hosts too."""
    found = of_kernel(after(KERNEL_LOG, kernel(310, (1.4, MCE), (301, FULL)), START))

    assert found.recent == {"conntrack_full": 1}
    assert some(found.earlier) == {"conntrack_full": 1, "machine_check": 1}


def test_a_message_is_recent_for_15_minutes() -> None:
    """Afterwards it is only in the counter."""
    known = after(KERNEL_LOG, kernel(1000), START)
    known = after(KERNEL_LOG, kernel(1010, (1005, FULL)), known)
    still = after(KERNEL_LOG, kernel(1009 + RECENT, (1005, FULL)), known)
    later = after(KERNEL_LOG, kernel(1011 + RECENT, (1005, FULL)), still)

    assert of_kernel(still).recent == {"conntrack_full": 1}
    assert of_kernel(later).recent == {}
    assert some(of_kernel(later).counted) == {"conntrack_full": 1}


def test_a_program_cannot_pretend_to_be_the_kernel() -> None:
    """Lines that programs of dom0 write to /dev/kmsg do not count."""
    known = after(KERNEL_LOG, kernel(1000), START)
    log = f"12,0,1001000000,-;{FULL}\n4,1,1001000001,-;{MCE}\n".encode()

    found = of_kernel(after(KERNEL_LOG, kernel(1010, log=log), known))

    assert some(found.counted) == {"machine_check": 1}


def test_overwritten_records_are_lost() -> None:
    """Numbers that are missing since the last run are records that nobody read; those before the
    first run are not ours."""
    first = after(KERNEL_LOG, kernel(1000, log=b"6,40,1,-;a\n6,41,2,-;b\n"), START)
    second = after(KERNEL_LOG, kernel(1010, log=b"6,50,1,-;a\n6,51,2,-;b\n6,53,2,-;c\n"), first)

    assert of_kernel(first).lost == 0
    assert of_kernel(second).lost == 9


def test_a_last_message_is_short_and_printable() -> None:
    """Control characters are escapes, and what is longer than a line of a page is cut."""
    line = f"{FULL} \x1b[31m {'x' * 5000}"
    known = after(KERNEL_LOG, kernel(1000), START)

    text = of_kernel(after(KERNEL_LOG, kernel(1010, (1005, line)), known)).last
    assert text["conntrack_full"].text.startswith(rf"{FULL} \x1b[31m xxx")
    assert len(text["conntrack_full"].text) == log_messages.SHOWN


def test_without_a_clock_the_time_is_unknown() -> None:
    """Before any reading has a time, that of a message is not made up."""
    found = of_kernel(after(KERNEL_LOG, kernel(5000, (4700, FULL)), Pass()))

    assert found.last["conntrack_full"].instant is None


def test_a_log_that_may_not_be_read_fails_with_a_next_step() -> None:
    """In a container, or without CAP_SYSLOG, the probe fails and says what gives it access."""
    source = kernel(1000)
    source.errors = {KMSG: denied(KMSG)}

    assert KMSG in failure_of(KERNEL_LOG, source)
    assert "CAP_SYSLOG" in KERNEL_LOG.advice


def test_a_failed_run_forgets_nothing() -> None:
    """Counters go on where they were once the log can be read again."""
    known = after(KERNEL_LOG, kernel(1000), START)
    known = after(KERNEL_LOG, kernel(1010, (1005, FULL)), known)
    source = kernel(1020)
    source.errors = {KMSG: denied(KMSG)}
    failure_of(KERNEL_LOG, source, known)

    found = of_kernel(after(KERNEL_LOG, kernel(1030, (1005, FULL), (1025, FULL)), known))
    assert some(found.counted) == {"conntrack_full": 2}


def test_an_old_kernel_has_no_log_to_follow() -> None:
    """Linux before 3.5 refuses to read /dev/kmsg: the probe does not apply."""
    source = kernel(1000)
    source.errors = {KMSG: SourceError(KMSG, "Invalid argument", errno.EINVAL)}

    assert outcome_of(KERNEL_LOG, source).status is Status.NOT_APPLICABLE


def test_a_message_of_xen_is_counted_once() -> None:
    """What the ring had before is earlier, without a time; what comes is counted as it comes."""
    ring = ConsoleRing(1 << 16)
    ring.put(f"(XEN) Xen version 4.17\n{POD}\n".encode())
    first = after(XEN_CONSOLE, xen(ring), START)
    ring.put(f"{POD}\n(XEN) harmless\n".encode())
    second = after(XEN_CONSOLE, xen(ring, 1010), at(first, TIME))
    third = after(XEN_CONSOLE, xen(ring, 1020), at(second, TIME))

    assert some(of_xen(first).earlier) == {"pod_memory_exhausted": 1}
    assert some(of_xen(first).counted) == {}
    assert of_xen(first).recent == {}
    assert of_xen(first).last["pod_memory_exhausted"] == LastMessage(POD, None)
    for known in (second, third):
        assert some(of_xen(known).counted) == {"pod_memory_exhausted": 1}
        assert of_xen(known).recent == {"pod_memory_exhausted": 1}
        assert of_xen(known).last["pod_memory_exhausted"] == LastMessage(POD, TIME)
        assert of_xen(known).lost == 0


def test_a_guest_cannot_pretend_to_be_xen() -> None:
    """Lines of guests' debug consoles, and of dom0 with console_to_ring, do not count."""
    ring = ConsoleRing(1 << 16)
    known = after(XEN_CONSOLE, xen(ring), START)
    ring.put(f"(d3) {POD}\n[ 1.0] {POD}\nhalf a line of dom0 {POD}\n".encode())

    assert some(of_xen(after(XEN_CONSOLE, xen(ring), known)).counted) == {}


def test_a_line_that_is_not_complete_waits_for_its_end() -> None:
    """A line read in two pieces counts once, when its end is there."""
    ring = ConsoleRing(1 << 16)
    known = after(XEN_CONSOLE, xen(ring), START)
    counts = []
    for piece in (POD[:30], POD[30:] + "\n", ""):
        ring.put(piece.encode())
        known = after(XEN_CONSOLE, xen(ring), known)
        counts.append(some(of_xen(known).counted))

    assert counts == [{}, *[{"pod_memory_exhausted": 1}] * 2]


def test_what_was_overwritten_is_lost_and_its_rest_no_line() -> None:
    """Behind a gap the text begins within a line, which a guest may have printed."""
    ring = ConsoleRing(300)
    known = after(XEN_CONSOLE, xen(ring), START)
    line = f"{POD}\n".encode()
    # The oldest byte of the ring is the one where the guest's line says (XEN).
    ring.put(b"(d3) " + b"x" * 500 + line + b"y" * (300 - 2 * len(line)) + b"\n" + line[:-1])
    known = after(XEN_CONSOLE, xen(ring), known)
    assert ring.text.startswith(b"(XEN)")
    assert of_xen(known).lost == 505
    assert some(of_xen(known).counted) == {}
    ring.put(b"\n")

    assert some(of_xen(after(XEN_CONSOLE, xen(ring), known)).counted) == {"pod_memory_exhausted": 1}


def test_a_ring_that_was_overwritten_before_the_first_run_is_no_loss() -> None:
    """What was gone when xenwatch was started is not counted as lost."""
    ring = ConsoleRing(300)
    ring.put(b"(XEN) much\n" * 100)

    assert of_xen(after(XEN_CONSOLE, xen(ring), START)).lost == 0


def test_a_large_ring_is_read_in_bounded_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """One run takes no more than its calls; the next ones go on with the rest."""
    monkeypatch.setattr(log_messages, "CALLS", 2)
    ring = ConsoleRing(1 << 20)
    ring.put(b"(XEN) much more\n" * 8192 + f"{POD}\n".encode())
    known = START
    for _ in range(2):
        source = xen(ring)
        known = after(XEN_CONSOLE, source, known)
        assert source.asked.count(domaininfo.SYSCTL) == 2
    assert "pod_memory_exhausted" not in of_xen(known).last

    known = after(XEN_CONSOLE, xen(ring), known)
    assert of_xen(known).lost == 0
    assert "pod_memory_exhausted" in of_xen(known).last


def test_a_quiet_console_costs_one_call() -> None:
    """Where nothing was printed, one call says so."""
    ring = ConsoleRing(1 << 16)
    ring.put(b"(XEN) up\n")
    known = after(XEN_CONSOLE, xen(ring), START)
    source = xen(ring)
    after(XEN_CONSOLE, source, known)

    assert source.asked.count(domaininfo.SYSCTL) == 1


@pytest.mark.parametrize("files", NO_XEN.values(), ids=NO_XEN)
def test_only_a_dom0_has_xens_console(files: Files) -> None:
    """A guest, and a host without Xen, have none."""
    source = xen(ConsoleRing(9), files=files)

    assert outcome_of(XEN_CONSOLE, source).status is Status.NOT_APPLICABLE


def test_a_xen_that_refuses_is_a_failure() -> None:
    """A security policy can forbid it."""
    calls = {
        xenversion.XEN_VERSION: versions((4, 17)),
        domaininfo.SYSCTL: lambda call: HypercallReply(-errno.EPERM, call.block),
    }
    source = FakeHost(files={UPTIME: uptime(9), **DOM0}, calls=calls)

    reason = failure_of(XEN_CONSOLE, source)
    assert reason == "XEN_SYSCTL_readconsole: Operation not permitted"


def seen(player: Player, moments: Sequence[float]) -> list[Snapshot]:
    """What the probes of one daemon read of a scenario at these times."""
    source, known, found = ModelSource(player.machine), None, []
    for moment in moments:
        player.advance(moment)
        known = take(source, (KERNEL_LOG, XEN_CONSOLE), partial(float, TIME + moment), known)
        found.append(known.snapshot)
    return found


def test_the_scenario_reports_trouble_in_both_logs() -> None:
    """Of the scenario each message is counted once, in its log, and is over in the end."""
    before, during, over = seen(Player(load("log-messages")), [590, 900, 1800])

    assert [some(log.counted) for log in before.logs().values()] == [{}, {}]
    for snapshot in (during, over):
        assert {log: some(found.counted) for log, found in snapshot.logs().items()} == {
            "kernel": {"conntrack_full": 20, "machine_check": 1},
            "xen": {"pod_memory_exhausted": 1},
        }
    assert during.logs()["kernel"].recent == {"conntrack_full": 20, "machine_check": 1}
    assert over.logs()["kernel"].recent == over.logs()["xen"].recent == {}
