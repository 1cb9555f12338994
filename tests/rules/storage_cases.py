"""Cases of the alerts about storage of guests, see `tests.rules.cases`."""

from __future__ import annotations

from typing import Final

from tests.rules.cases import WEB, Case, labelled, vm

STALLED: Final = {
    "storage": "5e1", "domid": "5", **WEB, "device": "51712"
}  # fmt: skip
HUNG: Final = {"storage": "5e1", **WEB, "device": "51712"}
REPOSITORY: Final = {"storage": "5e1", "mountpoint": "/run/sr-mount/5e1"}
READABLE: Final = "xenwatch_storage_repository_success"

STORAGE: Final = (
    Case(
        "XenwatchStorageHung", "twenty disks on one repository", 1,
        (labelled("xenwatch_storage_stalled_disks", "20+0x9", **STALLED), vm("5")),
        (("critical", HUNG, 20),),
    ),
    Case(
        "XenwatchStorageHung", "it answers again", 10,
        (labelled("xenwatch_storage_stalled_disks", "20 20 stale", **STALLED), vm("5")),
    ),
    Case(
        "XenwatchStorageRepositoryUnreadable", "its server is gone", 3,
        (labelled(READABLE, "0+0x9", **REPOSITORY),), (("warning", REPOSITORY, 0),),
    ),
    Case(
        "XenwatchStorageRepositoryUnreadable", "slow once", 3,
        (labelled(READABLE, "1 0 1+0x9", **REPOSITORY),),
    ),
)  # fmt: skip
"""The cases."""
