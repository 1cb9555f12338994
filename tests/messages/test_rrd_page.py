"""The page of xcp-rrdd: byte for byte as described, and as a reader of its own reads it."""

from __future__ import annotations

import json
import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.messages.rrd_reader import InvalidChecksum, NoUpdate, Reader, crc32
from tests.messages.test_requests import values
from xenwatch.messages import rrd_page
from xenwatch.messages.requests import Values
from xenwatch.messages.rrd_page import DataSource

TIME = 1_339_685_573.245
times = st.floats(1e9, 2e9)


def test_a_page_byte_for_byte() -> None:
    """A page is what the description says, field by field."""
    source = DataSource("xenwatch_x", "What", "VMs", 12.0)
    described = (
        b'{"datasources": {"xenwatch_x": {"description": "What", "owner": "host", '
        b'"value_type": "float", "type": "gauge", "default": "true", "units": "VMs", '
        b'"min": "0", "max": "inf"}}}'
    )
    data = bytes.fromhex("41d3f67eb14fae14") + bytes.fromhex("4028000000000000")

    assert rrd_page.page([source], TIME) == b"".join(
        [
            b"DATASOURCES",
            crc32(data).to_bytes(4, "big"),
            crc32(described).to_bytes(4, "big"),
            bytes([0, 0, 0, 1]),
            data,
            len(described).to_bytes(4, "big"),
            described,
        ]
    )


@settings(deadline=None)
@given(values, times)
def test_what_is_written_is_read(given_: Values, time: float) -> None:
    """A reader made from the description finds the time and every value; unknown is NaN."""
    sources = rrd_page.data_sources(given_)
    reader = Reader()
    read_time, found = reader.read(rrd_page.page(sources, time))

    expected = {f"xenwatch_vms_left_{shape}": number for shape, number in given_.vms.items()}
    every: dict[str, float | None] = {
        **expected,
        "xenwatch_fullest_limit": given_.fullest,
        "xenwatch_qemu_wakeups": given_.wakeups,
    }
    assert read_time == time
    assert found.keys() == every.keys()
    for name, value in every.items():
        assert math.isnan(found[name]) if value is None else found[name] == float(value)
    assert len(sources) <= 18


@settings(deadline=None)
@given(values, values, times, times)
def test_an_update_is_the_head_alone(
    before: Values, after: Values, first: float, second: float
) -> None:
    """With the same shapes only the head of the page changes, and what follows stays right."""
    after = Values(dict.fromkeys(before.vms, 7), after.fullest, after.wakeups)
    page = bytearray(rrd_page.page(rrd_page.data_sources(before), first))
    reader = Reader()
    reader.read(bytes(page))
    head = rrd_page.head(rrd_page.data_sources(after), second)
    page[: len(head)] = head

    assert bytes(page) == rrd_page.page(rrd_page.data_sources(after), second)
    if first == second and bytes(page[:11]) == head[:11]:
        return
    assert reader.read(bytes(page))[0] == second


def test_a_page_that_is_half_written_is_skipped() -> None:
    """Wherever an update is cut off, the reader finds a wrong checksum or the page of before."""
    old = rrd_page.page(rrd_page.data_sources(Values({"a": 1}, 0.25, 3.0)), TIME)
    new = rrd_page.page(rrd_page.data_sources(Values({"a": 2}, 0.75, 9.0)), TIME + 5)
    for cut in range(1, len(new)):
        reader = Reader()
        reader.read(old)
        torn = new[:cut] + old[cut:]
        if torn == new:
            break
        with pytest.raises((InvalidChecksum, NoUpdate)):
            reader.read(torn)


def test_the_same_time_is_no_update() -> None:
    """The time is part of what the checksum covers: without a new one nothing is read."""
    page = rrd_page.page(rrd_page.data_sources(Values({}, None, None)), TIME)
    reader = Reader()
    reader.read(page)

    with pytest.raises(NoUpdate):
        reader.read(page)


def test_the_data_sources_say_what_they_are() -> None:
    """Each has a description and units, is drawn by default, and is a gauge of the host."""
    page = rrd_page.page(rrd_page.data_sources(Values({"linux": 1}, 0.5, 2.0)), TIME)
    reader = Reader()
    reader.read(page)

    assert {name: source["units"] for name, source in reader.sources.items()} == {
        "xenwatch_vms_left_linux": "count",
        "xenwatch_fullest_limit": "(fraction)",
        "xenwatch_qemu_wakeups": "",
    }
    assert {source["default"] for source in reader.sources.values()} == {"true"}
    assert {source["type"] for source in reader.sources.values()} == {"gauge"}


def test_the_checksum_of_the_reader_is_the_standard_one() -> None:
    """The check value of CRC-32 is that of its catalogue."""
    assert crc32(b"123456789") == 0xCBF43926
    assert struct.pack(">d", TIME).hex() == "41d3f67eb14fae14"
    assert json.loads(rrd_page.metadata([])) == {"datasources": {}}
