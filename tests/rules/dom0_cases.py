"""Cases for `promtool test rules` about how dom0 stands: its CPUs, its clock, its pool."""

from __future__ import annotations

from typing import Final

from tests.rules.cases import Case, Series, labelled, own

STEAL: Final = "XenwatchDom0CpuSteal"
CLOCK: Final = "XenwatchClockUnsynchronized"
HA: Final = "XenwatchHaAtRisk"


def stolen(values: str, critical: float | None = None) -> tuple[Series, ...]:
    """The part stolen, and the default threshold; by default none is critical."""
    return own("xenwatch_dom0_cpu_steal_ratio", values, STEAL, 0.1, critical)


def synchronized(values: str) -> tuple[Series, ...]:
    """Whether the clock is synchronized."""
    return (labelled("xenwatch_dom0_clock_synchronized", values),)


def warned(values: str, warning: str) -> tuple[Series, ...]:
    """What xhad warns of, and what it does not."""
    return (
        labelled("xenwatch_ha_warning", values, warning=warning),
        labelled("xenwatch_ha_warning", "0+0x9", warning="heartbeat_approaching_timeout"),
    )


LOST: Final = {"warning": "statefile_lost"}
BOND: Final = {"warning": "network_bonding_error"}

DOM0: Final = (
    Case(STEAL, "a third of the time", 6, stolen("0.33+0x9"), (("warning", {}, 0.33),)),
    Case(
        STEAL, "a critical threshold is set", 6, stolen("0.33+0x9", 0.3),
        (("warning", {}, 0.33), ("critical", {}, 0.33)),
    ),
    Case(STEAL, "a busy host", 9, stolen("0.04+0x9")),
    Case(STEAL, "a moment", 6, stolen("0.33+0x3 0.04+0x9")),
    Case(CLOCK, "half an hour", 31, synchronized("0+0x40"), (("warning", {}, 0),)),
    Case(CLOCK, "the first minutes after boot", 29, synchronized("0+0x40")),
    Case(CLOCK, "chronyd has set it", 40, synchronized("0+0x20 1+0x30")),
    Case(
        HA, "no state file", 2, warned("1+0x9", "statefile_lost"),
        (("warning", LOST, 1), ("critical", LOST, 1)),
    ),
    Case(
        HA, "a bond is degraded", 2, warned("1+0x9", "network_bonding_error"),
        (("warning", BOND, 1),),
    ),
    Case(HA, "one late answer", 1, warned("1 0+0x9", "statefile_lost")),
)  # fmt: skip
