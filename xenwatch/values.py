"""`dataclass`: that of the standard library, made in a fifth of the time.

A daemon imports 350 of them, which took 0.19 s of CPU before it could serve: of each frozen one
the standard library compiles six methods, and that one by one. Here `__init__` alone is compiled at
once and sets the slots themselves, which makes an object in two thirds of the time; the others are
shared, or compiled when they are first used. Fields, slots and order are the standard library's,
so its `fields`, `replace` and `asdict` know no difference, and pickles are the same.

Values are compared as tuples of their fields: one with the same NaN object is equal to it, which is
what "the same as before" means. The standard library does so before Python 3.13, which compares
field by field.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(
        *, slots: bool, frozen: bool = False, order: bool = False, weakref_slot: bool = False
    ) -> Callable[[type], type]:
        """As the standard library's, but always with slots.

        Raises `TypeError` for what would have another meaning, such as `__post_init__`.
        """
        if not slots:
            raise TypeError("a class without slots needs the standard library's dataclass")
        plain = dataclasses.dataclass(
            init=False, repr=False, eq=order, order=order, slots=slots, weakref_slot=weakref_slot
        )

        def made(cls: type) -> type:
            own = dict(vars(cls))
            cls.__doc__ = cls.__doc__ or cls.__name__  # else one is made of its signature
            return _with_methods(plain(cls), own, frozen=frozen)

        return made


_MISSING = dataclasses.MISSING


def _with_methods(made: Any, own: Mapping[str, Any], *, frozen: bool) -> type:
    """`own` is what the class had before."""
    fields = dataclasses.fields(made)
    _require_known(made, fields)
    compared = [field.name for field in fields if field.compare]
    methods: dict[str, Any] = {
        "__init__": _init(made, fields),
        "__repr__": _repr,
        "__eq__": _once_used(
            made,
            "__eq__(self, other)",
            "if other.__class__ is self.__class__:",
            f" return {_tuple('self', compared)} == {_tuple('other', compared)}",
            "return NotImplemented",
        ),
    }
    methods = {name: method for name, method in methods.items() if name not in own}
    if frozen:
        methods |= _FROZEN
        hashed = "__hash__(self)", f"return hash({_tuple('self', compared)})"
        methods["__hash__"] = own.get("__hash__") or _once_used(made, *hashed)
    elif "__hash__" not in own:
        methods["__hash__"] = None
    for name, method in methods.items():
        setattr(made, name, method)
    return made  # type: ignore[no-any-return]


def _require_known(made: Any, fields: Iterable[dataclasses.Field[Any]]) -> None:
    """Raise `TypeError` for what `__init__` or `__hash__` would give another meaning."""
    unknown = "__post_init__" if hasattr(made, "__post_init__") else ""
    for field in fields:
        if field.kw_only or field.hash is not None:
            unknown = f"kw_only or hash of {field.name}"
        elif not field.init and field.default_factory is _MISSING:
            unknown = f"init=False of {field.name} without a default_factory"
    for name, field in made.__dataclass_fields__.items():
        if "InitVar" in str(field.type):
            unknown = f"InitVar {name}"
    if unknown:
        text = f"{made.__qualname__}: {unknown} needs the standard library's dataclass"
        raise TypeError(text)


def _tuple(of: str, names: Iterable[str]) -> str:
    return "(" + "".join(f"{of}.{name}," for name in names) + ")"


def _compiled(made: type, head: str, lines: Iterable[str], known: dict[str, Any]) -> Any:
    """A function of the class's module that finds what is `known` beside its names."""
    name = head.partition("(")[0]
    text = "".join(f"\n  {line}" for line in lines) or "\n  pass"
    found: dict[str, Any] = {}
    code = f"def make({', '.join(known)}):\n def {head}:{text}\n return {name}"
    exec(code, vars(sys.modules[made.__module__]), found)  # noqa: S102 - of names in our source
    method = found["make"](**known)
    method.__qualname__ = f"{made.__qualname__}.{name}"
    return method


def _once_used(made: type, head: str, *lines: str) -> Callable[..., Any]:
    """A method that compiles itself, and takes its own place, when it is first called."""

    def first(self: object, *others: object) -> Any:
        method = _compiled(made, head, lines, {})
        setattr(made, method.__name__, method)
        return method(self, *others)

    return first


def _init(made: Any, fields: Iterable[dataclasses.Field[Any]]) -> Any:
    parameters, lines = ["self"], []
    known: dict[str, Any] = {"_missing": _MISSING}
    for field in fields:
        name = value = field.name
        # What a slot has to set it passes by __setattr__, which refuses.
        known[f"_set_{name}"] = getattr(made, name).__set__
        if field.default_factory is not _MISSING:
            known[f"_make_{name}"] = field.default_factory
            value = f"_make_{name}()"
            if field.init:
                parameters.append(f"{name}=_missing")
                value += f" if {name} is _missing else {name}"
        elif field.default is not _MISSING:
            known[f"_default_{name}"] = field.default
            parameters.append(f"{name}=_default_{name}")
        else:
            parameters.append(name)
        lines.append(f"_set_{name}(self, {value})")
    init = _compiled(made, f"__init__({', '.join(parameters)})", lines, known)
    init.__annotations__ = {**{field.name: field.type for field in fields}, "return": None}
    return init


def _repr(self: Any) -> str:
    fields = [field.name for field in dataclasses.fields(self) if field.repr]
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in fields)
    return f"{type(self).__qualname__}({shown})"


def _refuse(self: object, name: str, *_: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot change field {name!r} of a frozen value")


def _state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _set_state(self: Any, state: Iterable[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


_FROZEN = {
    "__setattr__": _refuse,
    "__delattr__": _refuse,
    "__getstate__": _state,
    "__setstate__": _set_state,
}
