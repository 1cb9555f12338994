"""Readings as bytes: what comes back is equal, from another version too, and nothing else does."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pickle
import pickletools
import zlib
from typing import get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws.test_law_1 import passed
from tests.support import full_snapshot
from xenwatch.assessment import assess_pass
from xenwatch.model.presets import PRESETS
from xenwatch.model.source import ModelSource
from xenwatch.readings.domains import Domain, Domains
from xenwatch.readings.origin import Origin
from xenwatch.readings.snapshot import READINGS, Snapshot, Status
from xenwatch.record import codec
from xenwatch.record.codec import CodecError
from xenwatch.record.past import Encoder

ORIGIN = "xenwatch.readings.origin.Origin"
TREE = Origin("tree", "a directory", 3.0, "host")


def test_a_whole_snapshot_comes_back_equal() -> None:
    """Every class of readings that a host fills is made again, of equal values."""
    snapshot, kinds = full_snapshot(), get_type_hints(Snapshot)
    for name in READINGS:
        value = getattr(snapshot, name)
        assert codec.decode(codec.encode(value), codec.schema(), kinds[name]) == value


def then(*names: str) -> codec.Schema:
    """The schema of a version in which an origin had these fields."""
    return {**codec.schema(), ORIGIN: names}


def test_fields_that_were_added_have_their_default() -> None:
    """What an earlier version wrote is read by the names of its fields."""
    early = [name for name in fields_of(TREE) if name != "behind"]
    found = codec.decode(restated(TREE, early), then(*early), Origin)
    assert found == dataclasses.replace(TREE, behind="")
    assert type(found) is Origin


def test_fields_that_moved_or_ended_are_read_by_name() -> None:
    """Another order, and a field that no longer is, change nothing of the others."""
    names = [*reversed(list(fields_of(TREE))), "gone"]
    assert codec.decode(restated(TREE, names), then(*names), Origin) == TREE


def test_a_field_without_a_default_that_was_not_there_is_an_error() -> None:
    """The reading is unknown, with the reason."""
    names = [name for name in fields_of(TREE) if name != "kind"]
    with pytest.raises(CodecError, match="Origin had no kind then"):
        codec.decode(restated(TREE, names), then(*names), Origin)


def fields_of(value: Origin) -> dict[str, object]:
    """The fields of an origin."""
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def restated(value: Origin, names: list[str]) -> bytes:
    """The origin as a version wrote it that had fields of these names, in this order."""
    state = [fields_of(value).get(name, "of old") for name in names]
    plain = pickle.dumps(value, codec.PROTOCOL)
    begin = len(pickle.PROTO) + 1 + len(pickle.FRAME) + 8
    made = plain[begin : plain.index(pickle.NEWOBJ) + 2]
    body = pickle.dumps(state, codec.PROTOCOL)[begin:-1]
    return zlib.compress(plain[:2] + made + body + pickle.BUILD + pickle.STOP)


@pytest.mark.parametrize("host", ["full", *PRESETS])
def test_what_is_recorded_refers_to_nothing_but_readings(host: str) -> None:
    """Whatever Python wrote it: of enumerations some refer to a function."""
    snapshot = full_snapshot() if host == "full" else passed(ModelSource(PRESETS[host]()))
    moment = Encoder().moment(assess_pass(snapshot), marked=False)
    for value in moment.values.values():
        words: list[str] = []
        for opcode, argument, _ in pickletools.genops(zlib.decompress(value)):
            if isinstance(argument, str):
                words.append(argument)
            assert opcode.name not in {"REDUCE", "GLOBAL", "INST", "OBJ", "EXT1"}
            if opcode.name == "STACK_GLOBAL":
                assert any(word.startswith("xenwatch.readings.") for word in words)


@dataclasses.dataclass(frozen=True)
class Evil:
    """What runs a program when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("true",)


@pytest.mark.parametrize(
    "value",
    [
        Evil(),
        os.getcwd,
        dataclasses.fields,
        codec.encode,
        CodecError("x"),
        Status.OK,
        Domains.__init__,
    ],
    ids=lambda value: type(value).__name__,
)
def test_nothing_but_readings_is_made(value: object) -> None:
    """No function is called, and no class is made, that is none of the readings'."""
    schema = {**codec.schema(), "posix.system": (), "xenwatch.readings.domains.dataclass": ()}
    with pytest.raises(CodecError):
        codec.decode(codec.encode(value), schema, Domains)


def test_a_name_that_a_module_of_readings_imports_is_no_reading() -> None:
    """A class that is only imported there is refused, whatever the file's schema says."""
    names = b"\x8c\x1axenwatch.readings.snapshot\x8c\x07Counter"
    raw = zlib.compress(b"\x80\x05" + names + b"\x93.")
    with pytest.raises(CodecError, match="is not a reading"):
        codec.decode(raw, {"xenwatch.readings.snapshot.Counter": ()}, Domains)


def test_what_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file cannot fill dom0's memory."""
    monkeypatch.setattr(codec, "MOST", 1000)
    with pytest.raises(CodecError, match="damaged, or too large"):
        codec.decode(codec.encode(bytes(10_000)), codec.schema(), bytes)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_an_error(raw: bytes) -> None:
    """Damage raises `CodecError` alone."""
    for bytes_ in (raw, zlib.compress(raw)):
        with contextlib.suppress(CodecError):
            codec.decode(bytes_, codec.schema(), Domains)


@settings(deadline=None)
@given(st.data())
def test_a_damaged_reading_is_a_value_or_an_error(data: st.DataObject) -> None:
    """So does a flipped byte of a real one."""
    domain = Domain(1, "u", b"n", "hvm", "running", 1, 1, 1 << 30, 1.0)
    plain = bytearray(pickle.dumps(domain, codec.PROTOCOL))
    place = data.draw(st.integers(0, len(plain) - 1))
    plain[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(CodecError):
        codec.decode(zlib.compress(bytes(plain)), codec.schema(), Domain)
