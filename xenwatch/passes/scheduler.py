"""The scheduler: runs each probe at its own interval, in threads, against its deadline."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

import structlog

from xenwatch import progress, threads
from xenwatch.clock import Clock
from xenwatch.passes import verdicts
from xenwatch.passes.batch import Batch, Run, Scheduled
from xenwatch.passes.turns import LONGEST, Turns
from xenwatch.probes.base import DISABLED, Pass, Probe, Result, merge
from xenwatch.progress import LOOK, SELDOM, Sign, Standing
from xenwatch.readings.snapshot import Outcome, Snapshot, Status
from xenwatch.sources.base import Source

SETTLE: Final = 0.2
"""Min seconds between two runs of a probe, however many events there are."""

RETRY: Final = 30.0
"""Max seconds until a failed probe is retried; for intervals of more than five minutes, a tenth of
the interval."""

SOON: Final = 5.0
"""The same after a run that had no thread: it has cost nothing."""

UNDER_WAY: Final = 10.0
"""Seconds that an event may arrive after the change it reports has been read."""

CALM: Final = 60.0
"""Seconds after an event in which readings are as frequent as usual: if a disk does not answer, the
kernel may remove a device long after xenstored has reported it."""

EARLY: Final = 0.001
"""Seconds by which a timer may fire too early."""

_log = structlog.get_logger()


class Scheduler:
    """Runs `probes` on `source` until cancelled and keeps `snapshot`, and the probes' memories.

    The first probe runs before the others, which use its reading. Those that are due run one after
    another in one thread, in `turns` with what else computes; one that waits, or computes for long,
    is left to its thread, and the others go on in another. `changed` is set after runs, `ready`
    once every probe has run; `moved` counts the runs that came back, in time or late, and the looks
    at which one got on, `lost` by probe the events that must have been lost. `look` gives the sign
    of a thread. The source must be thread-safe.
    """

    def __init__(
        self,
        source: Source,
        probes: Iterable[Probe],
        clock: Clock,
        look: Callable[[int | None], Sign | None] = progress.look,
    ) -> None:
        self.snapshot = Snapshot(origin=source.origin)
        self.changed = asyncio.Event()
        self.ready = asyncio.Event()
        self.turns = Turns(clock)
        self.moved = 0
        self._memories: Mapping[str, object] = {}
        self._woken = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._in_time: set[str] = set()
        self._followed: frozenset[str] = frozenset()
        self._line: deque[Scheduled] = deque()
        self._source = source
        self._clock = clock
        self._look = look
        self._origin = self._clock.monotonic()
        self._probes = {probe.name: Scheduled(probe) for probe in probes}
        self.lost = {name: 0 for name, each in self._probes.items() if each.probe.quiet}

    @property
    def overruns(self) -> Mapping[str, int]:
        """By probe: ticks skipped because the previous run had not finished."""
        now = self._clock.monotonic()
        return {name: each.overruns(now) for name, each in self._probes.items()}

    @property
    def shortest_interval(self) -> float | None:
        """Seconds between two runs of the most frequent probe, `None` when all are off."""
        probes = (each.probe for each in self._probes.values())
        return min((probe.interval for probe in probes if probe.enabled), default=None)

    def trigger(self, event: str) -> None:
        """Run the probes triggered by `event` now."""
        for each in self._probes.values():
            if event in each.probe.events:
                self._wake(each)

    def follow(self, events: Collection[str], *, followed: bool) -> None:
        """From now on `trigger` is called with these events, or they may be missed."""
        if followed:
            self._followed = self._followed.union(events)
        elif not self._followed.isdisjoint(events):
            self._followed = self._followed.difference(events)
            for each in self._probes.values():
                if each.probe.quiet and not each.probe.events.isdisjoint(events):
                    self._wake(each)

    def configure(self, probes: Iterable[Probe]) -> None:
        """Apply new intervals, deadlines, CPU budgets and `enabled` to the probes."""
        for probe in probes:
            each = self._probes[probe.name]
            if probe != each.probe:
                each.probe = probe
                self._wake(each)
                if not probe.enabled:
                    self._finish({probe.name: DISABLED})

    async def idle(self, seconds: float) -> None:
        """Wait until every probe that is due has run or is past its deadline, at most `seconds`."""
        if self._idle.is_set():
            return
        idle = asyncio.create_task(self._idle.wait())
        try:
            await self._within(idle, seconds)
        finally:
            idle.cancel()

    async def run(self) -> None:
        """Serve every probe until cancelled."""
        for each in self._probes.values():
            each.due = self._origin
            break
        async with asyncio.TaskGroup() as group:
            while True:
                self._woken.clear()
                self._queue()
                if self._line:
                    await self._run_batch(group)
                else:
                    await self._until_due()

    def _queue(self) -> None:
        """Queue the probes that are due."""
        now = self._clock.monotonic() + EARLY
        for name, each in self._probes.items():
            if each.due > now:
                continue
            each.due = math.inf
            if each.probe.enabled:
                each.busy = True
                self._in_time.add(name)
                self._idle.clear()
                self._line.append(each)
            else:
                self._finish({name: DISABLED})

    async def _until_due(self) -> None:
        """Wait until a probe is due, or an event or a run that was left behind makes one so."""
        due = min((each.due for each in self._probes.values()), default=math.inf)
        woken = asyncio.create_task(self._woken.wait())
        try:
            if due == math.inf:
                await woken
            else:
                await self._within(woken, due - self._clock.monotonic())
        finally:
            woken.cancel()

    async def _run_batch(self, group: asyncio.TaskGroup) -> None:
        """Run what is queued; one that keeps the others waiting is left behind."""
        async with self.turns.turn():
            batch = Batch(self._line, self._source, self._newest, self._clock)
            running = threads.launch(batch.work, "probes")
            try:
                while not await self._within(running.future, self._pause(batch.current, LOOK)):
                    self._take(batch)
                    self._queue()
                    current = batch.current
                    if current and self._keeps_others(current, running) and batch.leave(current):
                        self._take(batch)
                        group.create_task(self._follow(batch, current, running))
                        return
            finally:
                batch.end()
            self._take(batch)
            if error := running.future.exception():
                self._fail(error)

    def _keeps_others(self, current: Run, running: threads.Started[None]) -> bool:
        """Whether a run waits in the kernel or for the reader, or computes for long."""
        self._judge(current, running)
        course, now = current.course, self._clock.monotonic()
        is_short = now - current.began < LONGEST - EARLY
        return not (course.moves and is_short and course.standing is Standing.IN_TIME)

    def _judge(self, current: Run, running: threads.Started[None]) -> None:
        """Look at the thread of a run, and say how it stands against its deadline."""
        course, before, name = current.course, current.course.standing, current.probe.name
        course.add(self._clock.monotonic(), self._look(running.thread))
        if course.moves and not course.is_given_up:
            self.moved += 1
        if course.standing is not before:
            self._release(name)
            last = self._last(name)
            result = verdicts.unfinished(current.probe, course.standing, current.began, last)
            self._finish({name: result})

    def _pause(self, current: Run | None, most: float) -> float:
        return current.course.pause(self._clock.monotonic(), most) if current else most

    async def _follow(self, batch: Batch, current: Run, running: threads.Started[None]) -> None:
        """Wait until a run that was left behind is back."""
        current.scheduled.started = current.began
        while not current.course.is_given_up:
            if await self._within(running.future, self._pause(current, SELDOM)):
                break
            self._judge(current, running)
        await asyncio.wait((running.future,))
        current.scheduled.started = None
        self._take(batch)
        self._woken.set()

    def _take(self, batch: Batch) -> None:
        """Show what the runs that have come back have read."""
        came, shown = batch.results(), {}
        for each, result in came:
            self._release(each.probe.name)
            each.scheduled.had_no_thread = False
            if each.course.is_given_up:
                # Its result and memory are dropped, as nobody knows when what it read was so: run
                # it again with the memory it had.
                each.scheduled.again = True
            elif result is not None:
                late = each.course.standing is Standing.LATE
                shown[each.probe.name] = verdicts.late(result) if late else result
        self._compare(shown)
        self._finish(shown)
        now = self._clock.monotonic()
        for each, result in came:
            self.moved += 1
            each.scheduled.missed += int((now - each.began) / each.scheduled.probe.interval)
            spent = result.outcome.cpu_seconds if result else 0.0
            self._rest(each.scheduled, each.began + max(SETTLE, spent / each.probe.share))

    def _compare(self, shown: Mapping[str, Result]) -> None:
        """Find readings that have changed although no event came, then or `UNDER_WAY` later."""
        now = self._clock.monotonic()
        for name, result in shown.items():
            each, before = self._probes[name], getattr(self.snapshot, name)
            if each.suspect is not None:
                each.suspect, each.polled = None, True
                self.lost[name] += 1
                _log.warning(
                    "missed an event; polling at the probe's interval from now on", probe=name
                )
            is_known = before is not None and result.reading is not None
            if each.silent and not each.again and is_known and result.reading != before:
                each.suspect = now

    def _fail(self, error: BaseException) -> None:
        """What is queued has failed: there is no thread to run it."""
        now = self._clock.monotonic()
        line = [self._line.popleft() for _ in range(len(self._line))]
        for each in line:
            each.had_no_thread, each.again = True, False
            self.moved += 1
            self._release(each.probe.name)
        self._finish({each.probe.name: verdicts.no_thread(error, now) for each in line})
        for each in line:
            self._rest(each, now + SETTLE)

    def _release(self, name: str) -> None:
        """No pass waits for this run any more: it is over, or past its deadline."""
        self._in_time.discard(name)
        if not self._in_time:
            self._idle.set()

    def _last(self, name: str) -> Result | None:
        """The probe's latest reading and outcome, `None` before it has run."""
        outcome = self.snapshot.outcomes.get(name)
        return Result(outcome, getattr(self.snapshot, name)) if outcome is not None else None

    def _wake(self, each: Scheduled) -> None:
        """Have a probe run once it has rested; the first run of all is waited for."""
        each.silent, each.suspect, each.woken = False, None, self._clock.monotonic()
        if each.busy:
            each.again = True
        elif self.snapshot.outcomes:
            each.due = max(self._clock.monotonic(), each.rested)
            self._woken.set()

    def _rest(self, each: Scheduled, until: float) -> None:
        """A run is over: the next one is at a tick, or after an event, once its budget allows it.

        Ticks are multiples of the interval since the start, so that probes of the same interval
        run one after another and make one pass.
        """
        each.busy = False
        each.rested = floor = max(self._clock.monotonic(), until)
        each.silent = self._is_quiet(each) and not each.again
        if each.again:
            each.due = floor
            return
        if each.suspect is not None:
            each.due = max(floor, each.suspect + UNDER_WAY)
            return
        interval = each.probe.interval
        if each.silent:
            interval = max(interval, each.probe.quiet)
        outcome = self.snapshot.outcomes.get(each.probe.name)
        if outcome is not None and outcome.status is Status.FAILED:
            soonest = SOON if each.had_no_thread else RETRY
            interval = min(interval, max(soonest, interval / 10))
        each.due = self._origin + math.ceil((floor - self._origin) / interval) * interval

    def _is_quiet(self, each: Scheduled) -> bool:
        """Whether events tell of every change of what a probe reads, and none came lately."""
        if not each.probe.quiet or each.polled or not each.probe.events <= self._followed:
            return False
        return self._clock.monotonic() - each.woken >= CALM

    async def _within(self, future: asyncio.Future[Any], seconds: float) -> bool:
        """Whether the future is done within `seconds`; it is left alone when it is not."""
        timer = asyncio.create_task(self._clock.sleep(seconds))
        try:
            await asyncio.wait((future, timer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
        return future.done()

    def _newest(self) -> Pass:
        return Pass(self.snapshot, self._memories)

    def _finish(self, results: Mapping[str, Result]) -> None:
        """Show these results; probes that are off have none."""
        if not results:
            return
        is_first, before = not self.snapshot.outcomes, self.snapshot.outcomes
        shown = {
            name: result if self._probes[name].probe.enabled else DISABLED
            for name, result in results.items()
        }
        newest = merge(self._newest(), shown, self._clock.moment(), self._source.origin)
        # In this order: a batch's thread that reads both has memories no older than the snapshot.
        self._memories = newest.memories
        self.snapshot = newest.snapshot
        if is_first:
            for each in self._probes.values():
                if not each.busy and each.probe.name not in shown:
                    each.due = self._clock.monotonic()
            self._woken.set()
        if len(self.snapshot.outcomes) == len(self._probes):
            self.ready.set()
        for name, result in shown.items():
            _log_change(name, before.get(name), result.outcome)
        self.changed.set()


def _log_change(name: str, before: Outcome | None, now: Outcome) -> None:
    failed = now.status is Status.FAILED
    same = before is not None and before.status is now.status
    if before is not None and same and (failed or before.starved is now.starved):
        return
    if failed:
        _log.warning("probe failed", probe=name, reason=now.detail)
    elif now.starved:
        _log.warning("probe starved", probe=name, reason=now.detail)
    elif before is not None and (before.status is Status.FAILED or before.starved):
        _log.info("probe recovered", probe=name, status=now.status.value)
    else:
        _log.debug("probe status changed", probe=name, status=now.status.value, detail=now.detail)
