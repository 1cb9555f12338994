"""A storage repository whose file system does not answer."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.conditions import Selector, SeriesCondition
from xenwatch.alerts.names import WARNING

ALERT: Final = Alert(
    name="storage_repository_unreadable",
    summary="Storage repository {storage} does not answer",
    description="The file system of storage repository {storage}, mounted at {mountpoint}, has not "
    "answered for two minutes: its server is down or out of reach, or the file system has failed. "
    "Its free space is unknown.",
    first="xenwatch once --format prometheus | grep '^xenwatch_storage_repository'",
    conditions={
        WARNING: SeriesCondition(Selector("xenwatch_storage_repository_success"), "==", 0),
    },
    seconds=120,
    labels=("mountpoint", "storage"),
    probe="storage_repositories",
    causes=("storage_hung",),
    errors={
        # sm, libs/sm/core/XE_SR_ERRORCODES.xml: VDIUnavailable, SRUnavailable, and NFSMount.
        "`SR_BACKEND_FAILURE_46`, `SR_BACKEND_FAILURE_47`, `SR_BACKEND_FAILURE_73`": (
            "a disk (46) or a storage repository (47) is not available, or NFS could not be "
            "mounted (73): no limit, the storage or the way to it"
        )
    },
)
