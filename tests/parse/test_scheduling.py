"""Xen's answers about its scheduler: requests byte by byte, answers as they were made."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.model.render.scheduling import render_affinity, render_parameters, render_sched_id
from xenwatch.parse.domaininfo import ARM_LAYOUTS, HEADER_SIZE, X86_LAYOUTS
from xenwatch.parse.errors import ParseError
from xenwatch.parse.scheduling import (
    DOMCTL,
    DOMCTL_SIZE,
    Parameters,
    affinity_call,
    implausible,
    parameters_call,
    parse_affinity,
    parse_parameters,
    parse_sched_id,
    sched_id_call,
)
from xenwatch.sources.base import BLOCK

words = st.integers(0, 0xFFFF)
VERSIONS = {
    (4, 1): (0x07,), (4, 2): (0x08,), (4, 3): (0x09,), (4, 4): (0x09,), (4, 5): (0x0A,),
    (4, 6): (0x0B,), (4, 7): (0x0B,), (4, 8): (0x0C,), (4, 9): (0x0D,), (4, 10): (0x0E, 0x0F),
    (4, 11): (0x10,), (4, 12): (0x11,), (4, 13): (0x12,), (4, 14): (0x12,), (4, 15): (0x13,),
    (4, 16): (0x14,), (4, 17): (0x15,), (4, 18): (0x16,), (4, 19): (0x17,), (4, 20): (0x17,),
    (4, 21): (0x17,), (4, 22): (0x18,),
}  # fmt: skip
"""XEN_DOMCTL_INTERFACE_VERSION in domctl.h of each release; that of 4.10.1 too."""


def test_every_release_has_the_version_of_its_interface() -> None:
    """The versions are those of the releases' headers, on Arm the same."""
    assert {version: layout.domctl for version, layout in X86_LAYOUTS.items()} == VERSIONS
    assert all(layout.domctl == VERSIONS[version] for version, layout in ARM_LAYOUTS.items())


def test_the_parameters_are_only_asked_for() -> None:
    """The request is getinfo, 1, of dom0: putinfo, 0, would set them."""
    call = parameters_call(0x15, 6, 0)

    assert (call.number, call.args, call.links) == (DOMCTL, (BLOCK,), ())
    assert call.block == struct.pack("<6I", 16, 0x15, 0, 0, 6, 1).ljust(144, b"\0")


def test_the_affinity_is_asked_for_with_room_for_its_bitmap() -> None:
    """The request is about the hard affinity of a vCPU, its pointer leads behind the block."""
    call = affinity_call(0x15, 0, 3, 20)

    assert (call.number, call.args, call.links) == (DOMCTL, (BLOCK,), ((24, 144),))
    assert call.block[:36] == struct.pack("<6IQI", 25, 0x15, 0, 0, 3, 1, 0, 20)
    assert call.block[36:] == bytes(144 - 36 + 3)


def test_the_scheduler_is_asked_for() -> None:
    """The request has the version of the sysctl interface and nothing else."""
    call = sched_id_call(X86_LAYOUTS[4, 13])

    assert call.block == struct.pack("<II", 4, 0x12).ljust(HEADER_SIZE, b"\0")


@settings(deadline=None)
@given(st.builds(Parameters, words, words))
def test_any_parameters_survive_renderer_and_parser(found: Parameters) -> None:
    """Weight and cap come back from the block made of them."""
    assert parse_parameters(render_parameters(parameters_call(0x15, 5, 0).block, found)) == found


@settings(deadline=None)
@given(st.integers(1, 500), st.frozensets(st.integers(0, 499)))
def test_any_affinity_survives_renderer_and_parser(cpus: int, those: frozenset[int]) -> None:
    """The CPUs come back from the bitmap, those there is room for."""
    block = render_affinity(affinity_call(0x15, 0, 0, cpus).block, those)

    assert parse_affinity(block) == {cpu for cpu in those if cpu < -(-cpus // 8) * 8}


@given(st.integers(0, 0xFFFFFFFF))
def test_any_scheduler_survives_renderer_and_parser(number: int) -> None:
    """The number comes back from its block."""
    assert parse_sched_id(render_sched_id(sched_id_call(X86_LAYOUTS[4, 17]).block, number)) == (
        number
    )


@given(st.binary(max_size=DOMCTL_SIZE))
def test_blocks_cut_short_are_refused(block: bytes) -> None:
    """An answer of another size is refused by name."""
    with pytest.raises(ParseError, match="getvcpuaffinity"):
        parse_affinity(block)
    with pytest.raises(ParseError, match="scheduler_op"):
        parse_parameters(block[:-1])
    with pytest.raises(ParseError, match="sched_id"):
        parse_sched_id(block[: HEADER_SIZE - 1])


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (Parameters(0, 0), "a weight of 0"),
        (Parameters(256, 401), "a cap of 401 % on 4 CPUs"),
        (Parameters(1, 400), None),
        (Parameters(65535, 0), None),
    ],
)
def test_what_no_scheduler_has_is_implausible(found: Parameters, reason: str | None) -> None:
    """A weight is never 0, and a cap no more than all CPUs."""
    assert implausible(found, 4) == reason


def real(beginning: str, bitmap: str = "") -> bytes:
    """A block as Xen 4.17 left it in a dom0 of two vCPUs on two CPUs: zeros up to the bitmap."""
    return bytes.fromhex(beginning).ljust(DOMCTL_SIZE, b"\0") + bytes.fromhex(bitmap)


def test_the_answers_of_a_real_xen_are_understood() -> None:
    """Weight 256 and no cap of credit2, and a vCPU on both CPUs, as xl printed them then."""
    parameters = real("10000000 15000000 0000000000000000 06000000 01000000 0001 0000")
    affinity = real("19000000 15000000 0000000000000000 01000000 01000000" + 16 * "0" + "02", "03")

    assert parse_parameters(parameters) == Parameters(256, 0)
    assert parse_affinity(affinity) == {0, 1}
    asked = parameters_call(0x15, 6, 0).block
    assert render_parameters(asked, Parameters(256, 0)) == parameters
    assert render_affinity(affinity_call(0x15, 0, 1, 2).block, {0, 1}) == affinity
