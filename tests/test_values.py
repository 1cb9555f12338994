"""`xenwatch.values.dataclass` is that of the standard library to all who use it."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import sys
import weakref
from collections.abc import Callable
from dataclasses import KW_ONLY, InitVar, field
from typing import Any, ClassVar, Generic, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch import values

T = TypeVar("T")
NAN = float("nan")


def declared(dataclass: Callable[..., Any]) -> Any:
    """Classes of every form that the package has, made by a decorator."""

    @dataclass(frozen=True, slots=True)
    class Base:
        """Has a field without and one with a default."""

        first: int
        second: str = "two"
        KIND: ClassVar[str] = "base"

    @dataclass(frozen=True, slots=True)
    class Derived(Base):
        """Has what its base has, containers of its own, and fields that are not compared."""

        third: list[int] = field(default_factory=list)
        note: str = field(default="", compare=False, repr=False)
        made: dict[str, int] = field(default_factory=dict, init=False, repr=False)

    @dataclass(frozen=True, slots=True, order=True)
    class Ordered:
        """Has an order."""

        number: float

    @dataclass(slots=True)
    class Mutable(Generic[T]):
        """Can be changed."""

        value: T

    @dataclass(frozen=True, slots=True, weakref_slot=True)
    class Empty:
        """Has no fields."""

    @dataclass(frozen=True, slots=True)
    class Own:
        """Says itself what it is."""

        value: int

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own)

        def __hash__(self) -> int:
            return 7

    return Base, Derived, Ordered, Mutable, Empty, Own


OURS = Base, Derived, Ordered, Mutable, Empty, Own = declared(values.dataclass)
THEIRS = declared(dataclasses.dataclass)
ARGUMENTS = st.one_of(
    st.integers(),
    st.text(max_size=3),
    st.floats(allow_nan=False),
    st.lists(st.integers(), max_size=2),
)


def found(work: Callable[[], object]) -> object:
    """What a work gives, or the kind of its error."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - the kind is compared
        return type(error)


@settings(deadline=None)
@given(
    st.sampled_from(range(len(OURS))),
    st.lists(ARGUMENTS, max_size=5),
    st.lists(ARGUMENTS, max_size=5),
)
def test_objects_are_as_those_of_the_standard_library(
    place: int, some: list[object], others: list[object]
) -> None:
    """Made of the same arguments they are shown, compared, hashed and ordered alike."""

    def told(made: Any) -> list[object]:
        one, two = made(*some), made(*others)
        return [
            *(repr(one).rpartition(".")[2], one == two, one != two, one == made(*some)),
            *(one == (), dataclasses.asdict(one).keys(), made.__match_args__),
            found(lambda: one < two),
            found(lambda: hash(one) == hash(made(*some))),
            found(lambda: dataclasses.replace(one, first=1) == dataclasses.replace(two, first=1)),
            # Of a name that is no field the standard library's error is one of its own.
            found(lambda: setattr(one, "first", 3)) is None,
            found(lambda: delattr(one, "first")) is None,
            found(lambda: setattr(one, "other", 3)) is None,
            found(lambda: copy.deepcopy(one) == one),
        ]

    assert repr(found(lambda: told(OURS[place]))) == repr(found(lambda: told(THEIRS[place])))


def test_the_same_nan_is_the_same_as_before() -> None:
    """On each Python: the standard library of 3.13 compares field by field, where it is not."""
    assert Base(1, NAN) == Base(1, NAN)
    assert Base(1, NAN) != Base(1, float("nan"))
    assert Ordered(NAN) == Ordered(NAN)


class WithPostInit:
    """Has work to do once it is made."""

    first: int

    def __post_init__(self) -> None:
        """Do nothing."""


class KeywordOnly:
    """Has a field that is given by its name."""

    _: KW_ONLY
    first: int


class ForInit:
    """Has a parameter that is no field."""

    first: InitVar[int]


class Unset:
    """Has a field that is not given."""

    first: int = field(init=False)


class Constant:
    """Has a field that is not given and has a default."""

    first: int = field(default=1, init=False)


class Unhashed:
    """Has a field that is compared and not hashed."""

    first: int = field(hash=False)


@pytest.mark.parametrize(
    "cls", [WithPostInit, KeywordOnly, ForInit, Unset, Constant, Unhashed], ids=lambda c: c.__name__
)
def test_what_would_have_another_meaning_is_rejected(cls: type) -> None:
    """When the class is made, with its name."""
    decorate: Any = values.dataclass
    with pytest.raises(TypeError, match=f"{cls.__name__}: .* needs the standard library"):
        decorate(frozen=True, slots=True)(cls)


def test_a_class_without_slots_is_rejected() -> None:
    """It would be another class than its name says."""
    decorate: Any = values.dataclass
    with pytest.raises(TypeError, match="slots"):
        decorate(slots=False)


@pytest.mark.parametrize(("ours", "theirs"), list(zip(OURS, THEIRS, strict=True)))
def test_classes_are_as_those_of_the_standard_library(ours: Any, theirs: Any) -> None:
    """Fields, slots and signature are the same."""

    def told(made: Any) -> list[object]:
        fields = [(each.name, each.type, each.compare) for each in dataclasses.fields(made)]
        parameters = inspect.signature(made).parameters.values()
        return [
            *(fields, made.__slots__, made.__doc__),
            [(each.name, each.kind, each.annotation) for each in parameters],
        ]

    assert told(ours) == told(theirs)


@pytest.mark.parametrize("change", [setattr, delattr])
def test_what_is_frozen_names_what_was_to_change(change: Callable[..., None]) -> None:
    """The error is that of the standard library."""
    with pytest.raises(dataclasses.FrozenInstanceError, match="'first'"):
        change(Base(1), "first", *([3] if change is setattr else []))


def test_what_is_not_given_is_made_anew() -> None:
    """Two objects share no container that neither was given."""
    one, two = Derived(1), Derived(1)

    assert one == two
    assert one.third is not two.third
    assert one.made is not two.made
    assert (one.second, Derived.KIND) == ("two", "base")


def test_a_value_with_a_weakref_slot_can_be_referred_to() -> None:
    """As by the standard library."""
    value = Empty()

    assert weakref.ref(value)() is value


@values.dataclass(frozen=True, slots=True)
class Kept:
    """What is pickled is found by its name."""

    first: int
    second: str = ""


def test_pickles_are_those_of_the_standard_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that was written before is read, and the other way round."""

    class Kept:
        """As above."""

        first: int
        second: str = ""

    ours = globals()["Kept"]
    Kept.__qualname__ = "Kept"
    theirs: Any = dataclasses.dataclass(frozen=True, slots=True)(Kept)
    raw = pickle.dumps(ours(1, "x"))
    assert pickle.loads(raw) == ours(1, "x")

    monkeypatch.setattr(sys.modules[__name__], "Kept", theirs)

    assert pickle.dumps(theirs(1, "x")) == raw
