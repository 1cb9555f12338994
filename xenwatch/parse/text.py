"""The kernel's small text files: a number, a word, a table of keys."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from xenwatch.parse.errors import ParseError

_NUMBER = re.compile(rb"\s*(-?\d{1,20})\s*\Z")
_HEXADECIMAL = re.compile(rb"\s*([0-9a-fA-F]{1,16})\s*\Z")
_STAT = re.compile(rb"\d{1,20} (\d{1,20})\n\Z")
_VOLUNTARY = b"\nvoluntary_ctxt_switches:\t"


def number(subject: str, data: bytes, *, signed: bool = False) -> int:
    """The decimal number in `data`, a file such as `/proc/sys/fs/aio-nr`.

    One that counts something is not negative. Raises `ParseError`.
    """
    match = _NUMBER.match(data)
    if not match or (match[1].startswith(b"-") and not signed):
        raise ParseError(subject, "expected one decimal number", data)
    return int(match[1])


def hexadecimal(subject: str, data: bytes) -> int:
    """The hexadecimal number in `data`, without a prefix. Raises `ParseError`."""
    match = _HEXADECIMAL.match(data)
    if not match:
        raise ParseError(subject, "expected one hexadecimal number", data)
    return int(match[1], 16)


def word(data: bytes) -> str:
    """A one-line text file without its end of line; undecodable bytes as escapes."""
    return data.strip(b" \n\0").decode("utf-8", "backslashreplace")


def loadavg_tasks(data: bytes) -> int:
    """Number of tasks from `/proc/loadavg`: the number after the slash (proc(5)).

    Raises `ParseError`.
    """
    match = re.match(rb"\S+ \S+ \S+ \d+/(\d{1,10}) \d+\n?\Z", data)
    if not match:
        raise ParseError("/proc/loadavg", "expected five fields with running/total", data)
    return int(match[1])


def uptime(data: bytes) -> float:
    """Seconds since boot from `/proc/uptime` (proc(5)).

    Raises `ParseError`.
    """
    match = re.match(r"(\d{1,12}\.\d\d) \d{1,12}\.\d\d\n\Z", data.decode("ascii", "replace"))
    if not match:
        raise ParseError("/proc/uptime", "expected two numbers of seconds", data)
    return float(match[1])


def changed_at(path: str, data: bytes) -> float:
    """When an inode last changed (Unix time), from a source's `stat` of `path`.

    Raises `ParseError`.
    """
    match = _STAT.match(data)
    if not match:
        raise ParseError(path, "expected an inode and nanoseconds", data)
    return int(match[1]) / 1e9


def voluntary_switches(data: bytes) -> int:
    """Voluntary context switches of a thread, from its `/proc/PID/task/TID/status`.

    Raises `ParseError`.
    """
    _, found, rest = data.rpartition(_VOLUNTARY)
    value, newline, _ = rest.partition(b"\n")
    if not found or not newline or not value.isdigit() or len(value) > 20:
        raise ParseError(
            "/proc/PID/task/TID/status", "row voluntary_ctxt_switches is missing", data
        )
    return int(value)


def uname(data: bytes) -> tuple[str, str, str, str]:
    """(sysname, release, version, machine) from a source's `uname`.

    Raises `ParseError`.
    """
    fields = data.split(b"\0")
    if len(fields) != 5 or fields[4]:
        raise ParseError("uname", "expected four fields", data)
    sysname, release, version, machine = (word(field) for field in fields[:4])
    return sysname, release, version, machine


def version_pair(text: str) -> tuple[int, int] | None:
    """(major, minor) at the beginning of a version such as `6.1.0-56-amd64`, else `None`."""
    match = re.match(r"(\d{1,9})\.(\d{1,9})", text)
    return (int(match[1]), int(match[2])) if match else None


def assignments(data: bytes) -> Mapping[str, str]:
    """KEY=value lines with shell quoting: `/etc/os-release`, `/etc/xensource-inventory`.

    Other lines are skipped, as os-release(5) requires.
    """
    found = {}
    for line in data.decode("utf-8", "backslashreplace").splitlines():
        key, separator, value = line.strip().partition("=")
        if not separator or not key.isidentifier():
            continue
        try:
            found[key] = "".join(shlex.split(value))
        except ValueError:
            continue
    return found
