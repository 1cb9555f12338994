"""`/proc/meminfo` (fs/proc/meminfo.c, show_val_kb; mm/hugetlb.c, hugetlb_report_meminfo)."""

from __future__ import annotations

from collections.abc import Iterable

from xenwatch.parse.meminfo import MeminfoRow


def render_meminfo(rows: Iterable[MeminfoRow]) -> bytes:
    """The file with these rows. Sizes end at column 24, plain counts begin after column 19."""
    return "".join(map(_line, rows)).encode("ascii")


def _line(row: MeminfoRow) -> str:
    name = f"{row.name}: "
    if not row.kib:
        return f"{name:<19}{row.value:>5}\n"
    name = f"{name:<16}"
    return f"{name}{row.value:>{24 - len(name)}} kB\n"
