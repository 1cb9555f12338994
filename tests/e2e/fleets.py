"""A synthetic fleet, and the programs that watch several sites of it, as processes of a test."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.e2e.programs import Alertmanager, Prometheus, free_port, get, program
from tests.e2e.test_alerts import AT_ONCE
from tests.tools import tool
from xenwatch.config.settings import load_settings as load
from xenwatch.generate.grouping import Grouping
from xenwatch.generate.rules import rules

JOB: Final = "dom0"
BY: Final = ("pool", "site")
Process = contextlib.AbstractContextManager[subprocess.Popen[bytes]]


def rules_of(directory: Path, **more: Any) -> str:
    """Rules for the fleet, whose alerts fire and end at once."""
    file = directory / "at-once.toml"
    file.write_text(f"[alerts]\n{AT_ONCE}")
    return rules(load(str(file), {}).alerts(), grouping=Grouping(JOB, BY, **more))


class Fleet:
    """`contrib/fleet.py` with these options."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}"
        self.file = directory / "hosts.json"
        self._log = directory / "fleet.log"
        self._options = options

    def running(self) -> Process:
        """The process, every kind of host read once."""
        return program(
            f"{self.url}/-/ready",
            self._log,
            *(sys.executable, "contrib/fleet.py", f"--listen={self.address}"),
            f"--sd-file={self.file}",
            *self._options,
        )

    def job(self, site: str = "") -> dict[str, Any]:
        """A job of Prometheus that scrapes every host, or those of one site.

        The label of the one site is an external one.
        """
        relabel = [
            {"source_labels": ["site"], "regex": site, "action": "keep"},
            {"regex": "site", "action": "labeldrop"},
        ]
        return {
            "job_name": JOB,
            "http_sd_configs": [{"url": f"{self.url}/sd"}],
            "relabel_configs": relabel if site else [],
        }


class Watcher(Prometheus):
    """A Prometheus with these jobs, rules and further sections of the configuration."""

    def __init__(
        self,
        directory: Path,
        jobs: Sequence[Mapping[str, Any]],
        text: str = "",
        keepers: Sequence[Alertmanager] = (),
        site: str = "",
        **more: Any,
    ) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self.address = self.url.removeprefix("http://")
        self._directory = directory
        directory.mkdir()
        (directory / "xenwatch.rules.yml").write_text(text)
        times = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        places = [keeper.url.removeprefix("http://") for keeper in keepers]
        document = {
            "global": {**times, "external_labels": {"site": site} if site else {}},
            "rule_files": ["xenwatch.rules.yml"] if text else [],
            "scrape_configs": list(jobs),
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": places}]}]},
            **more,
        }
        (directory / "prometheus.yml").write_text(json.dumps(document))  # JSON is YAML

    def failed(self) -> dict[str, str]:
        """The rules whose last evaluation failed, with the reason."""
        groups = get(f"{self.url}/api/v1/rules")["data"]["groups"]
        return {
            rule["name"]: rule.get("lastError", rule["health"])
            for group in groups
            for rule in group["rules"]
            if rule["health"] != "ok"
        }


def federated(*lower: Watcher) -> dict[str, Any]:
    """The job of a Prometheus that takes over what the lower ones have of the fleet."""
    return {
        "job_name": "federate",
        "honor_labels": True,
        "metrics_path": "/federate",
        "params": {"match[]": [f'{{job="{JOB}"}}']},
        "static_configs": [{"targets": [watcher.address for watcher in lower]}],
    }


class VictoriaMetrics:
    """A VictoriaMetrics that has one job and accepts remote write, and a vmalert for its rules."""

    def __init__(self, directory: Path, job: Mapping[str, Any], text: str, keeper: str) -> None:
        self.address, self._alert = (f"127.0.0.1:{free_port()}" for _ in range(2))
        self.url = f"http://{self.address}"
        self._keeper = keeper
        self._directory = directory
        directory.mkdir()
        (directory / "xenwatch.rules.yml").write_text(text)
        scrape = {"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}
        (directory / "scrape.yml").write_text(json.dumps(scrape))

    def running(self) -> Process:
        """The process of the database."""
        at = self._directory
        return program(
            f"{self.url}/health",
            at / "victoria-metrics.log",
            tool("victoria-metrics"),
            f"-storageDataPath={at}/data",
            f"-httpListenAddr={self.address}",
            f"-promscrape.config={at}/scrape.yml",
            "-memory.allowedBytes=128MB",
            # By default the last 30 s are not yet visible.
            "-search.latencyOffset=1s",
        )

    def judging(self) -> Process:
        """The process of vmalert."""
        at = self._directory
        return program(
            f"http://{self._alert}/health",
            at / "vmalert.log",
            tool("vmalert"),
            f"-rule={at}/xenwatch.rules.yml",
            f"-datasource.url={self.url}",
            f"-remoteWrite.url={self.url}",
            f"-notifier.url={self._keeper}",
            f"-httpListenAddr={self._alert}",
            "-evaluationInterval=1s",
            "-disableAlertgroupLabel",
        )

    def failed(self) -> dict[str, str]:
        """The rules whose last evaluation failed, with the reason."""
        groups = get(f"http://{self._alert}/api/v1/groups")["data"]["groups"]
        return {
            rule["name"]: rule["lastError"]
            for group in groups
            for kind in ("alerting_rules", "recording_rules")
            for rule in group.get(kind) or ()
            if rule["lastError"]
        }
