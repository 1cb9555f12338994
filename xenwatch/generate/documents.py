"""Every generated document of the repository: its path and what it must hold."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.config.keys import KEYS
from xenwatch.generate.alerts import alerts_page
from xenwatch.generate.configuration import configuration_page, example_file
from xenwatch.generate.density import density_page
from xenwatch.generate.errors import errors_page
from xenwatch.generate.limits import limits_page
from xenwatch.generate.metrics import metrics_page
from xenwatch.generate.probes import probes_page
from xenwatch.limits import LIMITS
from xenwatch.metrics import METRICS
from xenwatch.probes import PROBES


def documents() -> Mapping[str, str]:
    """The generated documents as text, by path relative to the top of the repository."""
    return {
        "contrib/runbooks/errors.md": errors_page(),
        "contrib/xenwatch.toml": example_file(KEYS),
        "docs/alerts.md": alerts_page(),
        "docs/configuration.md": configuration_page(KEYS),
        "docs/density.md": density_page(),
        "docs/limits.md": limits_page(LIMITS),
        "docs/metrics.md": metrics_page(METRICS),
        "docs/probes.md": probes_page(PROBES),
    }
