"""Hypercalls: a machine without Xen, and the ioctl's own boundary with a Xen made by hand."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from xenwatch.parse import evtchn
from xenwatch.parse.domaininfo import ARM_LAYOUTS, X86_LAYOUTS, list_call
from xenwatch.probes.domains import CHUNK
from xenwatch.sources.base import BLOCK, BatchReply, Hypercall, HypercallReply, SourceError
from xenwatch.sources.privcmd import BUFFER_SIZE, Privcmd

Xen = Callable[[int, tuple[int, ...]], int]
"""What Xen does with a hypercall's number and arguments; its result."""
Install = Callable[[Xen], Privcmd]


@pytest.fixture(params=["with a buffer device", "without"])
def install(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Install]:
    """Open a device below a root of our own, whose ioctl asks this Xen."""
    directory = tmp_path / "dev/xen"
    directory.mkdir(parents=True)
    (directory / "privcmd").touch()
    if request.param == "with a buffer device":
        (directory / "hypercall").write_bytes(bytes(BUFFER_SIZE))
    opened: list[Privcmd] = []

    def begin(xen: Xen) -> Privcmd:
        def ioctl(fd: int, number: int, argument: bytearray, mutate: bool) -> int:
            assert number == 0x305000
            call, *args = struct.unpack("=6Q", argument)
            return xen(call, tuple(args))

        monkeypatch.setattr("fcntl.ioctl", ioctl)
        opened.append(Privcmd(str(tmp_path)))
        return opened[-1]

    yield begin
    for device in opened:
        device.close()


def test_a_machine_without_xen_says_what_it_lacks(tmp_path: Path) -> None:
    """Without the device the error names it and says that it is missing."""
    with pytest.raises(SourceError, match="/dev/xen/privcmd: No such file") as caught:
        Privcmd(str(tmp_path))

    assert caught.value.missing


def test_the_place_of_old_kernels_is_tried(tmp_path: Path) -> None:
    """Where there is only /proc/xen/privcmd, it is used."""
    place = tmp_path / "proc/xen/privcmd"
    place.parent.mkdir(parents=True)
    place.touch()
    Privcmd(str(tmp_path)).close()


def test_a_buffer_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    """When the buffer's device is useless, the error names that device, and nothing stays open."""
    directory = tmp_path / "dev/xen"
    directory.mkdir(parents=True)
    (directory / "privcmd").touch()
    (directory / "hypercall").mkdir()
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(SourceError, match="/dev/xen/hypercall: Is a directory"):
        Privcmd(str(tmp_path))

    assert set(os.listdir("/proc/self/fd")) <= before


def test_number_and_arguments_reach_xen(install: Install) -> None:
    """The hypercall's number and its arguments are passed, missing ones as zero."""
    asked: list[tuple[int, tuple[int, ...]]] = []

    def xen(number: int, args: tuple[int, ...]) -> int:
        asked.append((number, args))
        return 4 << 16 | 17

    reply = install(xen).call([Hypercall(17, (0, 3))])

    assert reply == (HypercallReply(4 << 16 | 17, b""),)
    assert asked == [(17, (0, 3, 0, 0, 0))]


def test_xen_reads_and_writes_the_block(install: Install) -> None:
    """Xen finds the block at the address it is given, and what it leaves there comes back."""

    def xen(number: int, args: tuple[int, ...]) -> int:
        assert ctypes.string_at(args[1], 4) == b"ask\0"
        ctypes.memmove(args[1], b"told", 4)
        return 0

    assert install(xen).call([Hypercall(32, (5, BLOCK), b"ask\0")])[0].block == b"told"


def test_a_link_is_an_address_while_xen_sees_it(install: Install) -> None:
    """A pointer in the block leads to its target for Xen, and is zero again in the answer."""

    def xen(number: int, args: tuple[int, ...]) -> int:
        pointer = struct.unpack("=Q", ctypes.string_at(args[0] + 8, 8))[0]
        assert pointer == args[0] + 16
        ctypes.memmove(pointer, b"record", 6)
        return 0

    call = Hypercall(35, (BLOCK,), bytes(24), links=((8, 16),))

    assert install(xen).call([call])[0].block == bytes(16) + b"record\0\0"


def test_nothing_of_one_call_is_seen_by_the_next(install: Install) -> None:
    """A block shorter than the last one holds nothing of it."""

    def xen(number: int, args: tuple[int, ...]) -> int:
        return 0

    device = install(xen)
    device.call([Hypercall(32, (BLOCK,), b"x" * 100)])

    assert device.call([Hypercall(32, (BLOCK,), b"y")])[0].block == b"y"


@pytest.mark.parametrize("number", [errno.EACCES, errno.ESRCH, errno.EPERM, errno.E2BIG])
def test_a_refusal_by_xen_is_an_answer(install: Install, number: int) -> None:
    """An errno of Xen's is the result, negated, and the next call is still made."""

    def xen(call: int, args: tuple[int, ...]) -> int:
        if call == 1:
            raise OSError(number, "")
        return 0

    replies = install(xen).call([Hypercall(1, ()), Hypercall(2, ())])

    assert [reply.result for reply in replies] == [-number, 0]


def test_several_calls_end_after_einval(install: Install) -> None:
    """The first EINVAL is answered and what is behind it is not asked."""
    asked: list[int] = []

    def xen(number: int, args: tuple[int, ...]) -> int:
        asked.append(number)
        if number == 2:
            raise OSError(errno.EINVAL, "")
        return 0

    replies = install(xen).call([Hypercall(number, ()) for number in (1, 2, 3)])

    assert [reply.result for reply in replies] == [0, -errno.EINVAL]
    assert asked == [1, 2]


BATCH = Hypercall(32, (5, BLOCK), b"ask1ask2ask3")


def told(asked: list[int], *, by_batch: bool) -> Xen:
    """A Xen that answers `ask` with `no` and for the second part EACCES, and notes what it ran."""

    def one(args: tuple[int, ...]) -> int:
        part = ctypes.string_at(args[1], 4)
        assert args[0] == 5
        if part == b"ask2":
            return -errno.EACCES
        ctypes.memmove(args[1], b"no" + part[2:], 4)
        return 0

    def xen(number: int, args: tuple[int, ...]) -> int:
        asked.append(number)
        if number == 32:
            result = one(args)
            if result:
                raise OSError(-result, "")
            return result
        assert number == 13
        if not by_batch:
            raise OSError(errno.ENOSYS, "")
        for entry in range(args[1]):
            place = args[0] + 64 * entry
            op, _, *given = struct.unpack("=QqQQQQQQ", ctypes.string_at(place, 64))
            assert op == 32
            ctypes.memmove(place + 8, struct.pack("=q", one(tuple(given))), 8)
        return 0

    return xen


@pytest.mark.parametrize(("by_batch", "ran"), [(True, [13, 13]), (False, [13, *[32] * 6])])
def test_a_batch_is_one_hypercall(install: Install, by_batch: bool, ran: list[int]) -> None:
    """Xen gets all parts at once, where it refuses that one by one; the answers are the same."""
    asked: list[int] = []
    device = install(told(asked, by_batch=by_batch))
    replies = [device.batch(BATCH, 4) for _ in range(2)]

    results = struct.pack("=3q", 0, -errno.EACCES, 0)
    assert replies == [BatchReply(results, b"nok1ask2nok3")] * 2
    assert asked == ran


def test_a_batch_too_large_is_issued_one_by_one(install: Install) -> None:
    """With its table it must fit the buffer; no probe asks for more."""
    asked: list[int] = []
    count = 1 + BUFFER_SIZE // (64 + 4)
    call = Hypercall(32, (5, BLOCK), b"ask1" * count)

    assert install(told(asked, by_batch=True)).batch(call, 4).block == b"nok1" * count
    assert asked == [32] * count
    ports = evtchn.status_batch(0, 0, evtchn.BATCH)
    assert len(ports.block) + 64 * evtchn.BATCH <= BUFFER_SIZE


@pytest.mark.parametrize("number", [errno.ENOTTY, errno.EBADF])
def test_a_file_that_is_no_privcmd_is_an_error(install: Install, number: int) -> None:
    """What only the ioctl itself can answer is never taken for an answer of Xen."""

    def xen(call: int, args: tuple[int, ...]) -> int:
        raise OSError(number, "")

    with pytest.raises(SourceError, match="hypercall 17: "):
        install(xen).call([Hypercall(17, (0,))])


def test_a_block_too_large_is_refused(install: Install) -> None:
    """A block that does not fit the buffer is refused before Xen sees it."""

    def xen(number: int, args: tuple[int, ...]) -> int:
        raise AssertionError

    device = install(xen)
    with pytest.raises(SourceError, match="argument block of 65537 bytes exceeds 65536"):
        device.call([Hypercall(35, (BLOCK,), bytes(BUFFER_SIZE + 1))])


def test_a_regular_file_is_no_privcmd(tmp_path: Path) -> None:
    """The kernel's own refusal of the ioctl on another file is an error, not a result."""
    (tmp_path / "dev/xen").mkdir(parents=True)
    (tmp_path / "dev/xen/privcmd").touch()
    device = Privcmd(str(tmp_path))
    with pytest.raises(SourceError, match="hypercall 17: Inappropriate ioctl"):
        device.call([Hypercall(17, (0,))])
    device.close()


def test_a_closed_device_answers_with_an_error(tmp_path: Path) -> None:
    """A probe still at work while xenwatch ends has an error, not a fault."""
    (tmp_path / "dev/xen").mkdir(parents=True)
    (tmp_path / "dev/xen/privcmd").touch()
    device = Privcmd(str(tmp_path))
    device.close()

    with pytest.raises(SourceError, match="closed"):
        device.call([Hypercall(17, (0,))])


def test_the_largest_question_of_a_probe_fits() -> None:
    """The buffer holds the list of domains a chunk asks for, in every layout.

    It holds half as much again: a Xen whose records are longer than thought writes past the block.
    """
    layouts = (*X86_LAYOUTS.values(), *ARM_LAYOUTS.values())
    blocks = [len(list_call(layout, 0, CHUNK).block) for layout in layouts]

    assert max(blocks) * 3 // 2 <= BUFFER_SIZE
