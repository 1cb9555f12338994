"""The QEMUs of guests: how they are found, what they add up to, and what is not read twice."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, cast

import pytest

from tests.probes.support import (
    BLOCKED,
    HVM,
    FakeHost,
    after,
    denied,
    dom0,
    failed,
    failure_of,
    handle,
    info,
    value_of,
    xen,
)
from xenwatch.model.render.process import render_schedstat, render_stat
from xenwatch.model.render.text import render_arguments
from xenwatch.parse.process import ProcessStat, Schedstat
from xenwatch.probes.base import Pass
from xenwatch.probes.domains import DOMAINS
from xenwatch.probes.qemu import LOOKUP_PASSES, QEMUS, SEARCH_EVERY, SEARCH_PASSES
from xenwatch.readings.qemus import Qemu, Qemus

PID = 900
ARGV = ("qemu-dm-5", "-xen-domid", "5", "-usb", "-device", "usb-tablet")


@dataclasses.dataclass
class Process:
    """A process as files in /proc: (schedstat, wakeups) by thread, CPU ticks, start time."""

    pid: int = PID
    argv: tuple[str, ...] = ARGV
    threads: dict[int, tuple[bytes, int]] = dataclasses.field(
        default_factory=lambda: {PID: (schedstat(1), 100), PID + 1: (schedstat(1), 20)}
    )
    ticks: int = 250
    start: int = 4000

    def files(self) -> dict[str, bytes]:
        """Its files by path."""
        numbers = [0] * 49
        numbers[10], numbers[11] = self.ticks - 50, 50
        numbers[16], numbers[18] = len(self.threads), self.start
        home = f"/proc/{self.pid}"
        found = {
            f"{home}/stat": render_stat(ProcessStat(self.pid, b"qemu", "S", tuple(numbers))),
            f"{home}/cmdline": render_arguments(self.argv),
        }
        for tid, (words, wakeups) in self.threads.items():
            found[f"{home}/task/{tid}/schedstat"] = words
            status = f"Name:\tqemu\nvoluntary_ctxt_switches:\t{wakeups}\n"
            found[f"{home}/task/{tid}/status"] = status.encode()
        return found


def schedstat(runs: int) -> bytes:
    """A thread's schedstat after so many runs: a quarter of a second of waiting each."""
    return render_schedstat(Schedstat(runs * 1000, runs * 250_000_000, runs))


def host(
    processes: Iterable[Process], store: dict[str, bytes] | None = None, **parts: Any
) -> FakeHost:
    """A dom0 with a PV guest 3 and an HVM guest 5, and these processes."""
    found = list(processes)
    files = {path: data for process in found for path, data in process.files().items()}
    directories = {
        f"/proc/{process.pid}/task": tuple(map(str, process.threads))
        for process in found
        if process.threads
    }
    directories["/proc"] = ("1", *(str(process.pid) for process in found), "meminfo")
    domains = [info(0), info(3), info(5, BLOCKED | HVM, emulation=0x3FF)]
    calls = parts.pop("calls", xen(domains))
    return dom0(files, directories=directories, store=store or {}, calls=calls, **parts)


def passed(source: FakeHost, before: Pass | None = None) -> Pass:
    """What is known after a pass of the domains and the QEMUs."""
    return after(QEMUS, source, after(DOMAINS, source, before))


def qemus(known: Pass) -> Qemus:
    """The reading of a pass."""
    assert known.snapshot.qemus is not None
    return known.snapshot.qemus


def only(known: Pass) -> Qemu:
    """The one QEMU of a pass."""
    (qemu,) = qemus(known).by_domid.values()
    return qemu


def absent(known: Pass) -> Mapping[int, Any]:
    """The domains without a QEMU that is known."""
    return cast(Any, known.memories["qemus"]).absent  # type: ignore[no-any-return]


def test_a_qemu_is_found_and_added_up() -> None:
    """The counters are the sums over the threads, the devices those of the command line."""
    known = passed(host([Process()]))

    assert list(qemus(known).by_domid) == [5]
    qemu = only(known)
    assert (qemu.pid, qemu.uuid, qemu.devices) == (PID, str(handle(5)), ("usb", "usb-tablet"))
    assert (qemu.wakeups, qemu.cpu_seconds, qemu.wait_seconds) == (120, 2.5, 0.5)
    assert qemu.threads == (PID, PID + 1)
    assert absent(known) == {}


@pytest.mark.parametrize("key", ["image/device-model-pid", "qemu-pid"])
def test_xenstore_leads_to_the_qemu(key: str) -> None:
    """With the pid in xenstore the processes are not searched."""
    source = host([Process()], {f"/local/domain/5/{key}": b"900"})

    assert list(qemus(passed(source)).by_domid) == [5]
    assert "/proc" not in source.asked


def test_a_wrong_pid_in_xenstore_misleads_nobody() -> None:
    """A pid that is another guest's QEMU, or none at all, is not taken."""
    other = Process(pid=901, argv=("qemu-dm-6", "-xen-domid", "6"), threads={901: (b"1 1 1\n", 7)})
    for pid in (b"901", b"902", b"many"):
        source = host([Process(), other], {"/local/domain/5/image/device-model-pid": pid})

        assert only(passed(source)).pid == PID


def test_an_idle_qemu_is_one_small_file_a_thread() -> None:
    """A known QEMU that has not run costs the schedstat of each thread and no more."""
    before = passed(host([Process()]))
    source = host([Process()])

    assert value_of(QEMUS, source, before) == qemus(before)
    mine = [path for path in source.asked if str(path).startswith("/proc/900")]
    assert mine == [f"/proc/900/task/{tid}/schedstat" for tid in (900, 901)]
    assert "/proc" not in source.asked


def test_only_threads_that_ran_have_their_status_read() -> None:
    """A thread whose schedstat has moved has its wakeups read again, another has not."""
    before = passed(host([Process()]))
    source = host([Process(threads={900: (schedstat(3), 160), 901: (schedstat(1), 20)})])

    assert only(passed(source, before)).wakeups == 180
    read = [path for path in source.asked if str(path).endswith("/status")]
    assert read == ["/proc/900/task/900/status"]


def test_counters_keep_what_ended_threads_had() -> None:
    """Threads that come and go leave their wakeups and their waiting behind."""
    first = passed(host([Process()]))
    second = passed(host([Process(threads={900: (schedstat(2), 110)})]), first)
    third = passed(
        host([Process(threads={900: (schedstat(3), 110), 950: (schedstat(4), 5)})]), second
    )

    assert [only(known).wakeups for known in (first, second, third)] == [120, 130, 135]
    assert [only(known).wait_seconds for known in (first, second, third)] == [0.5, 0.75, 2.0]
    assert only(third).threads == (900, 950)


def test_a_thread_in_place_of_another_is_noticed() -> None:
    """One thread ended and one began between two passes: neither is lost."""
    first = passed(host([Process()]))
    second = passed(
        host([Process(threads={900: (schedstat(2), 101), 950: (schedstat(1), 5)})]), first
    )

    assert only(second).wakeups == 126


def test_a_reused_pid_never_counts() -> None:
    """A process with the pid but another start time is not the QEMU that was known."""
    before = passed(host([Process()]))
    stranger = Process(argv=("sleep", "1"), start=9000, threads={900: (b"1 1 1\n", 7)})

    known = passed(host([stranger]), before)

    assert qemus(known).by_domid == {}
    assert list(absent(known)) == [5]


def test_a_domid_of_a_new_domain_is_a_new_qemu() -> None:
    """After the domain of that number was another, its QEMU starts from its own numbers."""
    before = passed(host([Process()]))
    domains = [info(0), info(5, BLOCKED | HVM, emulation=0x3FF, generation=77)]
    new = Process(pid=950, threads={950: (schedstat(1), 3)})
    store = {"/local/domain/5/image/device-model-pid": b"950"}

    known = passed(host([new], store, calls=xen(domains)), before)

    assert (only(known).pid, only(known).wakeups) == (950, 3)
    assert only(known).uuid == str(handle(77))


def test_a_failure_does_not_make_counters_fall() -> None:
    """What ended threads had is still there after a pass in which the probe failed."""
    first = passed(host([Process()]))
    second = passed(host([Process(threads={900: (schedstat(2), 110)})]), first)
    lost = failed(QEMUS, second)
    assert lost.snapshot.qemus is None

    assert only(passed(host([Process(threads={900: (schedstat(2), 110)})]), lost)).wakeups == 130


@pytest.mark.parametrize("words", [None, b"0 0 0\n"])
def test_without_schedstat_wakeups_are_read_all_the_same(words: bytes | None) -> None:
    """Where the kernel keeps no such numbers waiting is unknown, and every status is read."""

    def at(wakeups: int) -> FakeHost:
        source = host([Process(threads={900: (words or b"", wakeups)})])
        if words is None:
            source.files = {k: v for k, v in source.files.items() if not k.endswith("schedstat")}
        return source

    first = passed(at(10))
    second = passed(at(15), first)

    assert [only(known).wakeups for known in (first, second)] == [10, 15]
    assert only(second).wait_seconds is None


def test_all_processes_are_searched_rarely() -> None:
    """A guest without a QEMU costs a search at first, a few more in ten passes each, then none."""
    known = Pass()
    searched, asked = [], []
    for number in range(SEARCH_PASSES + 2 * SEARCH_EVERY):
        source = host([])
        known = passed(source, known)
        if "/proc" in source.asked:
            searched.append(number)
        if "/local/domain/5/qemu-pid" in source.asked:
            asked.append(number)

    assert searched == [number * SEARCH_EVERY for number in range(4)]
    assert asked == list(range(LOOKUP_PASSES))


def test_domains_without_a_qemu_share_one_search() -> None:
    """However many there are, and whenever each came, all of /proc is read in a tenth of passes."""
    known = Pass()
    searched = []
    for number in range(3 * SEARCH_EVERY):
        domains = [info(domid, BLOCKED | HVM, emulation=0x3FF) for domid in range(5, 6 + number)]
        source = host([], calls=xen([info(0), *domains]))
        known = passed(source, known)
        if "/proc" in source.asked:
            searched.append(number)

    assert searched == [0, SEARCH_EVERY, 2 * SEARCH_EVERY]


def test_a_new_guest_costs_no_search_while_xenstore_is_asked() -> None:
    """A QEMU that starts a moment after its domain is found by its pid, without a search."""
    none = host([], calls=xen([info(0)]))
    known = passed(host([]), passed(none))
    assert absent(known)[5].passes == 0
    late = host([Process()], {"/local/domain/5/image/device-model-pid": b"900"})

    assert only(passed(late, known)).pid == PID
    for number in range(1, LOOKUP_PASSES + 1):
        source = host([])
        known = passed(source, known)
        assert ("/proc" in source.asked) == (number == LOOKUP_PASSES)


def test_a_qemu_that_ends_within_a_pass_has_ended() -> None:
    """Its files were there a moment ago, its threads cannot be listed: it is absent."""
    before = passed(host([Process()]))
    more = {900: (schedstat(3), 160), 901: (schedstat(1), 20), 902: (schedstat(1), 5)}
    source = host([Process(threads=more)])
    source.directories = {"/proc": ("1", "900")}

    assert list(absent(passed(source, before))) == [5]
    assert list(absent(passed(source))) == [5]


def test_a_silent_xenstored_hides_no_qemu() -> None:
    """Where xenstored does not answer, the processes are searched."""
    source = host([Process()])
    source.store = None
    known = passed(host([], calls=xen([info(0)])))

    assert list(qemus(passed(source)).by_domid) == [5]
    assert list(qemus(passed(source, known)).by_domid) == [5]


def test_pv_guests_dom0_and_the_dying_have_none() -> None:
    """A QEMU that names a PV guest, dom0 or a dying domain is not looked for."""
    domains = [info(0), info(3), info(5, 1 | HVM, emulation=0x3FF)]
    strays = [
        Process(),
        Process(pid=901, argv=("qemu", "-xen-domid", "3"), threads={901: (b"1 1 1\n", 7)}),
        Process(pid=902, argv=("qemu", "-xen-domid", "0"), threads={902: (b"1 1 1\n", 7)}),
    ]

    assert value_of(QEMUS, host(strays, calls=xen(domains))) == Qemus({})


def test_a_file_that_cannot_be_read_fails_the_probe() -> None:
    """A known QEMU whose file is refused is no QEMU without wakeups."""
    before = passed(host([Process()]))
    path = "/proc/900/task/901/schedstat"

    assert path in failure_of(QEMUS, host([Process()], errors={path: denied(path)}), before)
