"""Cases of the alerts about storage of guests, see `tests.rules.cases`."""

from __future__ import annotations

from typing import Final

from tests.rules.cases import WEB, Case, labelled, vm

STALLED: Final = {
    "storage": "5e1", "domid": "5", **WEB, "device": "51712"
}  # fmt: skip
HUNG: Final = {"storage": "5e1", **WEB, "device": "51712"}
REPOSITORY: Final = {"storage": "5e1", "mountpoint": "/run/sr-mount/5e1"}
DOWN: Final = "xenwatch_multipath_paths_down_ratio"
SESSION: Final = {"session": "2", "target": "iqn.a", "portal": "192.0.2.32:3260"}
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
    Case(
        "XenwatchStoragePathLost", "one of four paths, a minute ago", 2,
        (labelled(DOWN, "0.25+0x9", map="3600a"), labelled(DOWN, "0+0x9", map="3600b")),
        (("warning", {"map": "3600a"}, 0.25),),
    ),
    Case(
        "XenwatchStoragePathLost", "no path is left", 2,
        (labelled(DOWN, "1+0x9", map="3600a"),),
        (("warning", {"map": "3600a"}, 1), ("critical", {"map": "3600a"}, 1)),
    ),
    Case(
        "XenwatchStoragePathLost", "a path that fails once", 2,
        (labelled(DOWN, "0.5 0+0x9", map="3600a"),),
    ),
    Case(
        "XenwatchIscsiSessionDown", "a portal is out of reach", 3,
        (labelled("xenwatch_iscsi_session_up", "0+0x9", **SESSION),),
        (("warning", SESSION, 0),),
    ),
    Case(
        "XenwatchIscsiSessionDown", "restored within two minutes", 4,
        (labelled("xenwatch_iscsi_session_up", "1 0 0 1+0x9", **SESSION),),
    ),
)  # fmt: skip
"""The cases."""
