"""Converters of configuration values: from what TOML holds to what xenwatch uses.

Each raises `ValueError` with a reason that follows the value in a message: `must be ...`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from xenwatch.display.text import hint, shown

MAX_SECONDS: Final = 86400.0
"""Max interval or deadline: a day."""

LONGEST_UNIX_PATH: Final = 107
"""Bytes of the path of a Unix socket (unix(7): sun_path, less the terminating NUL)."""

SOURCES: Final = {
    "host": "host",
    "synthetic": "synthetic[:NAME]",
    "tree": "tree:DIR",
    "reader": "reader[:PATH]",
    "record": "record[:PATH][@TIME]",
    "auto": "auto",
}
"""Kinds of source, and the syntax of each."""


def boolean(value: object) -> bool:
    """True or false; numbers are rejected."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def text(value: object) -> str:
    """Any string."""
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return value


def choice(*choices: str) -> Callable[[object], str]:
    """One of several strings."""

    def convert(value: object) -> str:
        chosen = text(value)
        if chosen not in choices:
            raise ValueError(f"must be one of: {', '.join(choices)}{hint(chosen, choices)}")
        return chosen

    return convert


def absolute_path(value: object) -> str:
    """An absolute path."""
    path = text(value)
    if not path.startswith("/") or "\0" in path:
        raise ValueError("must be an absolute path")
    return path


def integer(low: int, high: int) -> Callable[[object], int]:
    """A whole number from `low` to `high`."""

    def convert(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("must be an integer")
        if not low <= value <= high:
            raise ValueError(f"must be between {low} and {high}")
        return value

    return convert


def seconds(value: object) -> float:
    """A time span of 0.1 seconds to a day."""
    span = _number(value)
    if not 0.1 <= span <= MAX_SECONDS:
        raise ValueError(f"must be between 0.1 and {MAX_SECONDS:g} seconds")
    return float(span)


def ratio(value: object) -> float | None:
    """A used ratio; `"never"` is `None`."""
    if value == "never":
        return None
    try:
        return share(value)
    except ValueError as error:
        raise ValueError(f'{error}, or "never"') from None


def share(value: object) -> float:
    """A ratio above 0, at most 1."""
    number = _number(value)
    if not 0 < number <= 1:
        raise ValueError("must be a ratio: more than 0 and at most 1")
    return float(number)


def is_host(name: str) -> bool:
    """Whether a name can be asked for: its parts between dots have 1 to 63 characters (RFC 1035).

    Python raises no `OSError` for others. An IPv6 address, which has colons, passes.
    """
    return all(0 < len(part) < 64 for part in name.removesuffix(".").split("."))


def address(place: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`; an IPv6 host is in brackets, no host means all addresses."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([A-Za-z0-9._-]*)):([0-9]{1,5})", place)
    if match is None or not (match[1] or not match[2] or is_host(match[2])):
        raise ValueError("must be HOST:PORT, [IPV6]:PORT, :PORT or unix:/PATH")
    if int(match[3]) > 65535:
        raise ValueError("must have a port of at most 65535")
    return match[1] or match[2], int(match[3])


def unix_path(place: str) -> str:
    """The path of `unix:/PATH`; empty for other addresses."""
    kind, _, path = place.partition(":")
    if kind != "unix":
        return ""
    try:
        absolute_path(path)
    except ValueError as error:
        raise ValueError(f"{error} after unix:") from None
    if len(path.encode(errors="surrogateescape")) > LONGEST_UNIX_PATH:
        raise ValueError(f"must be at most {LONGEST_UNIX_PATH} bytes after unix:")
    return path


def addresses(value: object) -> tuple[str, ...]:
    """Any number of addresses."""
    if not isinstance(value, list | tuple):
        raise ValueError("must be an array of strings")
    for item in value:
        try:
            _ = unix_path(text(item)) or address(item)
        except ValueError as error:
            raise ValueError(f"contains {shown(item)}, which {error}") from None
    return tuple(value)


def url_path(value: object) -> str:
    """The path of a page of the web server, other than the reserved ones."""
    path = text(value)
    # Clients take other paths, with dots for a part or without any, to mean another one.
    if not re.fullmatch(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)+/?", path):
        raise ValueError("must be a path such as /metrics")
    if f"{path}/".startswith(("/-/", "/api/", "/static/", "/runbooks/", "/pool/", "/vm/")):
        raise ValueError(
            "is reserved: /-/ for health checks, /api/ for the JSON API, /static/, /pool and /vm/ "
            "for the status pages, /runbooks/ for runbooks"
        )
    return path


def source(value: object) -> str:
    """A source, such as `tree:DIR`."""
    spec = text(value)
    kind, colon, rest = spec.partition(":")
    kind = "record" if kind.startswith("record@") else kind
    if kind not in SOURCES:
        raise ValueError(f"must be one of: {', '.join(SOURCES.values())}{hint(kind, SOURCES)}")
    wants_rest = kind == "tree" or (kind in ("synthetic", "reader", "record") and bool(colon))
    if wants_rest != bool(rest) or bool(colon) != bool(rest):
        raise ValueError(f"must be {SOURCES[kind]}")
    return spec


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number")
    return value
