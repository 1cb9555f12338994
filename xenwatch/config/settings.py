"""The settings: the values of a configuration file and of the command line, checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar, cast

from xenwatch.alerts.base import Alert, Watch
from xenwatch.alerts.declared.down import ALERT as DOWN
from xenwatch.alerts.maintenance import Maintenance
from xenwatch.alerts.states import Policy
from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.config import (
    alert_keys,
    config_file,
    label_keys,
    listening,
    maintenance_keys,
    metric_keys,
    textfile_keys,
)
from xenwatch.config.errors import ConfigError
from xenwatch.config.file import parse
from xenwatch.config.key import Key
from xenwatch.config.keys import KEYS, RESERVE, SHAPES, limit_keys, probe_keys
from xenwatch.config.web_keys import LISTEN, SYSTEMD_SOCKET, TELEMETRY_LABELS
from xenwatch.display.text import shown
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Limit, Thresholds
from xenwatch.planning import reserve
from xenwatch.planning.reserve import Reserve
from xenwatch.planning.shapes import BUILT_IN, Shape
from xenwatch.probes import PROBES
from xenwatch.probes.base import Probe
from xenwatch.values import dataclass

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settings:
    """Values that were set, by path of key; every other key has its default."""

    values: Mapping[str, object] = dataclasses.field(default_factory=dict)

    def __getitem__(self, key: Key[T]) -> T:
        return cast(T, self.values.get(key.path, key.default))

    def probes(self, probes: Iterable[Probe] = PROBES) -> tuple[Probe, ...]:
        """The probes with `enabled`, interval, deadline and share as configured."""
        return tuple(
            dataclasses.replace(probe, **{key.name: self[key] for key in probe_keys(probe)})
            for probe in probes
        )

    def thresholds(self, limits: Iterable[Limit] = LIMITS) -> dict[str, Thresholds]:
        """The thresholds as configured, by name of limit."""
        return {
            limit.name: Thresholds(**{key.name: self[key] for key in limit_keys(limit)})
            for limit in limits
        }

    def alerts(
        self, alerts: Iterable[Alert] = ALERTS, watches: Iterable[Watch] = WATCHES
    ) -> Policy:
        """Durations, thresholds and bounds of alerts, and the URL prefix of runbooks."""
        alerts = tuple(alerts)
        every: tuple[Alert | Watch, ...] = (*alerts, *watches)
        return Policy(
            seconds={
                alert.name: alert.seconds if key is None else self[key]
                for alert in every
                for key in (alert_keys.seconds(alert),)
            },
            thresholds={
                alert.name: Thresholds(**{key.name: self[key] for key in alert_keys.own(alert)})
                for alert in alerts
                if alert.thresholds is not None
            },
            keep=self[alert_keys.KEEP],
            runbooks=self[alert_keys.RUNBOOKS],
            critical_seconds={
                alert.name: self[key]
                for alert in every
                if (key := alert_keys.critical_seconds(alert)) is not None
            },
            bounds={
                (alert.name, bound.name): self[key]
                for alert in every
                for bound, key in alert_keys.bounds(alert)
            },
        )

    def warnings(self) -> tuple[str, ...]:
        """What the configuration says that is valid and defeats alerts, each with what to do."""
        policy = self.alerts()
        keep, down = policy.keep, policy.seconds[DOWN.name]
        problem = (
            f"{alert_keys.KEEP.path} {keep:g} is not above "
            f"{alert_keys.section(DOWN)}.for {down:g}: the alerts of a host that is down "
            f"are resolved before {DOWN.title} fires; set it higher"
        )
        return () if keep > down else (problem,)

    def maintenance(self) -> tuple[Maintenance, ...]:
        """The maintenance that is set, ended or not."""
        end = self[maintenance_keys.UNTIL]
        if not end:
            return ()
        until = datetime.fromisoformat(end).timestamp()
        return (Maintenance(until, self[maintenance_keys.REASON]),)

    def addresses(self) -> tuple[str, ...]:
        """Where to listen; beside a textfile only where that is set."""
        return listening.addresses(self.values)

    def unserved(self) -> str:
        """Why nobody would get the metrics, and what to do; empty if somebody would."""
        served = any((self.addresses(), self[SYSTEMD_SOCKET], self[textfile_keys.DIRECTORY]))
        problem = (
            f"{LISTEN.path}: [] leaves nowhere to get the metrics; list an address such as "
            f"{LISTEN.default[0]}, or set {textfile_keys.DIRECTORY.path}"
        )
        return "" if served else problem

    def labels(self) -> dict[str, str]:
        """The labels that say where this host is, sorted by name."""
        section = f"{label_keys.SECTION}."
        return {
            path.removeprefix(section): str(value)
            for path, value in sorted(self.values.items())
            if path.startswith(section) and value
        }

    def metric_labels(self) -> dict[str, str]:
        """Those of the labels that every metric has too: all or none."""
        return self.labels() if self[TELEMETRY_LABELS] else {}

    def excluded_metrics(self) -> frozenset[str]:
        """The names of the metrics that are not exported."""
        return metric_keys.excluded(self[metric_keys.EXCLUDE])

    def reserve(self) -> Reserve:
        """What plans keep free."""
        return reserve.parse(self[RESERVE])

    def shapes(self) -> dict[str, Shape]:
        """The shapes of VMs by name: the built-in and the configured ones."""
        found = dict(BUILT_IN)
        for path, value in self.values.items():
            section, _, rest = path.partition(".")
            name, _, part = rest.partition(".")
            if section == SHAPES:
                changed: dict[str, Any] = {part: value}
                found[name] = dataclasses.replace(found.get(name, Shape(name)), **changed)
        return found


def load_settings(
    path: str | None, overrides: Mapping[str, object], keys: Iterable[Key[Any]] = KEYS
) -> Settings:
    """Settings of a file and of the command line, which wins.

    `path` `None` means the default file, which may be missing; a named file may not. `overrides`
    has values by path of key. Raises `ConfigError` with every problem found.
    """
    keys = tuple(keys)
    problems: list[str] = []
    name, data = config_file.read(path, problems)
    values = parse(data, name, keys, problems)
    for key in keys:
        if key.path in overrides:
            try:
                values[key.path] = key.convert(overrides[key.path])
            except ValueError as error:
                problems.append(f"{key.flag}: {shown(overrides[key.path])} {error}")
    settings = Settings(values)
    if not problems and (unserved := settings.unserved()):
        problems.append(f"{name}: {unserved}")
    if problems:
        raise ConfigError(problems)
    return settings
