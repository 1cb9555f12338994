"""The dashboard of the control path and the datapath: dom0's own work for its domains."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard

from xenwatch.alerts.states import Policy
from xenwatch.generate.dashboards import host
from xenwatch.generate.dashboards.panels import AnyPanel, Query, Style, board, variable
from xenwatch.generate.dashboards.queries import INSTANCE, expression, legend
from xenwatch.generate.rules import HOST_RECORDS
from xenwatch.limits import LIMITS
from xenwatch.metrics import METRICS, Metric
from xenwatch.metrics.alerts import ALERT_METRICS
from xenwatch.metrics.host import HOST_METRICS
from xenwatch.metrics.log_messages import LOG_METRICS
from xenwatch.metrics.outlook import OUTLOOK_METRICS
from xenwatch.metrics.own import OWN_METRICS
from xenwatch.metrics.restarts import RESTART_METRICS
from xenwatch.metrics.upkeep import UPKEEP_METRICS

UID: Final = "xenwatch-paths"
_ELSEWHERE: Final = {
    *(name for limit in LIMITS for name in (limit.used_metric, limit.max_metric)),
    *(
        metric.name
        for metric in (
            *OUTLOOK_METRICS,
            *ALERT_METRICS,
            *OWN_METRICS,
            *HOST_METRICS,
            *RESTART_METRICS,
            *LOG_METRICS,
            *UPKEEP_METRICS,
        )
    ),
}
OF_PATHS: Final = tuple(metric for metric in METRICS if metric.name not in _ELSEWHERE)
"""What is neither a limit nor a figure of the host or of xenwatch itself."""


def _host_query(metric: Metric) -> Query:
    """A metric of the host; that of its domains as a sum."""
    series = expression(metric, INSTANCE)
    others = [label for label in metric.labels if label != "domid"]
    if "domid" in metric.labels:
        series = f"sum by ({', '.join(('job', 'instance', *others))}) ({series})"
    return Query(series, legend(others))


def paths_dashboard(policy: Policy) -> Dashboard:
    """CPU use in dom0 by kind of work, and CPU time of the control path."""
    style = Style(UID, policy)

    def panels(of_domains: bool) -> list[AnyPanel]:
        found = [metric for metric in OF_PATHS if ("domid" in metric.labels) is of_domains]
        return [style.of_metric(metric, _host_query(metric)) for metric in found]

    return board(
        UID,
        "xenwatch: control path and datapath",
        "CPU use in dom0 by kind of work, and CPU time of the control path.",
        [variable("instance", "Host", host.hosts(), many=False)],
        [
            ("Control path", panels(of_domains=False)),
            (
                "Per CPU, domain and storage",
                [style.of_record(name, rule, INSTANCE) for name, rule in HOST_RECORDS.items()],
            ),
            ("Work for all domains", panels(of_domains=True)),
        ],
    )
