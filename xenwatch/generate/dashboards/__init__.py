"""Dashboards for Grafana, by loops over the tables of limits, metrics and alerts.

They are built with grafana-foundation-sdk, which only those who generate them need.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from xenwatch.alerts.states import Policy
from xenwatch.generate.dashboards.domains import domains_dashboard
from xenwatch.generate.dashboards.host import host_dashboard
from xenwatch.generate.dashboards.paths import paths_dashboard
from xenwatch.generate.dashboards.pool import pool_dashboard

DIRECTORY: Final = "grafana/dashboards"
BOARDS: Final = (host_dashboard, domains_dashboard, paths_dashboard, pool_dashboard)


def dashboard_files(policy: Policy) -> Mapping[str, str]:
    """The dashboards as JSON, by path relative to the top of the repository."""
    made = [board(policy).build() for board in BOARDS]
    return {
        f"{DIRECTORY}/{dashboard.uid}.json": json.dumps(
            dashboard, cls=JSONEncoder, indent=1, sort_keys=True
        )
        + "\n"
        for dashboard in made
    }
