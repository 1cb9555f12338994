"""Reads a YAML document strictly: known keys, one type each, problems with file, line and key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

import yaml

from xenwatch.display.text import meant, printable, shown

_TAG: Final = "tag:yaml.org,2002:"
_SCALARS: Final = frozenset({"str", "int", "float", "bool", "null", "timestamp"})
"""What a plain or quoted word may be; a tag such as !!binary is rejected."""
_TRUE: Final = frozenset({"true", "yes", "on"})
_MOST_DIGITS: Final = 18


class Problems:
    """What is wrong with the file `name`, a line each: file, line, key, reason."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: list[str] = []

    def where(self, line: int, path: str) -> str:
        """The place of a key, as it stands before the reason."""
        return f"{self.name}:{line}: {printable(path[:200]) or 'top level'}"

    def add(self, line: int, path: str, reason: str) -> None:
        """Record a problem with the key at `path`."""
        self.lines.append(f"{self.where(line, path)}: {reason}")


class Item:
    """The value of a key: its node, where it is, and what it is as text, number or mapping.

    What has another type is recorded as a problem and read as if it were not set.
    """

    def __init__(self, problems: Problems, path: str, node: yaml.Node) -> None:
        self.path = path
        self.where = problems.where(node.start_mark.line + 1, path)
        self._problems = problems
        self._node = node

    def reject(self, reason: str) -> None:
        """Record a problem with this value."""
        self._problems.lines.append(f"{self.where}: {reason}")

    def mapping(self, known: Iterable[str] | None = None) -> dict[str, Item]:
        """The items below by key; with `known`, every other key is rejected."""
        if self._null():
            return {}
        if not isinstance(self._node, yaml.MappingNode):
            keys = f": {', '.join(known)}" if known is not None else ""
            self.reject(f"must be a mapping of keys to values{keys}")
            return {}
        names = None if known is None else tuple(known)
        found: dict[str, Item] = {}
        for key, value in self._node.value:
            name = self._name(key, names)
            if name in found:
                self._problems.add(key.start_mark.line + 1, found[name].path, "is set twice")
            elif name is not None:
                found[name] = Item(self._problems, self._below(name), value)
        return found

    def text(self) -> str:
        """A word or text as it is written; empty if not set."""
        if self._null():
            return ""
        if not isinstance(self._node, yaml.ScalarNode):
            self.reject("must be text")
            return ""
        if self._kind() not in _SCALARS:
            self.reject(f"must be text without the tag {shown(self._node.tag[:40])}")
            return ""
        return str(self._node.value)

    def texts(self) -> tuple[Item, ...]:
        """The items of a list."""
        if self._null():
            return ()
        if not isinstance(self._node, yaml.SequenceNode):
            self.reject("must be a list")
            return ()
        return tuple(Item(self._problems, self.path, node) for node in self._node.value)

    def boolean(self, default: bool) -> bool:
        """True or false, by the words of YAML 1.1."""
        if self._null():
            return default
        if not isinstance(self._node, yaml.ScalarNode) or self._kind() != "bool":
            self.reject("must be true or false")
            return default
        return str(self._node.value).lower() in _TRUE

    def integer(self) -> int | None:
        """A whole number; `None` if it is not one, which the caller rejects."""
        if not isinstance(self._node, yaml.ScalarNode) or self._kind() != "int":
            return None
        text = str(self._node.value)
        digits = re.fullmatch(rf"[-+]?[0-9]{{1,{_MOST_DIGITS}}}", text)
        return int(text) if digits else None

    def _name(self, key: yaml.Node, known: tuple[str, ...] | None) -> str | None:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            self._problems.add(line, self.path, "a key must be a word")
            return None
        name = str(key.value)
        if key.tag == f"{_TAG}merge":
            reason = "merge keys are not supported; repeat the keys"
            self._problems.add(line, self._below(name), reason)
            return None
        if known is not None and name not in known:
            self._problems.add(line, self._below(name), f"unknown key{meant(name, known)}")
            return None
        return name

    def _below(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def _kind(self) -> str:
        return str(self._node.tag).removeprefix(_TAG)

    def _null(self) -> bool:
        return isinstance(self._node, yaml.ScalarNode) and self._kind() == "null"


def read(data: bytes, problems: Problems, known: Iterable[str]) -> Mapping[str, Item]:
    """The items of the document's top level by key; empty where there is nothing to read."""
    try:
        root = _compose(data)
    except ValueError as error:
        problems.lines.append(f"{problems.name}{error}")
        return {}
    if root is None:
        return {}
    return Item(problems, "", root).mapping(known)


def _compose(data: bytes) -> yaml.Node | None:
    """The only document of a file. Raises `ValueError`: what follows the file's name."""
    try:
        return yaml.compose(data.decode(), Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise ValueError(f": must be UTF-8 text: invalid byte at offset {error.start}") from None
    except yaml.MarkedYAMLError as error:
        # Never the context the error quotes: it may be a private key.
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark is not None else ""
        reason = printable((error.problem or error.context or "cannot be parsed")[:200])
        raise ValueError(f"{line}: invalid YAML: {reason}") from None
    except yaml.reader.ReaderError as error:
        raise ValueError(f": invalid YAML: {error.reason} at offset {error.position}") from None
    except RecursionError:
        raise ValueError(": invalid YAML: nested too deeply") from None
