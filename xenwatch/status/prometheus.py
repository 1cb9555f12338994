"""Answers of Prometheus: https://prometheus.io/docs/prometheus/latest/querying/api/."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

PATH: Final = "/api/v1/query"
"""Where it answers instant queries, given as the parameter `query`."""


def vector(document: Any) -> Iterator[tuple[Mapping[str, str], float]]:
    """Labels and value of each series in the answer to an instant query.

    Raises `AttributeError`, `LookupError`, `TypeError` or `ValueError` when it is none.
    """
    for row in document["data"]["result"]:
        labels = {str(label): str(value) for label, value in row["metric"].items()}
        yield labels, float(row["value"][1])
