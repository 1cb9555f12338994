"""`/proc/sys/fs/file-nr`: open files of the whole system."""

from __future__ import annotations

import re
from typing import Final

from xenwatch.parse.errors import ParseError
from xenwatch.values import dataclass

PATH: Final = "/proc/sys/fs/file-nr"
_FIELDS: Final = re.compile(rb"(\d{1,20})\t(\d{1,20})\t(\d{1,20})\n\Z")


@dataclass(frozen=True, slots=True)
class FileNr:
    """Files allocated, those of them that are free (always 0 since Linux 2.6), and the most.

    Source: Linux, Documentation/admin-guide/sysctl/fs.rst, fs/file_table.c.
    """

    allocated: int
    free: int
    max: int


def parse_file_nr(data: bytes) -> FileNr:
    """The three numbers. Raises `ParseError`."""
    match = _FIELDS.match(data)
    if not match:
        raise ParseError(PATH, "expected three numbers", data)
    return FileNr(*map(int, match.groups()))
