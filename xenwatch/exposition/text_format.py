"""The metrics for Prometheus: families of samples as text 0.0.4 or OpenMetrics 1.0.0.

prometheus_client builds an object for each sample and escapes it anew on each scrape. A page has
tens of thousands of samples whose names and labels hardly ever change, so a page takes over from
the one before what stands before the values, and families whose values are the same as they are.
What is no longer on a page is forgotten with it.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final, Literal

from xenwatch.fence import OPEN, Fence, Part
from xenwatch.values import dataclass

OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
"""Content type of OpenMetrics."""

NO_LABELS: Final[Mapping[str, str]] = MappingProxyType({})
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
    `histograms` instead. One that is `unmade` has none, for it is unknown which it has.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...]
    samples: Sequence[Sample]
    histograms: Sequence[tuple[tuple[str, ...], Histogram]] = ()
    unmade: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A family as text: its lines of samples, and what stands before each value in them.

    A prefix is `None` where a later sample is of the same series.
    """

    family: Family
    prefixes: Sequence[str | None]
    lines: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """Families as text, by name, from which the body of either format is put together.

    `labels` are those that every series has besides its own.
    """

    labels: Mapping[str, str]
    blocks: Mapping[str, Block]

    def body(self, openmetrics: bool = False) -> bytes:
        """The page, UTF-8."""
        parts: list[bytes] = []
        for block in self.blocks.values():
            if block.lines:
                family = block.family
                parts += (_header(family.name, family.kind, family.help, openmetrics), block.lines)
        if openmetrics:
            parts.append(b"# EOF\n")
        return b"".join(parts)


def page(
    families: Iterable[Family],
    labels: Mapping[str, str] = NO_LABELS,
    before: Page | None = None,
    fence: Fence = OPEN,
) -> Page:
    """The families with these labels on every series; none may have one of these names itself.

    A family without samples has no lines, and neither has a NaN. Of two samples with the same
    labels the last one stays: a series never appears twice. Formats: Prometheus's "Exposition
    formats" and the OpenMetrics 1.0.0 specification. What is as it was on the page `before` is
    taken over from it. A family that raises within `fence` has no lines.
    """
    blocks = before.blocks if before is not None and before.labels == labels else {}

    def block(family: Family) -> Block:
        earlier = blocks.get(family.name)
        if earlier is not None and earlier.family is family:
            return earlier
        make = partial(_block, family, labels, earlier)
        return fence.either(Part.METRIC, family.name, make, partial(_unmade, family))

    return Page(labels, {family.name: block(family) for family in families})


def render(
    families: Iterable[Family],
    openmetrics: bool = False,
    labels: Mapping[str, str] = NO_LABELS,
    fence: Fence = OPEN,
) -> bytes:
    """The body of one page."""
    return page(families, labels, fence=fence).body(openmetrics)


def _unmade(family: Family) -> Block:
    return Block(dataclasses.replace(family, samples=(), histograms=(), unmade=True), (), b"")


def _block(family: Family, labels: Mapping[str, str], before: Block | None) -> Block:
    if before is not None and before.family == family:
        return Block(family, before.prefixes, before.lines)
    prefixes = _prefixes(family, labels, before)
    samples = [
        f"{prefix}{number(value)}\n"
        for prefix, (_, value) in zip(prefixes, family.samples, strict=True)
        if prefix is not None and not math.isnan(value)
    ]
    for key, histogram in dict(family.histograms).items():
        samples += _histogram(family, labels, key, histogram)
    return Block(family, prefixes, "".join(samples).encode())


def _prefixes(
    family: Family, labels: Mapping[str, str], before: Block | None
) -> Sequence[str | None]:
    """What stands before the value of each sample."""
    keys = [key for key, _ in family.samples]
    known: Mapping[tuple[str, ...], str | None] = {}
    if before is not None:
        earlier = [key for key, _ in before.family.samples]
        if earlier == keys:
            return before.prefixes
        known = dict(zip(earlier, before.prefixes, strict=True))
    prefixes = [known.get(key) or _prefix(family.name, family.labels, key, labels) for key in keys]
    last = {prefix: number for number, prefix in enumerate(prefixes)}
    if len(last) == len(prefixes):
        return prefixes
    return [prefix if last[prefix] == number else None for number, prefix in enumerate(prefixes)]


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
    if value.isalnum():  # most are
        return value
    return _escape_controls(value).replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _histogram(
    family: Family, labels: Mapping[str, str], key: tuple[str, ...], histogram: Histogram
) -> Iterator[str]:
    """A classic histogram's lines: buckets with all smaller ones in them, sum and count."""
    with_bound, total = (*family.labels, "le"), 0
    for bound, count in zip((*histogram.bounds, math.inf), histogram.counts, strict=True):
        total += count
        values = (*key, number(bound))
        yield f"{_prefix(f'{family.name}_bucket', with_bound, values, labels)}{total}\n"
    its_sum = _prefix(f"{family.name}_sum", family.labels, key, labels)
    yield f"{its_sum}{number(histogram.sum)}\n"
    yield f"{_prefix(f'{family.name}_count', family.labels, key, labels)}{total}\n"


def _escape_controls(value: str) -> str:
    return _NOT_ALLOWED.sub(_hex_escape, value)


def _hex_escape(match: re.Match[str]) -> str:
    char = match[0]
    # These stand for bytes that were no UTF-8 in a file's name (os.fsdecode).
    errors = "surrogateescape" if "\udc80" <= char <= "\udcff" else "surrogatepass"
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", errors))


def _prefix(
    name: str, names: tuple[str, ...], values: tuple[str, ...], labels: Mapping[str, str]
) -> str:
    """All of a sample's line before its value."""
    pairs = [*zip(names, values, strict=True), *labels.items()]
    if not pairs:
        return f"{name} "
    return name + "{" + ",".join(f'{key}="{escape(value)}"' for key, value in pairs) + "} "


@functools.lru_cache(maxsize=1024)  # two formats of all there are
def _header(name: str, kind: Kind, help_text: str, openmetrics: bool) -> bytes:
    text = help_text.replace("\\", r"\\").replace("\n", r"\n")
    if not openmetrics:
        # The text format has no info type: a gauge of 1 stands for it.
        of = "gauge" if kind == "info" else kind
        return f"# HELP {name} {text}\n# TYPE {name} {of}\n".encode()
    name = name.removesuffix(_SUFFIXES[kind])
    text = text.replace('"', r"\"")
    unit = name.rpartition("_")[2]
    declared = f"# UNIT {name} {unit}\n" if unit in _UNITS and kind != "info" else ""
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n{declared}".encode()
