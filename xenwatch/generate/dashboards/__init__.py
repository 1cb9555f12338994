"""Dashboards for Grafana, by loops over the tables of limits, metrics and alerts.

They are built with grafana-foundation-sdk, which only those who generate them need. A click leads
from the pool to a host, from the host to a VM, and from an alert to its runbook.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from xenwatch.alerts.states import Policy
from xenwatch.generate.dashboards.domains import domains_dashboard
from xenwatch.generate.dashboards.host import host_dashboard
from xenwatch.generate.dashboards.pool import pool_dashboard

DIRECTORY: Final = "grafana/dashboards"
BOARDS: Final = (pool_dashboard, host_dashboard, domains_dashboard)
ANNOTATED: Final = {
    "titleFormat": "{{alertname}}",
    "textFormat": "{{instance}}",
    "tagKeys": "severity",
    "useValueForTime": False,
}
"""What Grafana's Prometheus makes of an annotation, for which the SDK has no types."""
NAMES: Final = {"namePlacement": "left"}
"""Where the bars of a panel have their names, however high they are: the SDK does not know it."""


def _document(dashboard: Dashboard) -> str:
    encoded: dict[str, Any] = json.loads(json.dumps(dashboard, cls=JSONEncoder))
    for annotation in encoded["annotations"]["list"]:
        annotation.update(ANNOTATED)
    for panel in encoded["panels"]:
        if panel["type"] == "bargauge":
            panel["options"].update(NAMES)
    return json.dumps(encoded, indent=1, sort_keys=True) + "\n"


def dashboard_files(policy: Policy) -> Mapping[str, str]:
    """The dashboards as JSON, by path relative to the top of the repository."""
    made = [board(policy).build() for board in BOARDS]
    return {f"{DIRECTORY}/{dashboard.uid}.json": _document(dashboard) for dashboard in made}
