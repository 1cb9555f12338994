"""Readings as bytes, and back, by a later version of xenwatch too; nothing else can come back.

Pickle, because it is in C: a moment of 1,000 VMs is read in 70 ms, half of which are checks. Only
the dataclasses of `xenwatch.readings` are ever made of it, each with the fields it had when it was
written, by name; time and memory are in proportion to the bytes.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import io
import pickle
import zlib
from collections.abc import Mapping
from typing import Any, Final

from xenwatch.record import opcodes
from xenwatch.record.typed import Budget, typed
from xenwatch.values import dataclass

PACKAGE: Final = "xenwatch.readings."
MOST: Final = 16 << 20
"""Most bytes of the values of a moment, unpacked: twice those of ten thousand VMs, by estimate."""
FEW: Final = 16 << 10
"""Bytes that a value may always unpack to."""
RATIO: Final = 128
"""To how many times their number bytes may unpack: those of idle VMs that are the same, to 32."""
FIELDS: Final = 128
"""Most fields of a class: setting them takes time for each of its objects."""
SHARED: Final = 2
"""How many values a byte may be: where many refer to one, more than were written."""
PROTOCOL: Final = 5
"""Of pickle: every Python that xenwatch runs on reads it."""
LEVEL: Final = 1
"""Of zlib. The slower ones save a tenth."""
MALFORMED: Final = (
    pickle.UnpicklingError,
    zlib.error,
    # What unpickling arbitrary bytes raises, as pickle's documentation says, and the fields' own.
    *(ArithmeticError, AttributeError, EOFError, ImportError, LookupError, MemoryError),
    *(RecursionError, TypeError, ValueError),
)

Schema = Mapping[str, tuple[str, ...]]
"""The names of the fields of each class, by module and name."""


class CodecError(Exception):
    """Bytes that are no readings, or those of a version that cannot be understood."""


def encode(value: object) -> bytes:
    """A reading, or several, as bytes.

    Of an enumeration its values are to be encoded: how Python pickles it depends on its version.
    """
    return zlib.compress(pickle.dumps(value, PROTOCOL), LEVEL)


@dataclass(slots=True)
class Room:
    """How many bytes the values of a moment may still unpack to."""

    left: int = MOST

    def take(self, size: int) -> None:
        """Use so many of them. Raises `CodecError` where there are not as many."""
        if size > self.left:
            raise CodecError("too large")
        self.left -= size


def decode(raw: bytes, schema: Schema, kind: Any, room: Room | None = None) -> Any:
    """What `encode` was given, of type `kind`, where the classes had the fields of `schema`.

    Fields that a class has now and had not then have their default. Raises `CodecError`, also for
    a value that has no place in `room`.
    """
    try:
        plain = _unpacked(raw)
        (room or Room()).take(len(plain))
        found = _Unpickler(opcodes.plain(plain), schema).load()
        return typed(kind, found, Budget(FEW + SHARED * len(plain)))
    except MALFORMED as error:
        raise CodecError(f"not a reading: {error}") from error


def _unpacked(raw: bytes) -> bytes:
    """The bytes that were compressed. Raises `CodecError` where they are too many for `raw`."""
    decompressor = zlib.decompressobj()
    plain = decompressor.decompress(raw, min(MOST, FEW + RATIO * len(raw)))
    if not decompressor.eof or decompressor.unused_data:
        raise CodecError("damaged, or too large")
    return plain


@functools.cache
def schema() -> Schema:
    """That of this version: every dataclass of readings."""
    import pkgutil  # noqa: PLC0415 - only who keeps or reads a record wants it

    from xenwatch import readings  # noqa: PLC0415

    found = {}
    for module in pkgutil.iter_modules(readings.__path__):
        for name, made in vars(importlib.import_module(PACKAGE + module.name)).items():
            if _is_reading(made, PACKAGE + module.name):
                found[f"{made.__module__}.{name}"] = _fields(made)
    return found


def _is_reading(made: object, module: str) -> bool:
    """Whether it is a dataclass of that module; one that is only imported there is not."""
    return isinstance(made, type) and dataclasses.is_dataclass(made) and made.__module__ == module


def _fields(made: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(made))


class _Unpickler(pickle.Unpickler):
    """Makes frozen values of `xenwatch.readings` and calls nothing else."""

    def __init__(self, plain: bytes, schema: Schema) -> None:
        super().__init__(io.BytesIO(plain))
        self._schema = schema

    def find_class(self, module: str, name: str) -> type:
        """The class of that name, or one that takes the fields it had then."""
        then = self._schema.get(f"{module}.{name}")
        if then is None or len(then) > FIELDS or not module.startswith(PACKAGE) or "." in name:
            raise CodecError(f"{module}.{name} is not a reading")
        found: type = getattr(importlib.import_module(module), name)
        if not _is_reading(found, module):
            raise CodecError(f"{module}.{name} is not a reading")
        return found if _fields(found) == then else _as_it_was(found, then)


@functools.lru_cache(maxsize=256)
def _as_it_was(made: Any, then: tuple[str, ...]) -> type:
    """A class whose objects take the state of one with other fields, and become `made`'s."""

    def take(self: Any, state: list[object]) -> None:
        had = dict(zip(then, state, strict=True))
        for field in dataclasses.fields(made):
            if field.name in had:
                value = had[field.name]
            elif field.default is not dataclasses.MISSING:
                value = field.default
            elif field.default_factory is not dataclasses.MISSING:
                value = field.default_factory()
            else:
                raise CodecError(f"{made.__module__}.{made.__name__} had no {field.name} then")
            object.__setattr__(self, field.name, value)
        object.__setattr__(self, "__class__", made)

    return type(made.__name__, (made,), {"__slots__": (), "__setstate__": take})
