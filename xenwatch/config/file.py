"""Parses a configuration file: TOML 1.0, validated against the table of keys, errors with line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from xenwatch.config import label_keys, shape_keys
from xenwatch.config.document import decoded, line_of
from xenwatch.config.key import Key
from xenwatch.config.keys import ANY, SHAPES
from xenwatch.display.text import meant, printable, shown
from xenwatch.limits.base import Thresholds
from xenwatch.limits.thresholds import inverted

MOST: Final = 50
"""Problems that are named: each costs a search for its line, and for what may have been meant."""


def parse(
    data: bytes, name: str, keys: Iterable[Key[Any]], problems: list[str]
) -> dict[str, object]:
    """Values of a TOML document by path of key; its problems are added to `problems`.

    `name` is the file's, for the messages. Rejected values are left out.
    """
    text, document = decoded(data, name, problems)
    table = {key.path: key for key in keys}
    found = _Document(name, text, table)
    found.walk(document, "")
    if len(found.problems) <= MOST:  # else keys that follow are not known
        _check_thresholds(found)
        _check_order(found)
        _check_pairs(found)
    problems += found.problems
    return found.values


class _Document:
    """The values of a document by path, and its problems."""

    def __init__(self, name: str, text: str, table: Mapping[str, Key[Any]]) -> None:
        self.values: dict[str, object] = {}
        self.problems: list[str] = []
        self.table = table
        self._name = name
        self._text = text
        self._sections = _sections(table)

    def reject(self, path: str, reason: str) -> None:
        """Record a problem with the key or section at `path`, with its line if found."""
        line = line_of(self._text, path)
        where = f"{self._name}:{line}" if line else self._name
        self.problems.append(f"{where}: {printable(path)}: {reason}")

    def walk(self, table: Mapping[str, object], section: str) -> None:
        """Convert a TOML table: its keys, and the tables in it; end after `MOST` problems."""
        for name, value in table.items():
            if len(self.problems) == MOST:
                self.problems.append(f"{self._name}: more problems may follow; fix these first")
            if len(self.problems) > MOST:
                return
            path = f"{section}.{name}" if section else name
            known = _general(path)
            if reason := NAMED[section](name) if section in NAMED else "":
                self.reject(path, reason)
            elif known in self.table and "." not in name:
                self._convert(path, self.table[known], value)
            elif known not in self._sections or "." in name:
                self.reject(path, self._unknown(section, name, value))
            elif isinstance(value, dict):
                self.walk(value, path)
            else:
                self.reject(path, f"must be a section: write [{path}] and its keys under it")

    def _convert(self, path: str, key: Key[Any], value: object) -> None:
        try:
            self.values[path] = key.convert(value)
        except ValueError as error:
            self.reject(path, str(error) if key.secret else f"{shown(value)} {error}")

    def _unknown(self, section: str, name: str, value: object) -> str:
        depth = section.count(".") + 1 if section else 0
        prefix = f"{_general(section)}." if section else ""
        below = {path.split(".")[depth] for path in self.table if path.startswith(prefix)}
        kind = "section" if isinstance(value, dict) else "key"
        return f"unknown {kind}{meant(name, sorted(below))}"


NAMED: Final = {SHAPES: shape_keys.problem, label_keys.SECTION: label_keys.problem}
"""Sections in which the operator chooses names: why a name is invalid, empty if it is not."""


def _general(path: str) -> str:
    """The path in the table of keys: a name the operator chooses is `NAME` there."""
    section, dot, rest = path.partition(".")
    if section not in NAMED or not dot:
        return path
    _, dot, name = rest.partition(".")
    return f"{section}.{ANY}{dot}{name}"


def _sections(paths: Iterable[str]) -> set[str]:
    parts = [path.split(".") for path in paths]
    found = {".".join(names[:depth]) for names in parts for depth in range(1, len(names))}
    # These sections are known even without any probe or limit.
    return found | {"probes", "limits"}


def _check_thresholds(found: _Document) -> None:
    """Reject pairs of thresholds whose critical one is reached before the warning."""
    for path, key in found.table.items():
        other = f"{key.section}.critical"
        pair = [name for name in (path, other) if name in found.values]
        if key.name != "warning" or other not in found.table or not pair:
            continue
        warning, critical = (
            cast(float | None, found.values.get(name, found.table[name].default))
            for name in (path, other)
        )
        wrong = inverted(Thresholds(warning, critical), lower_is_worse=key.lower_is_worse)
        if wrong:
            default = "critical" if pair == [path] else "warning"
            note = "" if len(pair) > 1 else f" ({default} is the default)"
            found.reject(pair[0], f"{wrong}{note}; {_REMEDY[key.lower_is_worse]}")


def _check_order(found: _Document) -> None:
    """Reject a value below that of the key it must not be below."""
    for key in found.table.values():
        pair = [path for path in (key.path, key.at_least) if path in found.values]
        if not key.at_least or not pair:
            continue
        value, least = (
            cast(float, found.values.get(path, found.table[path].default))
            for path in (key.path, key.at_least)
        )
        if value < least:
            found.reject(
                pair[0],
                f"{key.path} {value:g} is below {key.at_least} {least:g}; set it at or above",
            )


def _check_pairs(found: _Document) -> None:
    """Reject keys that must not be set beside others, and those that must not be set alone."""
    for key in found.table.values():
        if not found.values.get(key.path):
            continue
        if found.values.get(key.instead_of):
            found.reject(key.path, f"{key.instead_of} is set too; set one of them")
        if key.together and not found.values.get(key.together):
            found.reject(key.path, f"{key.together} is missing; set both of them")


_REMEDY: Final = {
    False: "set warning at or below critical",
    True: "set warning at or above critical: lower is worse",
}
"""What to do about a pair of thresholds that is inverted, by whether lower is worse."""
