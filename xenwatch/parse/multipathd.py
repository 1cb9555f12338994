"""`multipathd show paths format "%d %t"`: whether the kernel uses a path of a multipath map.

multipath-tools, libmultipath/print.c: `snprint_path_header`, `snprint_dm_path_state`. The same from
0.4.9 (CentOS 7, XCP-ng 8) on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from xenwatch.parse.errors import ParseError

SUBJECT: Final = "multipathd show paths"
FORMAT: Final = "%d %t"
HEADER: Final = ("dev", "dm_st")
STATES: Final[Mapping[str, bool | None]] = {"active": True, "failed": False, "undef": None}
"""Whether requests take the path; of a path in no map, and of a new one, it is not known."""
_LINE = re.compile(r"(\S+) +(\S+) *\Z")


def parse_paths(data: bytes) -> Mapping[str, bool | None]:
    """Whether the kernel uses each path, by the name of its device. Raises `ParseError`.

    Where multipathd has no path it prints nothing at all.
    """
    lines = data.decode("utf-8", "backslashreplace").split("\n")
    if lines.pop():
        raise ParseError(SUBJECT, "truncated last line", data[-60:])
    if lines and tuple(lines[0].split()) != HEADER:
        raise ParseError(SUBJECT, f"expected the header {' '.join(HEADER)}", lines[0].encode())
    return dict(map(_path, lines[1:]))


def _path(line: str) -> tuple[str, bool | None]:
    match = _LINE.match(line)
    if not match or match[2] not in STATES:
        raise ParseError(SUBJECT, f"expected a device and {', '.join(STATES)}", line.encode())
    return match[1], STATES[match[2]]
