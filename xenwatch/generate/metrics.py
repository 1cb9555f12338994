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
        "What `/metrics` serves, as Prometheus text 0.0.4 or OpenMetrics 1.0.0.\n"
        "What could not be read has no sample; a zero was read as a zero.\n"
        "Names and labels are stable.\n"
        "The daemon's own `process_*` metrics are the usual ones.",
        table(("Metric", "Kind", "Labels", "Meaning", "Source"), rows),
    )
