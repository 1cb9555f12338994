"""Loaded values as their types say, within a budget: whatever else a stranger writes raises.

A few bytes can refer to one value a million times, so what is made is paid for as often as it is
met. Nothing is hashed, shown or compared before that.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from xenwatch.values import dataclass

TEXT: Final = 64
"""Characters of a text that cost as much as a value."""
_TEXTS: Final = frozenset({str, bytes})
# As for a type checker, an integer is a float, and a bool an integer: an alert's value is either.
_LEAVES: Final[Mapping[Any, frozenset[type]]] = {
    float: frozenset({float, int, bool}),
    int: frozenset({int, bool}),
    **{kind: frozenset({kind}) for kind in (str, bytes, bool, types.NoneType)},
}


class UntypedError(ValueError):
    """A value of another type than it should have, or more of them than their bytes allow."""


class Budget:
    """How many values may be met."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self, values: int) -> None:
        """Take so many of it. Raises `UntypedError` when it is used up."""
        self.left -= values
        if self.left < 0:
            raise UntypedError("too large")


def typed(kind: Any, value: object, budget: Budget) -> Any:
    """The value, of a type such as `Mapping[str, int] | None`, with its mappings made.

    A mapping is a list, and a set a tuple, as `opcodes` has them. Raises `UntypedError`, and
    `AttributeError` for an object without all its fields.
    """
    return _maker(kind).many([value], budget)[0]


class _Maker(Protocol):
    """Makes values of a type; many at once, as a call for each would take longer than loading."""

    def many(self, values: Sequence[Any], budget: Budget) -> Sequence[Any]:
        """These values, made. Raises `UntypedError`."""


@functools.cache
def _maker(kind: Any) -> _Maker:
    """What makes values of a type."""
    leaves = _leaves(kind)
    if leaves is not None:
        return _Leaf(leaves)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(kind, types.UnionType):
        [some] = (each for each in arguments if each is not types.NoneType)
        return _Optional(_maker(some))
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _Fields(kind)
    if origin is Mapping:
        return _Mapping(_maker(arguments[0]), _maker(arguments[1]))
    if origin is tuple and arguments[1:] != (...,):
        return _Row(tuple(map(_maker, arguments)))
    if origin in (tuple, list, frozenset):
        return _Several(origin, _maker(arguments[0]))
    raise TypeError(f"no value of a reading is {kind}")


def _leaves(kind: Any) -> frozenset[type] | None:
    """The classes of a type's values, `None` where they have parts."""
    if not isinstance(kind, types.UnionType):
        return _LEAVES.get(kind)
    every = [_leaves(each) for each in typing.get_args(kind)]
    known = [each for each in every if each is not None]
    return frozenset[type]().union(*known) if len(known) == len(every) else None


def _require(kinds: Iterable[type], values: Iterable[object]) -> None:
    """Raise `UntypedError` for a value of another class than these."""
    for wrong in set(map(type, values)).difference(kinds):
        raise UntypedError(f"a {wrong.__name__}")


@dataclass(frozen=True, slots=True)
class _Leaf:
    kinds: frozenset[type]

    def many(self, values: Sequence[Any], budget: Budget) -> Sequence[Any]:
        """Themselves."""
        _require(self.kinds, values)
        budget.spend(len(values))
        if self.kinds & _TEXTS:
            budget.spend(sum(len(each) // TEXT for each in values if type(each) in _TEXTS))
        return values


@dataclass(frozen=True, slots=True)
class _Optional:
    some: _Maker

    def many(self, values: Sequence[Any], budget: Budget) -> Sequence[Any]:
        """Each made, or `None`."""
        budget.spend(len(values))
        return [None if each is None else self.some.many([each], budget)[0] for each in values]


@dataclass(frozen=True, slots=True)
class _Mapping:
    key: _Maker
    item: _Maker

    def many(self, values: Sequence[Any], budget: Budget) -> Sequence[Any]:
        """A dictionary of each list; one to which something else refers too is made already."""
        _require((list, dict), values)
        budget.spend(len(values))
        return [self._one(each, budget) for each in values]

    def _one(self, value: Any, budget: Budget) -> dict[Any, Any]:
        if type(value) is dict:
            keys, items = list(value), list(value.values())
        else:
            last = value[-1] if len(value) % 2 else ()
            if len(value) % 2 and (type(last) is not tuple or len(last) != 2):
                raise UntypedError("a key without a value")
            flat = [*value[: len(value) // 2 * 2], *last]
            keys, items = flat[::2], flat[1::2]
        made = self.key.many(keys, budget), self.item.many(items, budget)
        return dict(zip(*made, strict=True))


@dataclass(frozen=True, slots=True)
class _Several:
    """A tuple, a list or a set of values of one type."""

    kind: type
    each: _Maker

    def many(self, values: Sequence[Any], budget: Budget) -> Sequence[Any]:
        """One of each."""
        _require((self.kind, tuple) if self.kind is frozenset else (self.kind,), values)
        budget.spend(len(values))
        return [self.kind(self.each.many(tuple(value), budget)) for value in values]


@dataclass(frozen=True, slots=True)
class _Row:
    """A tuple of so many values, each of its own type."""

    columns: tuple[_Maker, ...]

    def many(self, values: Sequence[Any], budget: Budget) -> Sequence[Any]:
        """Made column by column."""
        _require((tuple,), values)
        if not {len(self.columns)}.issuperset(map(len, values)):
            raise UntypedError("a tuple of another length")
        budget.spend(len(values))
        columns = zip(self.columns, zip(*values, strict=True), strict=False)
        return list(zip(*(maker.many(each, budget) for maker, each in columns), strict=True))


_Part = tuple[int, str, _Maker]
"""The place of a field that has parts, its name, and what makes it."""


class _Fields:
    """Objects of a dataclass, of which those with fields of the same classes are looked at once."""

    def __init__(self, kind: type) -> None:
        hints = typing.get_type_hints(kind)
        self._kind = kind
        self._hints = {name: hints[name] for name in vars(kind)["__dataclass_fields__"]}
        self._get = operator.attrgetter(*self._hints, "__class__")  # a tuple, of one field too
        self._known: dict[tuple[type, ...], tuple[tuple[int, ...], tuple[_Part, ...]]] = {}

    def many(self, values: Sequence[Any], budget: Budget) -> Sequence[Any]:
        """Themselves, their fields made."""
        _require((self._kind,), values)
        budget.spend(len(values) * len(self._hints))
        for value in values:
            fields = self._get(value)
            classes = tuple(map(type, fields))
            texts, parts = self._known.get(classes) or self._learnt(classes)
            for index in texts:
                if len(fields[index]) >= TEXT:
                    budget.spend(len(fields[index]) // TEXT)
            for index, name, maker in parts:
                [made] = maker.many([fields[index]], budget)
                object.__setattr__(value, name, made)
        return values

    def _learnt(self, classes: tuple[type, ...]) -> tuple[tuple[int, ...], tuple[_Part, ...]]:
        """Which fields of these classes are texts, and which have parts."""
        texts: list[int] = []
        parts: list[_Part] = []
        for index, (name, found) in enumerate(zip(self._hints, classes, strict=False)):
            hint = self._hints[name]
            leaves = _leaves(hint)
            if leaves is None:
                parts.append((index, name, _maker(hint)))
            elif found not in leaves:
                raise UntypedError(f"{name} is a {found.__name__}")
            elif found in _TEXTS:
                texts.append(index)
        return self._known.setdefault(classes, (tuple(texts), tuple(parts)))
