"""The one table of configuration keys, the source of checks, defaults, flags and documents.

`KEYS` holds the keys in the order of the document; those of `[probes.NAME]` and `[limits.NAME]`
are derived from `PROBES` and `LIMITS`. Those of `[shapes.NAME]` apply to every section the operator
names, that of `[labels]` to every name in it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, Final

from xenwatch.config import (
    alert_keys,
    common_keys,
    converters,
    label_keys,
    maintenance_keys,
    metric_keys,
    pool_keys,
    record_keys,
    shape_keys,
    textfile_keys,
    web_keys,
    xapi_keys,
)
from xenwatch.config.key import FileUse, Key
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Limit, Thresholds
from xenwatch.planning import reserve
from xenwatch.probes import PROBES
from xenwatch.probes.base import Probe


def _reserve(value: object) -> str:
    reserve.parse(value)
    return str(value)


LEARNT: Final[Key[str]] = Key(
    "plan.learnt",
    "string",
    "",
    "File with how much of dom0's memory and tasks VMs use, as learnt on another host; for shapes "
    "of which nothing is learnt here. Empty: none.",
    converters.text,
    flag="--plan.learnt",
    file=FileUse.READ,
)


RESERVE: Final[Key[str]] = Key(
    "plan.reserve",
    "integer or string",
    "0",
    "Room that plans, headroom and the alerts about it keep free: a number of VMs of the shape "
    'asked for, or a share of every limit such as "10%".',
    _reserve,
    flag="--plan.reserve",
)


def probe_keys(probe: Probe) -> Iterator[Key[Any]]:
    """The keys of `[probes.NAME]`."""
    path = f"probes.{probe.name}."
    yield Key(
        path + "enabled",
        "boolean",
        probe.enabled,
        f"Enable the probe, which reads {probe.reads}.",
        converters.boolean,
    )
    text = "Seconds between readings; longer when readings exceed the CPU budget."
    yield Key(path + "interval", "number", probe.interval, text, converters.seconds)
    text = (
        "Seconds after which a reading that hangs has failed; one that makes progress is starved."
    )
    yield Key(path + "deadline", "number", probe.deadline, text, converters.seconds)
    text = (
        "CPU budget as a fraction of one core; after an expensive reading the probe waits longer."
    )
    yield Key(path + "share", "number", probe.share, text, converters.share)


def limit_keys(limit: Limit) -> Iterator[Key[Any]]:
    """The keys of `[limits.NAME]`."""
    for field in dataclasses.fields(Thresholds):
        yield Key(
            f"limits.{limit.name}.{field.name}",
            'number or "never"',
            getattr(limit.thresholds, field.name),
            f"Threshold for {limit.title}: {field.name} at this used ratio or above.",
            converters.ratio,
        )


def _shape_keys() -> Iterator[Key[Any]]:
    for part in shape_keys.PARTS:
        path = f"{SHAPES}.{ANY}.{part.name}"
        yield Key(path, part.type, part.default, part.description, part.convert)


SHAPES: Final = "shapes"
ANY: Final = "NAME"
"""Placeholder in key paths for a name the operator chooses."""
LABEL: Final[Key[str]] = Key(
    f"{label_keys.SECTION}.{ANY}",
    "string",
    "",
    "Label of delivered alerts that says where the host is, such as its pool or site. Set it as in "
    "Prometheus, external or of the target, so that Alertmanager deduplicates the alerts of both. "
    "Empty: none.",
    label_keys.value,
    restart=True,
)


def make_keys(probes: Iterable[Probe], limits: Iterable[Limit]) -> tuple[Key[Any], ...]:
    """The table of keys for these probes and limits."""
    return (
        *web_keys.KEYS,
        *textfile_keys.KEYS,
        *record_keys.KEYS,
        *pool_keys.KEYS,
        metric_keys.EXCLUDE,
        *(*common_keys.LOGGING, *common_keys.HOST, LEARNT, RESERVE),
        *(key for probe in probes for key in probe_keys(probe)),
        *(key for limit in limits for key in limit_keys(limit)),
        LABEL,
        *alert_keys.KEYS,
        *xapi_keys.KEYS,
        *maintenance_keys.KEYS,
        *_shape_keys(),
    )


KEYS: Final = make_keys(PROBES, LIMITS)
"""Every key."""
