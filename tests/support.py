"""What several tests share: pages read back."""

from __future__ import annotations

from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parse_page(page: bytes, openmetrics: bool = False) -> list[Metric]:
    """The families of a page, by prometheus_client's parser of that format."""
    words = page.decode()
    if openmetrics:
        return list(openmetrics_parser.text_string_to_metric_families(words))  # type: ignore[no-untyped-call]
    return list(text_string_to_metric_families(words))


def series(page: bytes, openmetrics: bool = False) -> Series:
    """Every series of a page with its value; a series that is there twice is an error."""
    found: Series = {}
    for family in parse_page(page, openmetrics):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, key
            found[key] = sample.value
    return found
