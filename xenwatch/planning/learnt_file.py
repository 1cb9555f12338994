"""What was learnt as JSON: saved by the daemon, carried to other hosts.

An object with `version`, `regime`, `vms` (by kind, each VM as UUID, bytes and tasks) and `periods`,
whose `vms` are pairs of index of the kind and count, and whose times count from some moment of
their run. See `xenwatch.planning.learning`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from xenwatch.display.text import shown
from xenwatch.display.why import why
from xenwatch.planning.learning import (
    MOST_KINDS,
    MOST_PERIODS,
    MOST_VMS,
    SAMPLES,
    Kind,
    Learning,
    Period,
    Rest,
)
from xenwatch.readings.vm_processes import Use

VERSION: Final = 1
FILE_LIMIT: Final = 4 << 20
"""Bytes; the largest that is written has some 300 KiB."""
_LARGEST: Final = 1 << 53
"""Of numbers: JSON has no exact ones beyond."""


class LearntError(Exception):
    """A file that this program did not write, or not completely; the text says why."""


def dumps(learning: Learning) -> str:
    """What was learnt as text, ended by a newline."""
    kinds = list(dict.fromkeys([*learning.vms, *(k for p in learning.periods for k in p.counts)]))
    numbers = {kind: number for number, kind in enumerate(kinds)}
    document = {
        "version": VERSION,
        "regime": learning.regime,
        "vms": [
            {
                "type": kind.type,
                "vcpus": kind.vcpus,
                "disks": kind.disks,
                "vifs": kind.vifs,
                "seen": [
                    [uuid, use.memory_bytes, use.tasks]
                    for uuid, use in learning.vms.get(kind, {}).items()
                ],
            }
            for kind in kinds
        ],
        "periods": [_period(period, numbers) for period in learning.periods],
    }
    return json.dumps(document) + "\n"


def loads(text: bytes | str) -> Learning:
    """What `dumps` wrote, for a new run. Raises `LearntError`."""
    try:
        document = json.loads(text)
        if document["version"] != VERSION:
            raise LearntError(f"version {shown(document['version'])}, but only {VERSION} is known")
        return _learning(document)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise LearntError(f"damaged, or not written by xenwatch: {why(error)}") from None


def _period(period: Period, numbers: Mapping[Kind, int]) -> dict[str, Any]:
    return {
        "run": period.run,
        "start": period.start,
        "end": period.end,
        "vms": [[numbers[kind], count] for kind, count in period.counts.items()],
        "memory": [period.memory.first, period.memory.latest],
        "tasks": [period.tasks.first, period.tasks.latest],
    }


def _learning(document: Mapping[str, Any]) -> Learning:
    regime = document["regime"]
    if regime is not None and not isinstance(regime, str):
        raise TypeError("regime is no text")
    rows = _list(document["vms"], MOST_KINDS * (MOST_PERIODS + 1))
    kinds = [
        Kind(_text(row["type"]), *(_whole(row[name]) for name in ("vcpus", "disks", "vifs")))
        for row in rows
    ]
    seen = [
        {
            _text(uuid): Use(_whole(memory), _whole(tasks))
            for uuid, memory, tasks in _list(row["seen"], MOST_VMS)
        }
        for row in rows
    ]
    vms = {kind: known for kind, known in zip(kinds, seen, strict=True) if known}
    periods = tuple(
        Period(
            _whole(row["run"]),
            _time(row["start"]),
            _time(row["end"]),
            {kinds[_whole(number)]: _whole(count) for number, count in row["vms"]},
            _rest(row["memory"]),
            _rest(row["tasks"]),
        )
        for row in _list(document["periods"], MOST_PERIODS)
    )
    run = max((period.run for period in periods), default=0) + 1
    return Learning(regime, vms, periods, run)


def _rest(value: Any) -> Rest:
    first, latest = (tuple(_number(item) for item in _list(part, SAMPLES)) for part in value)
    if len(first) != len(latest):
        raise ValueError("first and latest readings do not match")
    return Rest(first, latest)


def _list(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise ValueError(f"expected a list of at most {most}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 64:
        raise TypeError("expected a short text")
    return value


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _LARGEST:
        raise ValueError("expected a whole number")
    return value


def _whole(value: Any) -> int:
    if _number(value) < 0:
        raise ValueError("expected a number that is not negative")
    return int(value)


def _time(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LARGEST:
        raise ValueError("expected a time")
    return float(value)
