"""The page of the metrics, from `METRICS`."""

from __future__ import annotations

from collections.abc import Iterable

from xenwatch.generate.markdown import code, page, table
from xenwatch.metrics import Metric


def metrics_page(metrics: Iterable[Metric]) -> str:
    """`docs/metrics.md`."""
    rows = (
        (
            code(metric.name),
            metric.kind,
            ", ".join(code(label) for label in metric.labels),
            metric.help,
            metric.source,
        )
        for metric in metrics
    )
    return page(
        "Metrics",
        "The metrics served at `/metrics`, as Prometheus text 0.0.4 or OpenMetrics 1.0.0.\n"
        "A value that could not be read has no sample; a zero was read as a zero.\n"
        "Names and labels are stable.\n"
        "The daemon also exports the standard `process_*` metrics about itself.",
        table(("Metric", "Type", "Labels", "Meaning", "Source"), rows),
    )
