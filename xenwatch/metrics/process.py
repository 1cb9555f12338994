"""The daemon's own process, under the names every exporter uses."""

from __future__ import annotations

from prometheus_client import ProcessCollector

from xenwatch.exposition.text_format import Family


def own_process() -> list[Family]:
    """`process_*` of this process: CPU, memory, descriptors, start time.

    Empty where `/proc` does not tell. Source: /proc/self/stat, /proc/self/limits, /proc/self/fd.
    """
    return [
        Family(
            metric.name + ("_total" if metric.type == "counter" else ""),
            "counter" if metric.type == "counter" else "gauge",
            metric.documentation,
            (),
            [((), sample.value) for sample in metric.samples],
        )
        for metric in ProcessCollector(registry=None).collect()
    ]
