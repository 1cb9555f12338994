"""Rules for Prometheus and inhibitions for Alertmanager, from the table of alerts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from xenwatch.alerts.base import Alert, Watch
from xenwatch.alerts.conditions import matcher
from xenwatch.alerts.messages import RUNBOOKS
from xenwatch.alerts.names import CRITICAL, WARNING
from xenwatch.alerts.states import Policy
from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.alerts.wording import template
from xenwatch.generate import yaml

RULES: Final = "contrib/prometheus/xenwatch.rules.yml"
ALERTMANAGER: Final = "contrib/alertmanager/alertmanager.yml"

RECORDS: Final[Mapping[str, str]] = {
    "instance:xenwatch_limit_used_ratio:max": "max by (job, instance) (xenwatch_limit_used_ratio)",
    "job:xenwatch_vm_headroom:max": "max by (job, shape) (xenwatch_vm_headroom)",
    "job:xenwatch_vm_headroom:sum": "sum by (job, shape) (xenwatch_vm_headroom)",
}
"""Recording rules of a pool: how full a host is, and its headroom by shape of VM."""

HOST_RECORDS: Final[Mapping[str, str]] = {
    "cpu:xenwatch_dom0_cpu_busy:ratio5m": "1 - sum by (job, instance, cpu) "
    '(rate(xenwatch_dom0_cpu_seconds_total{mode=~"idle|iowait"}[5m]))',
    "domid:xenwatch_datapath_cpu:ratio5m": "sum by (job, instance, domid) "
    "(rate(xenwatch_datapath_cpu_seconds_total[5m]))"
    " / on (job, instance) group_left () xenwatch_dom0_vcpus",
    "domid:xenwatch_disk_bytes:rate5m": "sum by (job, instance, storage, domid) "
    "(sum by (job, instance, domid, device) (rate(xenwatch_disk_bytes_total[5m]))"
    " * on (job, instance, domid, device) group_left (storage) xenwatch_disk_info)",
    "storage:xenwatch_disk_bytes:max_over_mean": "max by (job, instance, storage) "
    "(domid:xenwatch_disk_bytes:rate5m)"
    " / avg by (job, instance, storage) (domid:xenwatch_disk_bytes:rate5m > 0)",
}
"""Recording rules of a host: how busy dom0's CPUs are and with whose devices, and how far the
domain that has most of a storage is above the mean of those that have any."""

_RECEIVERS: Final = """\
# An example: replace the two receivers at the end with your own. Keep the inhibitions:
# they are generated from the table of alerts by `make generate`: a warning is inhibited by its
# critical alert, and a symptom by its cause."""


def duration(seconds: float) -> str:
    """A time span as Prometheus writes it: `5m`, `90s`, `500ms`."""
    milliseconds = round(seconds * 1000)
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds % size == 0 and (milliseconds or unit == "s"):
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


def _annotations(alert: Alert | Watch, host: str, runbook: str) -> dict[str, str]:
    return {
        "summary": host + template(alert.summary, alert.shown),
        "description": template(alert.description, alert.shown),
        "runbook_url": runbook,
    }


def _runbook(alert: Alert | Watch, policy: Policy) -> str:
    """Where the runbook is: as configured, else served by a daemon that answers.

    That is the one the alert is about; a watch may be about one that is away, or about many, and
    where none answers the file of the installed package is named.
    """
    name = alert.runbook
    if policy.runbooks:
        return f"{policy.runbooks}{name}"
    if isinstance(alert, Alert):
        return f"http://{{{{ $labels.instance }}}}{RUNBOOKS}{name}"
    return (
        '{{ with query `up{job="xenwatch"} == 1` }}'
        f"http://{{{{ . | first | label `instance` }}}}{RUNBOOKS}{name}"
        f"{{{{ else }}}}xenwatch{RUNBOOKS}{name}{{{{ end }}}}"
    )


def _alert_rules(alert: Alert, policy: Policy) -> Iterator[dict[str, object]]:
    for severity, condition in alert.conditions.items():
        yield {
            "alert": alert.title,
            "expr": condition.promql(),
            "for": duration(policy.seconds[alert.name]),
            "keep_firing_for": duration(policy.keep),
            "labels": {"severity": severity},
            "annotations": _annotations(alert, "{{ $labels.instance }}: ", _runbook(alert, policy)),
        }


def _watch_rule(watch: Watch, policy: Policy) -> dict[str, object]:
    return {
        "alert": watch.title,
        "expr": watch.expression,
        "for": duration(watch.seconds),
        "labels": {"severity": watch.severity},
        "annotations": _annotations(watch, "", _runbook(watch, policy)),
    }


def rules(
    policy: Policy, alerts: Iterable[Alert] = ALERTS, watches: Iterable[Watch] = WATCHES
) -> str:
    """The rules: alerts of the daemon, watches over it, and recordings.

    For Prometheus 2.42 or newer, the first with `keep_firing_for`.
    """
    records = {**RECORDS, **HOST_RECORDS}.items()
    groups = {
        "xenwatch-records": [{"record": name, "expr": text} for name, text in records],
        # One group, so that all of them are evaluated on the same scrapes.
        "xenwatch-alerts": [rule for alert in alerts for rule in _alert_rules(alert, policy)],
        "xenwatch-watches": [_watch_rule(watch, policy) for watch in watches],
    }
    return yaml.render({"groups": [{"name": name, "rules": each} for name, each in groups.items()]})


def inhibitions(
    alerts: Iterable[Alert] = ALERTS, watches: Iterable[Watch] = WATCHES
) -> list[dict[str, Any]]:
    """A warning by its critical alert, and a symptom by its cause on the same host and series."""
    every: tuple[Alert | Watch, ...] = (*alerts, *watches)
    graded = (alert for alert in every if isinstance(alert, Alert))
    labels = dict.fromkeys(label for alert in graded for label in alert.labels)
    found: list[dict[str, Any]] = [
        {
            "source_matchers": [f'severity="{CRITICAL}"'],
            "target_matchers": [f'severity="{WARNING}"', 'alertname=~"Xenwatch.*"'],
            "equal": ["alertname", "job", "instance", *labels],
        }
    ]
    by_name = {alert.name: alert for alert in every}
    for symptom in every:
        only = symptom.explained if isinstance(symptom, Alert) else {}
        explaining = [alert.name for alert in every if symptom.name in _explained(alert)]
        for name in dict.fromkeys((*symptom.causes, *explaining)):
            cause = by_name[name]
            common = [label for label in cause.labels if label in symptom.labels]
            host = [] if "job" in common else ["job", "instance"]
            found.append(
                {
                    "source_matchers": [f'alertname="{cause.title}"', *_severity(cause)],
                    "target_matchers": [
                        f'alertname="{symptom.title}"',
                        *(matcher(label, values) for label, values in only.items()),
                    ],
                    "equal": [*host, *common],
                }
            )
    return found


def _explained(alert: Alert | Watch) -> tuple[str, ...]:
    return alert.explains if isinstance(alert, Alert) else ()


def _severity(cause: Alert | Watch) -> Iterable[str]:
    """Only a critical cause inhibits a symptom."""
    graded = isinstance(cause, Alert) and CRITICAL in cause.conditions
    return [f'severity="{CRITICAL}"'] if graded else []


def alertmanager() -> str:
    """The example for Alertmanager 0.22 or newer (matchers): a route, receivers, inhibitions."""
    document = {
        "route": {
            "receiver": "mail",
            "group_by": ["alertname", "job", "instance"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "12h",
            "routes": [
                {
                    "receiver": "page",
                    "matchers": ['alertname=~"Xenwatch.*"', f'severity="{CRITICAL}"'],
                    "repeat_interval": "1h",
                }
            ],
        },
        "inhibit_rules": inhibitions(),
        "receivers": [
            {"name": "mail", "webhook_configs": [{"url": "http://127.0.0.1:9099/mail"}]},
            {"name": "page", "webhook_configs": [{"url": "http://127.0.0.1:9099/page"}]},
        ],
    }
    return yaml.render(document, _RECEIVERS)


def rule_files(policy: Policy) -> Mapping[str, str]:
    """The generated files, by path relative to the top of the repository."""
    return {RULES: rules(policy), ALERTMANAGER: alertmanager()}
