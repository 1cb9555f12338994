"""Parsers of thin pools, volume groups and block devices: real lines, and round trips."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from xenwatch.model.render.block_stat import render_block_stat
from xenwatch.model.render.thin_pools import render_thin_pools
from xenwatch.model.render.volume_groups import render_volume_groups
from xenwatch.parse.block_stat import BlockStat, parse_block_stat
from xenwatch.parse.errors import ParseError
from xenwatch.parse.thin_pools import Blocks, ThinPool, parse_thin_pools
from xenwatch.parse.volume_groups import VolumeGroup, parse_volume_groups, volume_of

NAMES = st.text("abcXYZ0129_.+-", min_size=1, max_size=20)
BLOCKS = st.tuples(st.integers(0, 2**40), st.integers(0, 2**40)).map(
    lambda pair: Blocks(min(pair), max(pair))
)
POOLS = st.one_of(
    st.builds(
        ThinPool,
        NAMES,
        st.integers(1, 2**50),
        st.sampled_from(["rw", "ro", "out_of_data_space"]),
        BLOCKS,
        BLOCKS,
    ),
    st.builds(ThinPool, NAMES, st.integers(1, 2**50), st.sampled_from(["Fail", "Error"])),
)
GROUPS = st.tuples(NAMES, st.integers(0, 2**60), st.integers(0, 2**60)).map(
    lambda parts: VolumeGroup(parts[0], max(parts[1:]), min(parts[1:]))
)

REAL = {
    b"docker-253:1-8790943-pool: 0 209715200 thin-pool 339 876/524288 32432/1638400 - rw "
    b"discard_passdown queue_if_no_space \n": ThinPool(
        "docker-253:1-8790943-pool", 209715200, "rw", Blocks(876, 524288), Blocks(32432, 1638400)
    ),
    b"docker-8:1-696417-pool: 0 419430400 thin-pool 73 490/524288 18758/3276800 - rw "
    b"no_discard_passdown\n": ThinPool(
        "docker-8:1-696417-pool", 419430400, "rw", Blocks(490, 524288), Blocks(18758, 3276800)
    ),
    b"0 16384 thin-pool 1 24/12800 17/2048 - out_of_data_space discard_passdown "
    b"queue_if_no_space needs_check 1024 \n": ThinPool(
        "", 16384, "out_of_data_space", Blocks(24, 12800), Blocks(17, 2048)
    ),
    b"vg0-guests-tpool: 0 16384 thin-pool Fail\n": ThinPool("vg0-guests-tpool", 16384, "Fail"),
}
"""Lines as they were published of Linux 3.10 to 6.1, with one device, and of a failed pool."""


@pytest.mark.parametrize("line", REAL)
def test_real_lines_of_pools(line: bytes) -> None:
    """Numbers and modes are where the kernel has them, whatever options follow."""
    assert parse_thin_pools(line) == (REAL[line],)
    assert parse_thin_pools(line * 2) == (REAL[line],) * 2


@settings(deadline=None)
@given(st.lists(POOLS, max_size=5))
def test_pools_survive_renderer_and_parser(pools: list[ThinPool]) -> None:
    """What is rendered is read again, no pool included."""
    assert parse_thin_pools(render_thin_pools(pools)) == tuple(pools)


@pytest.mark.parametrize(
    "data",
    [
        b"vg0-guests-tpool: 0 16384 thin-pool 1 24/12800 17/2048 - rw",
        b"vg0-guests: 0 16384 thin 8 16383\n",
        b"vg0-guests-tpool: 0 16384 thin-pool 1 24/12800 17/2048 -\n",
        b"vg0-guests-tpool: 0 16384 thin-pool 1 24/12800 2049/2048 - rw \n",
        b"vg0-guests-tpool: 0 16384 thin-pool 1 12801/12800 17/2048 - rw \n",
        b"\n",
    ],
    ids=["cut off", "another target", "no mode", "too much data", "too many metadata", "empty"],
)
def test_what_is_no_pool_is_refused(data: bytes) -> None:
    """A line that is cut off, or cannot be, is an error and no pool."""
    with pytest.raises(ParseError):
        parse_thin_pools(data)


@settings(deadline=None)
@given(st.lists(GROUPS, max_size=5))
def test_groups_survive_renderer_and_parser(groups: list[VolumeGroup]) -> None:
    """What is rendered is read again."""
    assert parse_volume_groups(render_volume_groups(groups)) == tuple(groups)


@pytest.mark.parametrize("data", [b"  vg0|1000|2000\n", b"  vg0|1000\n", b"  vg0|1000|10"])
def test_what_is_no_group_is_refused(data: bytes) -> None:
    """More free than there is, a column that is missing and a line that is cut off are errors."""
    with pytest.raises(ParseError):
        parse_volume_groups(data)


@pytest.mark.parametrize(
    ("device", "parts"),
    [
        ("vg0-guest1", ("vg0", "guest1")),
        ("qubes_dom0-vm--pool-tpool", ("qubes_dom0", "vm-pool")),
        ("my--vg-a--b--c", ("my-vg", "a-b-c")),
        ("mpatha", None),
        ("", None),
        ("-a", None),
        ("a-b-c-d", None),
    ],
)
def test_hyphens_of_lvms_devices(device: str, parts: tuple[str, str] | None) -> None:
    """A single hyphen separates group, volume and layer; two are one of the name."""
    assert volume_of(device) == parts


@settings(deadline=None)
@given(NAMES, NAMES)
def test_any_group_and_volume_are_told_apart(group: str, volume: str) -> None:
    """The name LVM gives a device has its group and its volume, neither of which begins so."""
    assume(not group.startswith("-") and not volume.startswith("-"))
    device = "-".join(name.replace("-", "--") for name in (group, volume))

    assert volume_of(device) == (group, volume)


@settings(deadline=None)
@given(st.builds(BlockStat, st.integers(0, 2**60), st.integers(0, 2**60)))
def test_counters_of_a_device_survive(stat: BlockStat) -> None:
    """What is rendered is read again."""
    assert parse_block_stat("stat", render_block_stat(stat)) == stat


@pytest.mark.parametrize(
    ("line", "stat"),
    [
        (b" 9 8 7 6 5 4 3 2 1 10 11 20 21 22 23 300 31\n", BlockStat(9 + 5 + 20 + 300, 1)),
        (b" 9 8 7 6 5 4 3 2 1 10 11 20 21 22 23\n", BlockStat(9 + 5 + 20, 1)),
        (b" 9 8 7 6 5 4 3 2 1 10 11\n", BlockStat(9 + 5, 1)),
    ],
)
def test_counters_by_kernel(line: bytes, stat: BlockStat) -> None:
    """Discards and flushes count where the kernel has them."""
    assert parse_block_stat("stat", line) == stat


@pytest.mark.parametrize("line", [b"", b"1 2 3 4 5 6 7 8 9 10\n", b"1 2 3 4 5 6 7 8 x 10 11\n"])
def test_what_are_no_counters_is_refused(line: bytes) -> None:
    """Too few numbers, and what is no number, are errors."""
    with pytest.raises(ParseError):
        parse_block_stat("stat", line)
