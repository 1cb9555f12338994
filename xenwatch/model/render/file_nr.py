"""`/proc/sys/fs/file-nr`, rendered."""

from __future__ import annotations

from xenwatch.parse.file_nr import FileNr


def render_file_nr(numbers: FileNr) -> bytes:
    """The file's one line (fs/file_table.c: proc_nr_files)."""
    return b"%d\t%d\t%d\n" % (numbers.allocated, numbers.free, numbers.max)
