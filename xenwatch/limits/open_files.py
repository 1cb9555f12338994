"""Open files of all of dom0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.errors import kinds
from xenwatch.limits.base import EARLY, Limit, Max
from xenwatch.readings.snapshot import Snapshot


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Files open in dom0."""
    return {} if snapshot.open_files is None else {"": snapshot.open_files.used}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """`fs.file-max`, which root alone may exceed."""
    if snapshot.open_files is None:
        return {}
    return {"": Max(snapshot.open_files.max, "fs.file-max")}


LIMIT: Final = Limit(
    name="open_files",
    title="open files of dom0",
    probe="open_files",
    used=used,
    max=maximum,
    thresholds=EARLY,
    source="/proc/sys/fs/file-nr",
    symptom="Too many open files in system (ENFILE); VFS: file-max limit reached in the kernel log",
    reference="Linux, Documentation/admin-guide/sysctl/fs.rst: file-max",
    errors={
        kinds.OPEN_FILES_FULL.messages: "`fs.file-max`",
        "`Too many open files in system`": "`fs.file-max`",
    },
    caveat="Processes with CAP_SYS_ADMIN are exempt, so most root daemons continue; each "
    "process also has its own limit, RLIMIT_NOFILE.",
    uncounted="how many files QEMU and tapdisk open for a VM is not published",
)
