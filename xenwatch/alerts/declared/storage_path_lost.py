"""A multipath map that has lost paths to its storage, or all of them."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import PERCENT, Alert
from xenwatch.alerts.conditions import Selector, SeriesCondition
from xenwatch.alerts.names import CRITICAL, WARNING

_DOWN: Final = Selector("xenwatch_multipath_paths_down_ratio")

ALERT: Final = Alert(
    name="storage_path_lost",
    summary="{value} of the paths of multipath map {map} are down",
    description="{value} of the paths of multipath map {map} have failed or are gone. While one is "
    "left, disks on it work on with less redundancy and bandwidth; without any they hang or fail.",
    first="xenwatch once --format prometheus | grep '^xenwatch_multipath_'",
    conditions={
        WARNING: SeriesCondition(_DOWN, ">", 0),
        CRITICAL: SeriesCondition(_DOWN, ">=", 1),
    },
    seconds=60,
    labels=("map",),
    shown=PERCENT,
    probe="multipath",
    errors={
        # Linux, drivers/md/dm-mpath.c, fail_path.
        "`Failing path N:N`": (
            "no limit: the kernel has taken a path to the storage out of use after an error"
        ),
        # multipath-tools, libmultipath/structs_vec.c; libmultipath/checkers.
        "`remaining active paths: N`, `checker reports path is down`": (
            "no limit: multipathd has lost a path to the storage; with 0 left, disks on the map "
            "hang or fail"
        ),
        # sm, libs/sm/core/XE_SR_ERRORCODES.xml: the errors of multipath.
        "`SR_BACKEND_FAILURE_430`, `SR_BACKEND_FAILURE_431`, `SR_BACKEND_FAILURE_432`, "
        "`SR_BACKEND_FAILURE_433`, `SR_BACKEND_FAILURE_434`": (
            "multipathd does not answer (430), or has made no map for a LUN (432, 433): no limit, "
            "the paths to the storage"
        ),
    },
)
