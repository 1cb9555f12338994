"""The kernel's small text files and the lines of a source's own verbs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from xenwatch.parse.statvfs import Statvfs
from xenwatch.parse.timex import Timex


def render_number(value: int) -> bytes:
    """A file that holds one decimal number, such as `/proc/sys/fs/aio-nr`."""
    return b"%d\n" % value


def render_word(text: str) -> bytes:
    """A file that holds one line."""
    return text.encode("utf-8", "surrogateescape") + b"\n"


def render_loadavg(averages: tuple[str, str, str], running: int, tasks: int, last: int) -> bytes:
    """`/proc/loadavg` (proc(5)): three averages as the kernel writes them, tasks, last PID."""
    return f"{' '.join(averages)} {running}/{tasks} {last}\n".encode("ascii")


def render_uptime(seconds: float, idle: float) -> bytes:
    """`/proc/uptime` (fs/proc/uptime.c)."""
    return f"{seconds:.2f} {idle:.2f}\n".encode("ascii")


def render_uname(fields: tuple[str, str, str, str]) -> bytes:
    """The answer of a source's `uname` verb: sysname, release, version, machine."""
    return b"".join(field.encode("utf-8", "surrogateescape") + b"\0" for field in fields)


def render_stat_line(inode: int, changed_ns: int) -> bytes:
    """The answer of a source's `stat` verb."""
    return b"%d %d\n" % (inode, changed_ns)


def render_statvfs(numbers: Statvfs) -> bytes:
    """The answer of a source's `statvfs` verb."""
    fields = (
        numbers.frsize,
        numbers.blocks,
        numbers.bfree,
        numbers.bavail,
        numbers.files,
        numbers.ffree,
    )
    return b"%d %d %d %d %d %d\n" % fields


def render_timex(timex: Timex) -> bytes:
    """The answer of a source's `adjtimex` verb."""
    return b"%d %d\n" % (timex.maxerror, timex.esterror)


def render_assignments(values: Mapping[str, str], quote: str = '"') -> bytes:
    """KEY=value lines: `/etc/os-release` quotes with `"`, `/etc/xensource-inventory` with `'`."""
    lines = (f"{key}={quote}{value}{quote}\n" for key, value in values.items())
    return "".join(lines).encode()


def render_arguments(argv: Iterable[str]) -> bytes:
    """`/proc/PID/cmdline`: each argument ended by NUL."""
    return b"".join(argument.encode("utf-8", "surrogateescape") + b"\0" for argument in argv)
