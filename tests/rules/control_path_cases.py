"""Cases for `promtool test rules` about the control path, and about starts of VMs."""

from __future__ import annotations

from typing import Final

from tests.rules.cases import WEB, Case, Series, labelled, own, vm

FAILED: Final = "xenwatch_control_path_failed_ratio"
MEDIAN: Final = "xenwatch_control_path_median_round_trip_seconds"


def unresponsive(target: str, other: str) -> tuple[Case, ...]:
    """The cases of a daemon of the control path that does not answer."""
    title = f"Xenwatch{target.capitalize()}Unresponsive"
    found = tuple((severity, {"target": target}, 1) for severity in ("warning", "critical"))

    def told(values: str, daemon: str = target) -> tuple[Series, ...]:
        return own(FAILED, values, title, 0.3, 0.5, target=daemon)

    return (
        Case(title, "nothing is answered, with a warning of its own", 3, told("1+0x9"), found),
        Case(title, "every second request fails", 3, told("0.4+0x9"), ((*found[0][:2], 0.4),)),
        Case(title, "a restart of the toolstack", 3, told("0 1 0+0x9")),
        Case(title, "one request of six fails", 5, told("0.17+0x9")),
        Case(title, "another daemon", 5, told("1+0x9", other)),
    )


def slow(values: str) -> tuple[Series, ...]:
    """The median round trip to xapi, and the thresholds."""
    return own(MEDIAN, values, "XenwatchControlPathSlow", 0.5, 1.5, target="xapi")


CONTROL_PATH: Final = (
    *unresponsive("xenstored", "xapi"),
    *unresponsive("xapi", "xenstored"),
    Case(
        "XenwatchControlPathSlow", "nearly timed out", 3, slow("1.7+0x9"),
        (("warning", {"target": "xapi"}, 1.7), ("critical", {"target": "xapi"}, 1.7)),
    ),
    Case("XenwatchControlPathSlow", "four milliseconds", 5, slow("0.004+0x9")),
    Case("XenwatchControlPathSlow", "a moment", 3, slow("0.9 0.004+0x9")),
)  # fmt: skip

STARTING: Final = "xenwatch_domain_starting_seconds"
STARTS: Final = "xenwatch_vm_start_seconds"


def starts(quick: str, all_: str) -> tuple[Series, ...]:
    """Starts of at most ten seconds, and all starts, of which each took a minute at most."""
    return (
        labelled(f"{STARTS}_bucket", quick, le="10"),
        labelled(f"{STARTS}_bucket", all_, le="60"),
        labelled(f"{STARTS}_bucket", all_, le="+Inf"),
        labelled(f"{STARTS}_count", all_),
    )


VM_STARTS: Final = (
    Case(
        "XenwatchVmStartUnfinished", "not up after seven minutes", 2,
        (*own(STARTING, "300+60x30", "XenwatchVmStartUnfinished", 300, None, domid="5"), vm("5")),
        (("warning", WEB, 420),),
    ),
    Case(
        "XenwatchVmStartUnfinished", "on a host with a critical threshold of its own", 4,
        (*own(STARTING, "300+60x30", "XenwatchVmStartUnfinished", 300, 360, domid="5"), vm("5")),
        (("warning", WEB, 540), ("critical", WEB, 540)),
    ),
    Case(
        "XenwatchVmStartUnfinished", "boots", 3,
        (*own(STARTING, "0+60x30", "XenwatchVmStartUnfinished", 300, None, domid="5"), vm("5")),
    ),
    Case(
        "XenwatchVmStartsSlow", "an hour of slow starts after a day of quick ones", 660,
        starts("0+1x600 600+0x60", "0+1x660"), (("warning", {}, 55),),
    ),
    Case("XenwatchVmStartsSlow", "as quick as ever", 660, starts("0+1x660", "0+1x660")),
    Case(
        "XenwatchVmStartsSlow", "one slow start in an hour without others", 660,
        starts("0+1x600 600+0x60", "0+1x600 600+0x40 601+0x19"),
    ),
)  # fmt: skip
