"""The scheduler: runs each probe at its own interval, in its own thread, against its deadline."""

from __future__ import annotations

import asyncio
import functools
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from xenwatch import progress, threads
from xenwatch.clock import Clock, SystemClock
from xenwatch.passes import verdicts
from xenwatch.passes.turns import Turn, Turns
from xenwatch.probes.base import DISABLED, Pass, Probe, Result, merge, run
from xenwatch.progress import Course, Sign, Standing
from xenwatch.readings.snapshot import Outcome, Snapshot, Status
from xenwatch.sources.base import Source

SETTLE: Final = 0.2
"""Min seconds between two runs of a probe, however many events there are."""

RETRY: Final = 30.0
"""Max seconds until a failed probe is retried; for intervals of more than five minutes, a tenth of
the interval."""

SOON: Final = 5.0
"""The same after a run that had no thread: it has cost nothing."""

_log = structlog.get_logger()


@dataclass(slots=True)
class _ProbeTask:
    """A probe and its runs. `started` is when its thread started, `None` while none is running."""

    probe: Probe
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    started: float | None = None
    missed: int = 0
    had_no_thread: bool = False

    def overruns(self, now: float) -> int:
        """Ticks skipped so far because a run had not finished."""
        running = 0 if self.started is None else int((now - self.started) / self.probe.interval)
        return self.missed + running


class Scheduler:
    """Runs `probes` on `source` until cancelled and keeps `snapshot`, and the probes' memories.

    The first probe runs before the others, which use its reading. They take `turns` to compute.
    `changed` is set after every run, `ready` once every probe has run; `moved` counts the runs that
    came back, in time or late, and the looks at which one got on. `look` gives the sign of a
    thread. The source must be thread-safe.
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
        self._first = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._in_time: set[str] = set()
        self._source = source
        self._clock = clock
        self._look = look
        self._tasks = {probe.name: _ProbeTask(probe) for probe in probes}
        self._origin = self._clock.monotonic()

    @property
    def overruns(self) -> Mapping[str, int]:
        """By probe: ticks skipped because the previous run had not finished."""
        now = self._clock.monotonic()
        return {name: task.overruns(now) for name, task in self._tasks.items()}

    @property
    def shortest_interval(self) -> float | None:
        """Seconds between two runs of the most frequent probe, `None` when all are off."""
        probes = (task.probe for task in self._tasks.values())
        return min((probe.interval for probe in probes if probe.enabled), default=None)

    def trigger(self, event: str) -> None:
        """Run the probes triggered by `event` now."""
        for task in self._tasks.values():
            if event in task.probe.events:
                task.wake.set()

    def configure(self, probes: Iterable[Probe]) -> None:
        """Apply new intervals, deadlines, CPU budgets and `enabled` to the probes."""
        for probe in probes:
            task = self._tasks[probe.name]
            if probe != task.probe:
                task.probe = probe
                task.wake.set()
                if not probe.enabled:
                    self._finish(task, DISABLED)

    async def idle(self, seconds: float) -> None:
        """Wait until every probe that is due has run or is past its deadline, at most `seconds`."""
        idle = asyncio.create_task(self._idle.wait())
        try:
            await self._within(idle, seconds)
        finally:
            idle.cancel()

    async def run(self) -> None:
        """Serve every probe until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number, task in enumerate(self._tasks.values()):
                group.create_task(self._serve(task, first=number == 0), name=task.probe.name)

    async def _serve(self, task: _ProbeTask, first: bool) -> None:
        if not first:
            await self._first.wait()
        while True:
            task.wake.clear()
            if task.probe.enabled:
                self._in_time.add(task.probe.name)
                self._idle.clear()
                async with self.turns.turn() as turn:
                    rested = await self._run_once(task, turn)
                self._release(task)
                await self._wait_for_next(task, rested)
            else:
                self._finish(task, DISABLED)
                await task.wake.wait()

    async def _run_once(self, task: _ProbeTask, turn: Turn) -> float:
        """Run the probe once and wait until its thread is back; when its CPU budget allows more."""
        probe, started = task.probe, self._clock.monotonic()
        if not probe.enabled:  # switched off while it waited for its turn
            return started
        task.started = started
        work = functools.partial(run, probe, self._source, self._newest(), self._clock.monotonic)
        running = threads.launch(work, f"probe-{probe.name}")
        course = Course(probe.deadline, started, running.spent)
        await self._follow(task, running, course, turn)
        self.moved += 1
        task.missed = task.overruns(self._clock.monotonic())
        task.started = None
        error = running.future.exception()
        task.had_no_thread = error is not None
        result: Result = no_thread(error, started) if error else running.future.result()
        if course.is_given_up:
            # Its result and memory are dropped, as nobody knows when what it read was so: run it
            # again with the memory it had.
            task.wake.set()
        elif course.standing is Standing.LATE:
            self._finish(task, verdicts.late(result))
        else:
            self._finish(task, result)
        return started + max(SETTLE, result.outcome.cpu_seconds / probe.share)

    async def _follow(
        self, task: _ProbeTask, running: threads.Started[Result], course: Course, turn: Turn
    ) -> None:
        """Wait until the thread is back, and say meanwhile how it stands against its deadline.

        Its turn is over once it waits in the kernel, or for the reader.
        """
        probe, began = task.probe, self._clock.monotonic()
        while not course.is_given_up:
            most = progress.SELDOM if turn.is_over else progress.LOOK
            pause = course.pause(self._clock.monotonic(), most)
            if await self._within(running.future, pause):
                return
            before = course.standing
            course.add(self._clock.monotonic(), self._look(running.thread))
            if not course.moves:
                turn.end()
            elif not course.is_given_up:
                self.moved += 1
            if course.standing is not before:
                self._release(task)
                last = self._last(probe.name)
                self._finish(task, verdicts.unfinished(probe, course.standing, began, last))
        await asyncio.wait((running.future,))

    def _release(self, task: _ProbeTask) -> None:
        """No pass waits for this run any more: it is over, or past its deadline."""
        self._in_time.discard(task.probe.name)
        if not self._in_time:
            self._idle.set()

    def _last(self, name: str) -> Result | None:
        """The probe's latest reading and outcome, `None` before it has run."""
        outcome = self.snapshot.outcomes.get(name)
        return Result(outcome, getattr(self.snapshot, name)) if outcome is not None else None

    async def _wait_for_next(self, task: _ProbeTask, rested: float) -> None:
        """Wait for the probe's next run: a tick or an event, once its CPU budget allows it.

        Ticks are multiples of the interval since the start, so that probes of the same interval
        run one after another and make one pass.
        """
        now = self._clock.monotonic()
        floor = max(now, rested)
        await self._clock.sleep(floor - now)
        interval = task.probe.interval
        if self.snapshot.outcomes[task.probe.name].status is Status.FAILED:
            soonest = SOON if task.had_no_thread else RETRY
            interval = min(interval, max(soonest, interval / 10))
        due = self._origin + math.ceil((floor - self._origin) / interval) * interval
        woken = asyncio.create_task(task.wake.wait())
        try:
            await self._within(woken, due - self._clock.monotonic())
        finally:
            woken.cancel()

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

    def _finish(self, task: _ProbeTask, result: Result) -> None:
        name = task.probe.name
        if not task.probe.enabled:  # switched off while it ran
            result = DISABLED
        before = self.snapshot.outcomes.get(name)
        newest = merge(self._newest(), name, result, self._clock.moment(), self._source.origin)
        self.snapshot, self._memories = newest.snapshot, newest.memories
        self._first.set()
        if len(self.snapshot.outcomes) == len(self._tasks):
            self.ready.set()
        _log_change(name, before, result.outcome)
        self.changed.set()


def no_thread(error: BaseException, began: float) -> Result:
    """The result of a run whose thread could not be started."""
    return Result(Outcome(Status.FAILED, f"could not start a thread: {error}", began))


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


def one_pass(source: Source, probes: Iterable[Probe], before: Pass | None = None) -> Pass:
    """One pass over `probes` in order, each against its deadline; for use without an event loop.

    `before` is the pass before, if there was one: memories, and readings not taken now.
    """
    clock = SystemClock()
    now = clock.moment()
    found = before or Pass(Snapshot(now.time, origin=source.origin, instant=now.instant))
    for probe in probes:
        result = _run_alone(probe, source, found) if probe.enabled else DISABLED
        found = merge(found, probe.name, result, clock.moment(), source.origin)
    return found


def _run_alone(probe: Probe, source: Source, before: Pass) -> Result:
    """Run a probe once and wait for it, until it is given up."""
    began = time.monotonic()
    course = Course(probe.deadline, began)
    try:
        call = threads.Call(functools.partial(run, probe, source, before), f"probe-{probe.name}")
    except RuntimeError as error:
        return no_thread(error, began)
    while not call.is_done(course.pause(time.monotonic(), progress.LOOK)):
        course.add(time.monotonic(), progress.look(call.thread))
        if course.is_given_up:
            return verdicts.unfinished(probe, course.standing, began)
    result = call.result()
    return verdicts.late(result) if course.standing is Standing.LATE else result
