"""Cases of the alerts about limits, see `tests.rules.cases`."""

from __future__ import annotations

from typing import Final

from tests.rules.cases import WEB, Case, Series, labelled, vm
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Limit


def shares(metric: str, length: int = 30) -> tuple[Series, ...]:
    """What VMs use of a limit by a metric, one of them without a name, and how many more fit."""
    others = (
        labelled("xenwatch_domain_info", f"1+0x{length}", domid=domid, name=name, uuid=f"u{domid}")
        for domid, name in (("8", "vm8"), ("9", ""), ("10", "vm10"))
    )
    uses = (labelled(metric, f"{n << 20}+0x{length}", domid=str(n)) for n in (0, 7, 8, 9, 10, 11))
    room = (
        labelled("xenwatch_vm_headroom", f"{left}+0x{length}", shape=shape)
        for shape, left in (("windows", 3), ("linux", 12))
    )
    return (vm("7", f"1+0x{length}"), *others, *(uses if metric else ()), *room)


def of_limit(limit: Limit) -> list[Case]:
    """The cases of a limit's alert."""
    own = {limit.label: "7"} if limit.label else {}
    told = WEB if limit.label == "domid" else own
    title = "Xenwatch" + limit.name.replace("_", " ").title().replace(" ", "") + "NearLimit"

    def series(used: int, most: str = "200+0x9") -> tuple[Series, ...]:
        return (
            labelled(limit.used_metric, f"{used}+0x9", **own),
            *shares(limit.by_domain),
            labelled(limit.max_metric, most, **own),
            *(
                labelled(
                    "xenwatch_limit_threshold_ratio", f"{at}+0x9", limit=limit.name, severity=s
                )
                for s, at in (("warning", 0.75), ("critical", 0.875))
            ),
            # Another limit, which is full, has nothing to do with it.
            labelled("xenwatch_limit_threshold_ratio", "0+0x9", limit="other", severity="warning"),
        )

    both = (("warning", told, 0.875), ("critical", told, 0.875))
    none_left = (("warning", told, 1), ("critical", told, 1))
    return [
        Case(title, "at the critical threshold both severities fire", 2, series(175), both),
        Case(title, "at the warning threshold", 2, series(150), (("warning", told, 0.75),)),
        Case(title, "not before it has lasted a minute", 0, series(175)),
        Case(title, "below the threshold", 5, series(149)),
        Case(title, "without a max nothing is known", 5, series(175, "_x9")),
        Case(title, "a max of 0 is exhausted by nothing", 2, series(0, "0+0x9"), none_left),
        Case(title, "a max of 0 that is exceeded", 2, series(3, "0+0x9"), none_left),
    ]


def soon(
    values: str, *thresholds: tuple[str, int], limit: str = "aio_requests"
) -> tuple[Series, ...]:
    """A limit that is full in so many seconds, and the thresholds."""
    return (
        labelled("xenwatch_limit_seconds_to_full", values, limit=limit),
        *(
            labelled(
                "xenwatch_alert_threshold", f"{at}+0x30", alert="XenwatchLimitFullSoon", severity=s
            )
            for s, at in thresholds
        ),
    )


DAY_AND_HOUR: Final = (("warning", 21600), ("critical", 3600))


def ratio(limit: str, values: str) -> Series:
    """How much of a limit is used."""
    return labelled("xenwatch_limit_used_ratio", values, limit=limit)


TRENDS: Final = (
    Case(
        "XenwatchLimitFullSoon", "within the hour: both severities", 12,
        (*soon("1800+0x30", *DAY_AND_HOUR), *shares("xenwatch_domain_disks")),
        (
            ("warning", {"limit": "aio_requests"}, 1800),
            ("critical", {"limit": "aio_requests"}, 1800),
        ),
    ),
    Case(
        "XenwatchLimitFullSoon", "within six hours", 12, soon("7200+0x30", *DAY_AND_HOUR),
        (("warning", {"limit": "aio_requests"}, 7200),),
    ),
    Case(
        "XenwatchLimitFullSoon", "a limit of each VM, of which the fullest are named", 12,
        (*soon("7200+0x30", *DAY_AND_HOUR, limit="grant_frames"),
         *shares("xenwatch_grant_frames_used")),
        (("warning", {"limit": "grant_frames"}, 7200),),
    ),
    Case(
        "XenwatchLimitFullSoon", "a limit of which nobody knows who uses it", 12,
        soon("7200+0x30", *DAY_AND_HOUR, limit="ptys"), (("warning", {"limit": "ptys"}, 7200),),
    ),
    Case(
        "XenwatchLimitFullSoon", "within a minute, or used up already", 12,
        (*soon("59.9+0x30", *DAY_AND_HOUR, limit="ptys"),
         labelled("xenwatch_limit_seconds_to_full", "0+0x30", limit="irqs")),
        tuple(
            (severity, {"limit": limit}, value)
            for severity, _ in DAY_AND_HOUR
            for limit, value in (("ptys", 59.9), ("irqs", 0))
        ),
    ),
    Case("XenwatchLimitFullSoon", "in days", 30, soon("86400+0x30", *DAY_AND_HOUR)),
    Case("XenwatchLimitFullSoon", "a burst of starts is no trend for long", 12,
         soon("1800+0x3 stale", *DAY_AND_HOUR)),
    Case("XenwatchLimitFullSoon", "no threshold: never", 30, soon("1800+0x30")),
    Case(
        "XenwatchLimitFillingUp", "rises by a sixth in six hours, and others that do not", 460,
        (
            ratio("aio_requests", "0.5+0.0005x470"),
            *shares("xenwatch_domain_disks", 470),
            ratio("rises_but_half_is_free", "0.1+0.0005x470"),
            ratio("flat", "0.9+0x470"),
            ratio("at_rest_for_an_hour", "0.5+0.0005x390 0.7+0x80"),
            *(ratio(f"step_{age}", f"0.2+0x{460 - age} 0.55+0x{age}")
              for age in (10, 50, 100, 180, 300, 350)),
        ),
        (("warning", {"limit": "aio_requests"}, 32400),),
    ),
    Case("XenwatchLimitFillingUp", "nobody knows the last six hours", 100,
         (ratio("aio_requests", "0.5+0.0005x110"),)),
)  # fmt: skip

OF_LIMITS: Final = (*(case for limit in LIMITS for case in of_limit(limit)), *TRENDS)
"""Those of each limit, and of limits that will be exhausted."""
