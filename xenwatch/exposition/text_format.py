"""The metrics for Prometheus: families of samples as text 0.0.4 or OpenMetrics 1.0.0.

prometheus_client builds an object for each sample and escapes it anew on each scrape. A page has
tens of thousands of samples whose names and labels hardly ever change, so what stands before the
value is kept from page to page.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
"""Content type of OpenMetrics."""

Kind = Literal["gauge", "counter", "info", "histogram"]
Sample = tuple[tuple[str, ...], float]

_UNITS: Final = ("bytes", "ratio", "seconds")
_SUFFIXES: Final = {"gauge": "", "counter": "_total", "info": "_info", "histogram": ""}
# Newline has an escape of its own. A NUL would end the scrape, a surrogate cannot be encoded.
_NOT_ALLOWED: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Histogram:
    """Observations counted by size. `counts` has one more than `bounds`: those above the last.

    A bucket holds what is at most its bound and above the one before; `sum` is of all values.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    sum: float


@dataclass(frozen=True, slots=True)
class Family:
    """Samples of one name.

    `name` is the samples' own name, with `_total` (counter) or `_info` (info). `samples` are
    pairs of label values, in the order of `labels`, and value; of a histogram the values are in
    `histograms` instead.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...]
    samples: Sequence[Sample]
    histograms: Sequence[tuple[tuple[str, ...], Histogram]] = ()


def render(families: Iterable[Family], openmetrics: bool = False) -> bytes:
    """The page, UTF-8.

    A family without samples is left out, and so is a NaN. Of two samples with the same labels
    the last one stays: a series never appears twice. Formats: Prometheus's "Exposition formats"
    and the OpenMetrics 1.0.0 specification.
    """
    return both(families)[openmetrics]


def both(families: Iterable[Family]) -> tuple[bytes, bytes]:
    """The page in the text format and as OpenMetrics, whose lines of samples are the same."""
    plain: list[str] = []
    openmetrics: list[str] = []
    for family in families:
        lines = "".join(_lines(family))
        if lines:
            plain += (_header(family, openmetrics=False), lines)
            openmetrics += (_header(family, openmetrics=True), lines)
    openmetrics.append("# EOF\n")
    return "".join(plain).encode(), "".join(openmetrics).encode()


def labelled(families: Iterable[Family], labels: Mapping[str, str]) -> list[Family]:
    """The families with these labels on every series; none of them may have one of these names."""
    names, values = tuple(labels), tuple(labels.values())
    return [
        replace(
            family,
            labels=(*family.labels, *names),
            samples=[((*key, *values), value) for key, value in family.samples],
            histograms=[((*key, *values), value) for key, value in family.histograms],
        )
        for family in families
    ]


def _lines(family: Family) -> Iterator[str]:
    series = {_prefix(family.name, family.labels, key): value for key, value in family.samples}
    for prefix, value in series.items():
        if not math.isnan(value):
            yield f"{prefix}{number(value)}\n"
    for key, histogram in dict(family.histograms).items():
        yield from _histogram(family, key, histogram)


def number(value: float) -> str:
    """A sample's value: a whole number in full, a float in its shortest exact form."""
    if isinstance(value, int):
        return int.__repr__(value)  # of a bool too
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)


def text(raw: bytes) -> str:
    r"""Any bytes as text fit for a label: UTF-8 where it is UTF-8.

    Every other byte, and those of control characters save newline, are written as `\xNN`.
    """
    return _escape_controls(raw.decode("utf-8", "backslashreplace"))


def escape(value: str) -> str:
    """A label's value as it stands between its quotes; control characters as `text` has them."""
    return _escape_controls(value).replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _histogram(family: Family, key: tuple[str, ...], histogram: Histogram) -> Iterator[str]:
    """A classic histogram's lines: buckets with all smaller ones in them, sum and count."""
    labels, total = (*family.labels, "le"), 0
    for bound, count in zip((*histogram.bounds, math.inf), histogram.counts, strict=True):
        total += count
        values = (*key, number(bound))
        yield f"{_prefix(f'{family.name}_bucket', labels, values)}{total}\n"
    yield f"{_prefix(f'{family.name}_sum', family.labels, key)}{number(histogram.sum)}\n"
    yield f"{_prefix(f'{family.name}_count', family.labels, key)}{total}\n"


def _escape_controls(value: str) -> str:
    return _NOT_ALLOWED.sub(_hex_escape, value)


def _hex_escape(match: re.Match[str]) -> str:
    char = match[0]
    # These stand for bytes that were no UTF-8 in a file's name (os.fsdecode).
    errors = "surrogateescape" if "\udc80" <= char <= "\udcff" else "surrogatepass"
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", errors))


@functools.lru_cache(maxsize=1 << 16)
def _prefix(name: str, labels: tuple[str, ...], values: tuple[str, ...]) -> str:
    """All of a sample's line before its value."""
    if not labels:
        return f"{name} "
    pairs = zip(labels, values, strict=True)
    return name + "{" + ",".join(f'{key}="{escape(value)}"' for key, value in pairs) + "} "


def _header(family: Family, openmetrics: bool) -> str:
    text = family.help.replace("\\", r"\\").replace("\n", r"\n")
    if not openmetrics:
        # The text format has no info type: a gauge of 1 stands for it.
        kind = "gauge" if family.kind == "info" else family.kind
        return f"# HELP {family.name} {text}\n# TYPE {family.name} {kind}\n"
    name = family.name.removesuffix(_SUFFIXES[family.kind])
    text = text.replace('"', r"\"")
    unit = name.rpartition("_")[2]
    declared = f"# UNIT {name} {unit}\n" if unit in _UNITS and family.kind != "info" else ""
    return f"# HELP {name} {text}\n# TYPE {name} {family.kind}\n{declared}"
