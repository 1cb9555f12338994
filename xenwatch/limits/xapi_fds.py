"""File descriptors of xapi."""

from __future__ import annotations

from typing import Final

from xenwatch.limits.base import (
    EARLY,
    Limit,
)
from xenwatch.limits.file_descriptors import fds_max, fds_used

LIMIT: Final = Limit(
    name="xapi_fds",
    title="file descriptors of xapi",
    probe="daemons",
    used=fds_used("xapi"),
    max=fds_max("xapi"),
    thresholds=EARLY,
    source="/proc/PID/fd and limits of xapi",
    # OCaml's select refuses descriptors from FD_SETSIZE on (otherlibs/unix/select.c).
    symptom='Unix_error(Unix.EINVAL, "select", "") or Unix_error(Unix.EMFILE, "accept", "")',
    reference="select(2): FD_SETSIZE",
    errors={
        (
            "`Unix.Unix_error(Unix.EMFILE`, `Too many open files in accept` in xapi's log, "
            "`Exception in DB flushing thread: Unix.Unix_error(Unix.EMFILE`, "
            "`INTERNAL_ERROR ... Unix.EMFILE` from xe, "
            '`Unix.Unix_error(Unix.EINVAL, "select"`'
        ): "xapi's file descriptors"
    },
)
