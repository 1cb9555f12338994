"""Law 10, the answers by which it was broken, each in a small dom0."""

from __future__ import annotations

import dataclasses

import pytest

from tests.laws.hosts import small_dom0
from tests.laws.test_law_10 import assessed
from tests.sources.fakes import TableSource
from xenwatch.model.render.xenstore import directory_reply
from xenwatch.parse import xenstore
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.status.check import edge

DIGITS = b"1" + b"0" * 400 + b"\n"
FOUND = {
    "a shift that is negative": ("/sys/module/loop/parameters/max_part", b"4194304\n"),
    "as many partitions as minor numbers": ("/sys/module/loop/parameters/max_part", b"1048576\n"),
    "a parameter below zero": ("/sys/module/loop/parameters/max_part", b"-1\n"),
    "a count below zero": ("/proc/sys/fs/aio-nr", b"-1\n"),
    "a number of hundreds of digits": ("/proc/sys/fs/aio-nr", DIGITS),
}


def outputs(source: TableSource) -> None:
    """A pass over a host, assessed, with every output; no probe says that it has a bug."""
    every = [dataclasses.replace(probe, enabled=True) for probe in PROBES]
    snapshot = take(source, every, lambda: 1000.0).snapshot
    bugs = {name for name, o in snapshot.outcomes.items() if "bug in xenwatch" in o.detail}

    assert bugs == set()
    assessed(snapshot)


@pytest.mark.parametrize(("path", "data"), FOUND.values(), ids=FOUND.keys())
def test_a_file_that_broke_it(path: str, data: bytes) -> None:
    """Every output of a host with this file is made, and nothing in it raises."""
    host = small_dom0()
    outputs(dataclasses.replace(host, files={**host.files, path: data}))


@pytest.mark.parametrize(
    "numbers",
    [
        b"18446744073709551615 " * 6,
        b"18446744073709551615 1 1 18446744073709551615 5 1",
        b"9223372036854775808 1 0 18446744073709551615 0 0",
    ],
)
def test_a_file_system_larger_than_any(numbers: bytes) -> None:
    """A size that is a product of two numbers of 64 bits is refused, and every output is made."""

    class Large(TableSource):
        def statvfs(self, path: str) -> bytes:
            return numbers

    host = small_dom0()
    outputs(Large(**{name: getattr(host, name) for name in TableSource.__slots__}))


def test_a_domid_that_is_a_digit_and_no_number() -> None:
    """A name in xenstore such as a superscript two is no domain."""
    host = small_dom0()
    key = (xenstore.DIRECTORY, xenstore.path_payload("/local/domain"))
    nodes = {**host.nodes, key: directory_reply(["0", "3", "\u00b2"])}
    outputs(dataclasses.replace(host, nodes=nodes, replies={}))


@pytest.mark.parametrize("result", [-(1 << 31) - 1, -(1 << 63)])
def test_a_hypercall_that_fails_with_no_error_number(result: int) -> None:
    """Whatever number Xen answers in place of one of errno.h is the reason of a failure."""
    host = small_dom0()
    one_of_each = {(call.number, call.args, call.block[:4]): call for call in host.replies}
    for call in one_of_each.values():
        reply = dataclasses.replace(host.replies[call], result=result)
        replies = {**host.replies, call: reply}
        outputs(dataclasses.replace(host, replies=replies))


@pytest.mark.parametrize("maximum", [1, 7, 1 << 20, 1 << 64, 10**24, 10**300])
@pytest.mark.parametrize("ratio", [1e-9, 0.5, 0.8, 1.0])
def test_a_large_max_takes_no_longer_than_a_small_one(ratio: float, maximum: int) -> None:
    """The most units below a ratio are found for a max of any size."""
    units = edge(ratio, maximum)

    assert units < 0 or units / maximum < ratio
    assert (units + 1) / maximum >= ratio
