"""Pages for Prometheus, read back with prometheus_client's own parsers."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from tests.support import parse_page, series
from xenwatch.exposition.text_format import (
    Family,
    Histogram,
    Kind,
    escape,
    number,
    page,
    render,
    text,
)

HOSTILE = 'a",b="c"} 1\n# HELP x y\nx{z="\\'

names = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=20).map(lambda words: words.encode("utf-8", "replace")),
    st.text(alphabet='\\"\n{}=,# \x00\r\x85\u2028', max_size=20).map(str.encode),
)
values = st.one_of(
    st.integers(min_value=-(2**53), max_value=2**53), st.floats(allow_nan=False, width=64)
)


def info(name: str, value: float = 1) -> Family:
    """A family of one sample with one label."""
    return Family("xw_info", "info", "Help.", ("name",), [((name,), value)])


@pytest.mark.parametrize("openmetrics", [False, True])
@settings(deadline=None)
@given(st.dictionaries(names, values, min_size=1, max_size=5))
def test_any_names_come_back_as_exactly_their_own_series(
    openmetrics: bool, samples: dict[bytes, float]
) -> None:
    """Whatever bytes a VM is called, the page has one series for it and none besides."""
    labels = {
        (text(name), str(index)): value for index, (name, value) in enumerate(samples.items())
    }
    family = Family("xw_used", "gauge", HOSTILE, ("name", "domid"), list(labels.items()))
    expected = {
        ("xw_used", frozenset({("name", name), ("domid", domid)})): value
        for (name, domid), value in labels.items()
    }
    assert series(render([family], openmetrics), openmetrics) == expected


@pytest.mark.parametrize("openmetrics", [False, True])
@settings(deadline=None)
@given(st.text(alphabet=st.characters(), max_size=20))
def test_any_text_makes_a_page_that_is_one_line_of_utf8_a_sample(
    openmetrics: bool, name: str
) -> None:
    """Strings with surrogates or control characters end neither the page nor the line."""
    page = render([info(name)], openmetrics)
    (((_, labels), value),) = series(page, openmetrics).items()
    assert (labels, value) == (frozenset({("name", text(b"") + dict(labels)["name"])}), 1)
    assert len(page.split(b"\n")) == (5 if openmetrics else 4)
    assert not set(page) & (set(range(0x20)) - {0x0A})


BOUNDS = (0.001, 0.5, 2.0)
histograms = st.builds(
    Histogram,
    st.just(BOUNDS),
    st.tuples(*[st.integers(0, 2**40)] * (len(BOUNDS) + 1)),
    st.floats(min_value=0, allow_infinity=False, allow_nan=False),
)


@pytest.mark.parametrize("openmetrics", [False, True])
@settings(deadline=None)
@given(st.dictionaries(names.map(text), histograms, min_size=1, max_size=3))
def test_a_histogram_comes_back(openmetrics: bool, found: dict[str, Histogram]) -> None:
    """Each bucket has all smaller values in it, the last one as many as there are in all."""
    its = [((name,), histogram) for name, histogram in found.items()]
    family = Family("xw_took_seconds", "histogram", HOSTILE, ("name",), [], its)

    (parsed,) = parse_page(render([family], openmetrics), openmetrics)
    page = series(render([family], openmetrics), openmetrics)

    assert (parsed.name, parsed.type) == ("xw_took_seconds", "histogram")
    assert len(page) == len(found) * (len(BOUNDS) + 3)
    for name, histogram in found.items():
        labels = {("name", name)}
        cumulated = [
            page["xw_took_seconds_bucket", frozenset({*labels, ("le", bound)})]
            for bound in ("0.001", "0.5", "2.0", "+Inf")
        ]
        assert cumulated == [sum(histogram.counts[: end + 1]) for end in range(4)]
        assert page["xw_took_seconds_count", frozenset(labels)] == cumulated[-1]
        assert page["xw_took_seconds_sum", frozenset(labels)] == histogram.sum


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"web-1", "web-1"),
        ("Jürgen 木".encode(), "Jürgen 木"),
        (b"a\x00b", r"a\x00b"),
        (b"a\xffb", r"a\xffb"),
        (b"\xed\xa0\x80", r"\xed\xa0\x80"),
        (b"a\r\tb\x7f", r"a\x0d\x09b\x7f"),
        ("\x85".encode(), r"\xc2\x85"),
        (b"two\nlines", "two\nlines"),
        (b"back\\slash", "back\\slash"),
    ],
)
def test_text_spells_what_is_no_text(raw: bytes, expected: str) -> None:
    r"""Bytes that are no UTF-8, and control characters save newline, are written as \xNN."""
    assert text(raw) == expected


def test_escape_spells_surrogates_and_escapes_what_the_format_escapes() -> None:
    """A label's value has its quotes, backslashes and newlines escaped, file-name bytes spelled."""
    assert escape('q" b\\ n\n \udcff \x00 \ud800') == (r"q\" b\\ n\n \\xff \\x00 \\xed\\xa0\\x80")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (2**63, "9223372036854775808"),
        (True, "1"),
        (0.1, "0.1"),
        (1e300, "1e+300"),
        (-0.5, "-0.5"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
    ],
)
def test_number(value: float, expected: str) -> None:
    """Whole numbers are written in full, floats in their shortest exact form."""
    assert number(value) == expected


def test_text_page() -> None:
    """Text 0.0.4 names counters and infos as their samples, and calls an info a gauge."""
    families = [
        Family("xw_passes_total", "counter", 'Say "a"\nb\\c.', (), [((), 3)]),
        info("x"),
        Family("xw_age_seconds", "gauge", "Age.", (), [((), 1.5)]),
    ]
    assert render(families).decode() == (
        '# HELP xw_passes_total Say "a"\\nb\\\\c.\n'
        "# TYPE xw_passes_total counter\nxw_passes_total 3\n"
        '# HELP xw_info Help.\n# TYPE xw_info gauge\nxw_info{name="x"} 1\n'
        "# HELP xw_age_seconds Age.\n# TYPE xw_age_seconds gauge\nxw_age_seconds 1.5\n"
    )


def test_openmetrics_page() -> None:
    """OpenMetrics names families without suffix, declares units, and ends with EOF."""
    families = [
        Family("xw_cpu_seconds_total", "counter", 'Say "a"\nb\\c.', (), [((), 3)]),
        info("x"),
        Family("xw_used", "gauge", "Used.", (), [((), 1)]),
    ]
    assert render(families, openmetrics=True).decode() == (
        '# HELP xw_cpu_seconds Say \\"a\\"\\nb\\\\c.\n'
        "# TYPE xw_cpu_seconds counter\n# UNIT xw_cpu_seconds seconds\nxw_cpu_seconds_total 3\n"
        '# HELP xw Help.\n# TYPE xw info\nxw_info{name="x"} 1\n'
        "# HELP xw_used Used.\n# TYPE xw_used gauge\nxw_used 1\n"
        "# EOF\n"
    )


@pytest.mark.parametrize(
    ("kind", "name"), [("gauge", "a"), ("counter", "a_total"), ("info", "a_info")]
)
def test_both_parsers_see_the_declared_type(kind: Kind, name: str) -> None:
    """Each kind is read back as the type the format has for it, with its help."""
    page = [Family(name, kind, "Some\nhelp.", ("l",), [(("v",), 1)])]
    (plain,) = parse_page(render(page))
    (open_,) = parse_page(render(page, openmetrics=True), openmetrics=True)
    assert (plain.type, plain.documentation) == ("gauge" if kind == "info" else kind, "Some\nhelp.")
    assert (open_.type, open_.documentation) == (kind, "Some\nhelp.")


def test_what_has_no_value_is_not_on_the_page() -> None:
    """A family without samples, or with nothing but NaN, leaves no trace."""
    families = [
        Family("xw_a", "gauge", "A.", (), []),
        Family("xw_b", "gauge", "B.", (), [((), math.nan)]),
    ]
    assert render(families) == b""
    assert render(families, openmetrics=True) == b"# EOF\n"


def test_a_series_is_never_on_the_page_twice() -> None:
    """Of two samples whose labels come out the same the last one stays."""
    family = Family("xw_a", "gauge", "A.", ("l",), [(("\udcff",), 1), (("\\xff",), 2)])
    assert render([family]).count(b"xw_a{") == 1
    assert b'xw_a{l="\\\\xff"} 2\n' in render([family])


def test_labels_and_values_must_match_in_number() -> None:
    """A sample with a label value too few is a defect, not a series."""
    with pytest.raises(ValueError, match="shorter"):
        render([Family("xw_a", "gauge", "A.", ("l", "m"), [(("v",), 1)])])


class Domains(Collector):
    """The same samples as the ratio test's families, for prometheus_client."""

    def __init__(self, families: Iterable[Family]) -> None:
        self.metrics: list[Metric] = []
        for family in families:
            metric = GaugeMetricFamily(family.name, family.help, labels=family.labels)
            for labels, value in family.samples:
                metric.add_metric(labels, value)
            self.metrics.append(metric)

    def collect(self) -> Iterable[Metric]:
        return self.metrics


def fastest(work: Callable[[], object], rounds: int) -> float:
    """Least CPU seconds of this thread that `work` took."""
    times = []
    for _ in range(rounds):
        start = time.thread_time()
        work()
        times.append(time.thread_time() - start)
    return min(times)


@pytest.mark.no_cover
def test_rendering_is_at_least_twice_as_fast_as_prometheus_client() -> None:
    """The next page of 20,000 samples, all changed, costs at most half of generate_latest's."""
    families = [
        Family(
            f"xw_domain_{index}", "gauge", "H.", ("domid", "class"),
            [((str(domid), "vbd"), domid * 1.5) for domid in range(1000)],
        )
        for index in range(20)
    ]  # fmt: skip
    registry = CollectorRegistry()
    registry.register(Domains(families))
    assert series(render(families), False) == series(generate_latest(registry), False)
    before = page(families)
    changed = [
        dataclasses.replace(family, samples=[(key, value + 1) for key, value in family.samples])
        for family in families
    ]
    ours = fastest(lambda: page(changed, before=before).body(), 5)
    assert ours <= fastest(lambda: generate_latest(registry), 3) / 2
