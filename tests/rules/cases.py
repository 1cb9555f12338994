"""Cases for `promtool test rules`: for every alert one in which it fires and one in which not.

Times are minutes, values are a series' notation in promtool: one a minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TARGET: Final = {"job": "xenwatch", "instance": "host1"}
OTHER: Final = (("job", "xenwatch"), ("instance", "host2"))


@dataclass(frozen=True)
class Series:
    """One series as a target has it; the labels of the target are added."""

    metric: str
    values: str
    labels: tuple[tuple[str, str], ...] = ()
    target: bool = True

    def name(self) -> str:
        """The series as promtool writes it."""
        labels = {**dict(self.labels), **(TARGET if self.target else {})}
        pairs = ",".join(f'{name}="{value}"' for name, value in labels.items())
        return f"{self.metric}{{{pairs}}}"


@dataclass(frozen=True)
class Case:
    """Series, the minute to look at, and what fires then: (severity, labels of it, value)."""

    alert: str
    why: str
    minute: int
    series: tuple[Series, ...]
    fires: tuple[tuple[str, dict[str, str], float], ...] = ()


def labelled(metric: str, values: str, **labels: str) -> Series:
    """A series of the target with these labels."""
    return Series(
        metric, values, tuple((name.rstrip("_"), value) for name, value in labels.items())
    )


BUILD: Final = "xenwatch_build_info"
WEB: Final = {"name": "web", "uuid": "8e4f7a52"}


def vm(domid: str, values: str = "1+0x30") -> Series:
    """The VM that a domain is."""
    return labelled("xenwatch_domain_info", values, domid=domid, type="hvm", **WEB)


SERVER: Final = {"backend_domid": "3"}
ERRORS: Final = {"class": "vif", "errno": "ENOSPC", **SERVER}
DISK: Final = {"class": "vbd3", "errno": "ENOENT", "backend_domid": "0"}
NAMELESS: Final = {"name": "", "uuid": "0d3a51c8"}
CLOSED: Final = {"class": "vif", "state": "Closed", **SERVER}


def domains(state: str) -> tuple[Series, ...]:
    """Domain 5 in a state, unless that is empty, and another one."""
    return (
        *([labelled("xenwatch_domain_state", "1+0x20", domid="5", state=state)] if state else ()),
        labelled("xenwatch_domain_state", "1+0x20", domid="6", state="running"),
        vm("5"),
    )


def backend(state: str, domain: str = "") -> tuple[Series, ...]:
    """A backend of domain 5 in a state, the domain in another."""
    its = {**CLOSED, "state": state}
    return (labelled("xenwatch_domain_backends", "1+0x20", domid="5", **its), *domains(domain))


def errors(values: str, domain: str = "") -> tuple[Series, ...]:
    """Error nodes of a device of domain 5, and the domain in a state."""
    its = {"domid": "5", **ERRORS}
    return (labelled("xenwatch_domain_backend_errors", values, **its), *domains(domain))


END: Final = "xenwatch_maintenance_end_timestamp_seconds"
DECLARED: Final = (
    Case(
        "XenwatchProbeFailing", "for five minutes", 6,
        (labelled("xenwatch_probe_success", "0+0x9", probe="xenstore"),),
        (("warning", {"probe": "xenstore"}, 0),),
    ),
    Case(
        "XenwatchProbeFailing", "one failure in between", 6,
        (labelled("xenwatch_probe_success", "1 1 0 1 1 1 1", probe="xenstore"),),
    ),
    Case(
        "XenwatchBackendErrors", "a vif without event channels", 3,
        errors("1+0x9", "crashed"),
        (("warning", {**WEB, **ERRORS}, 1),),
    ),
    Case(
        "XenwatchBackendErrors", "a disk, whose storage is told, of a VM without a name", 3,
        (
            labelled("xenwatch_domain_backend_errors", "1+0x9", domid="5", **DISK),
            labelled("xenwatch_domain_state", "1+0x9", domid="5", state="running"),
            labelled("xenwatch_domain_info", "1+0x9", domid="5", **NAMELESS),
            *(
                labelled("xenwatch_disk_info", "1+0x9", domid=domid, device=device, storage=storage)
                for domid, device, storage in (
                    ("5", "51712", "e3cd2b07"), ("5", "51728", "e3cd2b07"), ("5", "51744", ""),
                    ("5", "51760", "0fbc1a55"), ("5", "51776", "ffff0000"), ("6", "51712", "other"),
                )
            ),
        ),
        (("warning", {**NAMELESS, **DISK}, 1),),
    ),
    Case(
        "XenwatchBackendErrors", "the VM reboots, and is another domain", 4,
        (
            labelled("xenwatch_domain_backend_errors", "1+0x2 stale", domid="5", **ERRORS),
            labelled("xenwatch_domain_state", "1+0x2 stale", domid="5", state="running"),
            vm("5", "1+0x2 stale"),
            labelled("xenwatch_domain_backend_errors", "_x3 1+0x9", domid="9", **ERRORS),
            labelled("xenwatch_domain_state", "_x3 1+0x9", domid="9", state="running"),
            vm("9", "_x3 1+0x9"),
        ),
        (("warning", {**WEB, **ERRORS}, 1),),
    ),
    Case(
        "XenwatchBackendErrors", "the VM has lacked the device for ten minutes", 11,
        errors("1+0x20", "running"),
        (("warning", {**WEB, **ERRORS}, 1), ("critical", {**WEB, **ERRORS}, 1)),
    ),
    Case("XenwatchBackendErrors", "the domain is dying", 3, errors("1+0x9", "dying")),
    Case("XenwatchBackendErrors", "nobody knows the domain", 3, errors("1+0x9")),
    Case(
        "XenwatchBackendErrors", "an error that is gone at once: a device tried again", 3,
        errors("1 stale", "running"),
    ),
    Case(
        "XenwatchBackendsClosed", "the domain runs", 6, backend("Closed", "running"),
        (("warning", {**WEB, **CLOSED}, 1),),
    ),
    Case("XenwatchBackendsClosed", "the domain is dying", 6, backend("Closed", "dying")),
    Case("XenwatchBackendsClosed", "the domain has shut down", 6, backend("Closed", "shutdown")),
    Case("XenwatchBackendsClosed", "the domain is gone, its backend is left", 6,
         backend("Closed")),
    Case("XenwatchBackendsClosed", "a guest without drivers waits", 6,
         backend("InitWait", "running")),
    Case(
        "XenwatchZombieDomain", "for ten minutes", 11,
        (labelled("xenwatch_domain_state", "1+0x20", domid="5", state="dying"), vm("5")),
        (("warning", {**WEB, "domid": "5", "state": "dying"}, 1),),
    ),
    Case(
        "XenwatchZombieDomain", "large guests take minutes to die", 11,
        (labelled("xenwatch_domain_state", "1+0x8 stale", domid="5", state="dying"), vm("5")),
    ),
    Case("XenwatchDown", "not scraped for five minutes", 6, (labelled("up", "0+0x9"),),
         (("warning", {}, 0),)),
    Case("XenwatchDown", "longer than a reboot takes", 15, (labelled("up", "0+0x20"),),
         (("warning", {}, 0), ("critical", {}, 0))),
    Case("XenwatchMaintenance", "for another hour", 1, (labelled(END, "3660+0x9"),),
         (("info", {}, 3600),)),
    Case("XenwatchMaintenance", "it has ended: what is over is still kept firing", 67,
         (labelled(END, "3660+0x70"),), (("info", {}, 60),)),
    Case("XenwatchMaintenance", "it has ended by itself", 68, (labelled(END, "3660+0x70"),)),
    Case("XenwatchMaintenance", "the host is rebooted meanwhile", 11,
         (labelled(END, "3660+0x5 stale"), labelled("up", "_x5 0+0x20")),
         (("info", {}, 3000),)),
    Case("XenwatchMaintenance", "it was ended by hand", 10, (labelled(END, "3660 3660 0+0x9"),)),
    Case("XenwatchUnreachable", "a scrape that fails", 0, (labelled("up", "0+0x9"),),
         (("info", {}, 0),)),
    Case("XenwatchUnreachable", "answers again", 2,
         (labelled("up", "1 0 1"), labelled(BUILD, "1 stale 1"))),
    Case("XenwatchDown", "another host answers", 6,
         (labelled("up", "0+0x9"), Series("up", "1+0x9", OTHER, target=False),
          Series(BUILD, "1+0x9", OTHER, target=False)),
         (("warning", {}, 0),)),
    Case("XenwatchDown", "a restart", 6,
         (labelled("up", "1 1 0 1 1 1 1"), labelled(BUILD, "1 1 stale 1 1 1 1"))),
    Case("XenwatchDown", "node_exporter answers, xenwatch is stopped", 8,
         (labelled("up", "1+0x9"), labelled(BUILD, "1 1 stale")), (("warning", {}, 1),)),
    Case("XenwatchUnreachable", "node_exporter answers, xenwatch is stopped", 2,
         (labelled("up", "1+0x9"), labelled(BUILD, "1 1 stale")), (("info", {}, 1),)),
    Case("XenwatchDown", "node_exporter answers, xenwatch restarts", 8,
         (labelled("up", "1+0x9"), labelled(BUILD, "1 1 stale _x2 1+0x9"))),
    Case("XenwatchAbsent", "no series at all", 11, (labelled("up", "1+0x20"),),
         (("critical", {"job": "xenwatch"}, 1),)),
    Case("XenwatchAbsent", "one host is enough", 11,
         (labelled("xenwatch_build_info", "1+0x20", version="1"),)),
    Case("XenwatchStale", "the newest reading stands still", 7,
         (labelled("xenwatch_snapshot_timestamp_seconds", "0+0x9"),), (("critical", {}, 420),)),
    Case("XenwatchStale", "readings go on", 7,
         (labelled("xenwatch_snapshot_timestamp_seconds", "0+60x9"),)),
    Case("XenwatchInternalErrors", "a limit raises on every page", 20,
         (labelled("xenwatch_internal_errors_total", "0+6x25", part="limit"),
          labelled("xenwatch_internal_errors_total", "0+0x25", part="alert")),
         (("warning", {"part": "limit"}, 120),)),
    Case("XenwatchInternalErrors", "nothing raises", 20,
         (labelled("xenwatch_internal_errors_total", "7+0x25", part="limit"),)),
    # All of them in one case, as each costs an evaluation a minute.
    Case(
        "XenwatchPoolFull", "every host is full for the shape", 11,
        (labelled("xenwatch_vm_headroom", "0+0x20", shape="windows"),
         labelled("xenwatch_vm_headroom", "9+0x20", shape="linux")),
        (("warning", {"shape": "windows"}, 0),),
    ),
    Case(
        "XenwatchPoolFull", "another host has room", 11,
        (labelled("xenwatch_vm_headroom", "0+0x20", shape="windows"),
         Series("xenwatch_vm_headroom", "1+0x20", (("shape", "windows"), *OTHER), target=False)),
    ),
    # Of the 12 VMs of host1 the 9 places of host2 leave 3; of linux there is room for all.
    Case(
        "XenwatchPoolNotRedundant", "the other host has too little room", 11,
        (labelled("xenwatch_vm_headroom", "2+0x20", shape="windows"),
         labelled("xenwatch_vm_headroom", "30+0x20", shape="linux"),
         labelled("xenwatch_domains", "12+0x20", state="running"),
         labelled("xenwatch_domains", "1+0x20", state="paused"),
         labelled("xenwatch_domains", "5+0x20", state="dying"),
         Series("xenwatch_vm_headroom", "9+0x20", (("shape", "windows"), *OTHER), target=False),
         Series("xenwatch_vm_headroom", "40+0x20", (("shape", "linux"), *OTHER), target=False),
         Series("xenwatch_domains", "3+0x20", (("state", "running"), *OTHER), target=False)),
        (("warning", {"shape": "windows"}, 3),),
    ),
    Case(
        "XenwatchPoolNotRedundant", "the VMs of each host fit on the other, or there is none", 11,
        (labelled("xenwatch_vm_headroom", "2+0x20", shape="windows"),
         labelled("xenwatch_vm_headroom", "0+0x20", shape="alone"),
         labelled("xenwatch_domains", "10+0x20", state="running"),
         Series("xenwatch_vm_headroom", "9+0x20", (("shape", "windows"), *OTHER), target=False),
         Series("xenwatch_domains", "3+0x20", (("state", "running"), *OTHER), target=False)),
    ),
)  # fmt: skip


def own(
    metric: str, values: str, title: str, warning: float, critical: float | None, **labels: str
) -> tuple[Series, ...]:
    """A series, and the thresholds of an alert of its own."""
    bounds = {"warning": warning} | ({} if critical is None else {"critical": critical})
    return (
        labelled(metric, values, **labels),
        *(
            labelled("xenwatch_alert_threshold", f"{at}+0x30", alert=title, severity=severity)
            for severity, at in bounds.items()
        ),
    )  # fmt: skip


KILLS: Final = "xenwatch_dom0_recent_oom_kills"
SWAP_INS: Final = "xenwatch_dom0_swap_in_pages_per_second"
WAITS: Final = "xenwatch_dom0_memory_pressure_ratio"
LARGEST: Final = "xenwatch_dom0_largest_free_order"
BLOCKED: Final = "xenwatch_dom0_blocked_tasks"
RESTARTS: Final = "xenwatch_vm_recent_restarts"
LOOPING: Final = {"uuid": "8e4f7a52", "name": "web"}
IN_LOG: Final = "xenwatch_log_recent_messages"
TABLE_FULL: Final = {
    "log": "kernel", "kind": "conntrack_full", "runbook": "XenwatchConntrackNearLimit"
}  # fmt: skip

MEMORY: Final = (
    Case(
        "XenwatchOomKill", "xapi was killed", 1, (labelled(KILLS, "1+0x9", victim="xapi"),),
        (("warning", {"victim": "xapi"}, 1), ("critical", {"victim": "xapi"}, 1)),
    ),
    Case(
        "XenwatchOomKill", "a backup was killed", 1, (labelled(KILLS, "2+0x9", victim="tar"),),
        (("warning", {"victim": "tar"}, 2),),
    ),
    Case("XenwatchOomKill", "an hour later", 10, (labelled(KILLS, "1 1 stale", victim="xapi"),)),
    Case(
        "XenwatchSwapping", "ten megabytes a second", 6,
        own(SWAP_INS, "2560+0x30", "XenwatchSwapping", 256, 2560),
        (("warning", {}, 2560), ("critical", {}, 2560)),
    ),
    Case(
        "XenwatchSwapping", "swap is full and nothing is read back", 6,
        own(SWAP_INS, "0+0x30", "XenwatchSwapping", 256, 2560),
    ),
    Case(
        "XenwatchMemoryPressure", "a fifth of the time", 6,
        own(WAITS, "0.2+0x30", "XenwatchMemoryPressure", 0.1, 0.4, kind="some"),
        (("warning", {"kind": "some"}, 0.2),),
    ),
    Case(
        "XenwatchMemoryPressure", "half of the time", 6,
        own(WAITS, "0.5+0x30", "XenwatchMemoryPressure", 0.1, 0.4, kind="some"),
        (("warning", {"kind": "some"}, 0.5), ("critical", {"kind": "some"}, 0.5)),
    ),
    Case(
        "XenwatchMemoryPressure", "hardly ever", 6,
        own(WAITS, "0.01+0x30", "XenwatchMemoryPressure", 0.1, 0.4, kind="some"),
    ),
    Case(
        "XenwatchMemoryFragmented", "two pages at most", 11,
        own(LARGEST, "1+0x30", "XenwatchMemoryFragmented", 5, 3),
        (("warning", {}, 1), ("critical", {}, 1)),
    ),
    Case(
        "XenwatchMemoryFragmented", "sixteen pages at most", 11,
        own(LARGEST, "4+0x30", "XenwatchMemoryFragmented", 5, 3), (("warning", {}, 4),),
    ),
    Case(
        "XenwatchMemoryFragmented", "large blocks are free", 11,
        own(LARGEST, "10+0x30", "XenwatchMemoryFragmented", 5, 3),
    ),
    Case(
        "XenwatchTasksBlocked", "57 tasks wait for an NFS server", 3,
        own(BLOCKED, "57+0x30", "XenwatchTasksBlocked", 10, None), (("warning", {}, 57),),
    ),
    Case(
        "XenwatchTasksBlocked", "57 tasks, on a host with a critical threshold of its own", 3,
        own(BLOCKED, "57+0x30", "XenwatchTasksBlocked", 10, 50),
        (("warning", {}, 57), ("critical", {}, 57)),
    ),
    Case(
        "XenwatchCrashLoop", "a VM crashes a minute after each start", 1,
        own(RESTARTS, "6+0x9", "XenwatchCrashLoop", 5, None, **LOOPING), (("warning", LOOPING, 6),),
    ),
    Case(
        "XenwatchCrashLoop", "a VM crashes at once, with a critical threshold of its own", 1,
        own(RESTARTS, "40+0x9", "XenwatchCrashLoop", 5, 20, **LOOPING),
        (("warning", LOOPING, 40), ("critical", LOOPING, 40)),
    ),
    Case(
        "XenwatchCrashLoop", "a VM was installed", 1,
        own(RESTARTS, "3+0x9", "XenwatchCrashLoop", 5, None, **LOOPING),
    ),
    Case(
        "XenwatchLogMessage", "the connection table is full", 1,
        (labelled(IN_LOG, "20+0x9", **TABLE_FULL),), (("warning", TABLE_FULL, 20),),
    ),
    Case("XenwatchLogMessage", "15 minutes later", 9,
         (labelled(IN_LOG, "20 20 stale", **TABLE_FULL),)),
    Case(
        "XenwatchTasksBlocked", "a burst of writes", 3,
        own(BLOCKED, "57 0+0x30", "XenwatchTasksBlocked", 10, None),
    ),
)  # fmt: skip

CASES: Final = (*DECLARED, *MEMORY)
"""Those of alerts about dom0 and its VMs."""
