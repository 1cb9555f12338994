"""Parts of the page: made once for all who ask, kept in bounds, never waited for twice."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest

from tests.fake_clock import settle
from xenwatch.passes import parts
from xenwatch.passes.bodies import PLAIN, Form
from xenwatch.passes.parts import MOST, MOST_BYTES, Parts

PACKED: Form = (False, True)


class Pass:
    """A pass with a number."""

    def __init__(self, number: int) -> None:
        self.number = number


class Made:
    """Parts, how they were made, and what was told of failures."""

    def __init__(self, size: int = 0) -> None:
        self.calls: list[tuple[int, frozenset[str], Form]] = []
        self.errors: list[BaseException] = []
        self.at_once = 0
        self.most_at_once = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.fails = False
        self.parts = Parts[Pass](self._make, self.errors.append)
        self._size = size

    def _make(self, of: Pass, probes: frozenset[str], form: Form) -> bytes:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.calls.append((of.number, probes, form))
        self.may_go_on.wait()
        self.at_once -= 1
        if self.fails:
            raise ZeroDivisionError
        return b"%d" % of.number + bytes(self._size)


async def test_those_who_ask_for_the_same_share_one_body() -> None:
    """In one form only, whatever the order of the names, until the next pass."""
    made, one = Made(), Pass(1)
    asked = (made.parts.body(one, names, PLAIN) for names in (["a", "b"], ["b", "a"], ["a", "b"]))
    assert await asyncio.gather(*asked) == [b"1"] * 3
    assert await made.parts.body(one, ["a", "b"], PLAIN) == b"1"
    assert made.calls == [(1, frozenset("ab"), PLAIN)]
    await made.parts.body(one, ["a", "b"], PACKED)
    assert await made.parts.body(Pass(2), ["a", "b"], PLAIN) == b"2"
    assert len(made.calls) == 3


async def test_one_is_made_at_a_time() -> None:
    """However many parts are asked for at once, one thread makes them."""
    made, one = Made(), Pass(1)
    await asyncio.gather(*(made.parts.body(one, [str(number)], PLAIN) for number in range(20)))
    assert made.most_at_once == 1
    assert len(made.calls) == 20


@pytest.mark.parametrize(("size", "most"), [(0, MOST), (MOST_BYTES // 4, 3)])
async def test_so_many_are_kept(size: int, most: int) -> None:
    """Those asked for longest ago are dropped, by number and by size."""
    made, one = Made(size), Pass(1)
    for number in range(most):
        await made.parts.body(one, [str(number)], PLAIN)
    await made.parts.body(one, ["0"], PLAIN)
    await made.parts.body(one, ["new"], PLAIN)
    calls = len(made.calls)
    await made.parts.body(one, ["0"], PLAIN)
    assert len(made.calls) == calls == most + 1
    await made.parts.body(one, ["1"], PLAIN)
    assert len(made.calls) == calls + 1


async def test_nobody_waits_long_where_there_is_one_from_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While a part of the new pass is made, the one before is served; then the new one is."""
    monkeypatch.setattr(parts, "PATIENCE", 0.0)
    made, two = Made(), Pass(2)
    await made.parts.body(Pass(1), ["a"], PLAIN)
    made.may_go_on.clear()
    assert await made.parts.body(two, ["a"], PLAIN) == b"1"
    assert await made.parts.body(Pass(3), ["a"], PLAIN) == b"1"
    first = asyncio.ensure_future(made.parts.body(two, ["b"], PLAIN))
    await settle()
    assert not first.done()
    made.may_go_on.set()
    assert await first == b"2"
    assert await made.parts.body(two, ["a"], PLAIN) == b"2"
    assert [number for number, names, _ in made.calls if names == frozenset("a")] == [1, 2]


async def test_what_cannot_be_made_leaves_the_one_before() -> None:
    """A failure is told; who asks gets the part of a pass before, or the error without one."""
    made = Made()
    await made.parts.body(Pass(1), ["a"], PLAIN)
    made.fails = True
    assert await made.parts.body(Pass(2), ["a"], PLAIN) == b"1"
    with pytest.raises(ZeroDivisionError):
        await made.parts.body(Pass(2), ["b"], PLAIN)
    assert len(made.errors) == 2


async def test_a_pass_that_is_over_is_not_kept_for_its_parts() -> None:
    """A body keeps nothing of its pass, which has the readings of a host."""
    made, one = Made(), Pass(1)
    await made.parts.body(one, ["a"], PLAIN)
    await made.parts.body(Pass(2), ["b"], PLAIN)
    gone = weakref.ref(one)
    del one
    gc.collect()
    assert gone() is None
