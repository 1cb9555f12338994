"""A synthetic fleet, and the programs that watch several sites of it, as processes of a test."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from tests.e2e.programs import Server, free_port, get, program, serving
from tests.e2e.test_alerts import AT_ONCE
from tests.tools import tool
from xenwatch.config.settings import load_settings as load
from xenwatch.generate.grouping import Grouping
from xenwatch.generate.rules import rules

JOB: Final = "dom0"
BY: Final = ("pool", "site")
PATIENT: Final = {"scrape_interval": "5s", "scrape_timeout": "5s"}
"""A host that answers late on a busy machine is not one that is down."""
PROMPT: Final = {"scrape_interval": "1s", "scrape_timeout": "1s"}
"""Other than for a host, nothing depends on its being up."""
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
            **PATIENT,
            "http_sd_configs": [{"url": f"{self.url}/sd"}],
            "relabel_configs": relabel if site else [],
        }


def federated(*lower: Server, matches: Sequence[str] = (f'{{job="{JOB}"}}',)) -> dict[str, Any]:
    """The job of a Prometheus that takes over these series of the lower ones: all of the fleet."""
    return {
        "job_name": "federate",
        **PATIENT,
        "honor_labels": True,
        # With timestamps a series that is gone stays for five minutes.
        "honor_timestamps": False,
        "metrics_path": "/federate",
        "params": {"match[]": list(matches)},
        "static_configs": [{"targets": [server.address for server in lower]}],
    }


class Page:
    """A host whose page of metrics is `text`."""

    def __init__(self, text: str) -> None:
        self.text = text
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # http.server's name
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(page.text.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def job(self) -> dict[str, Any]:
        """A job of Prometheus that scrapes it."""
        target = f"127.0.0.1:{self._server.server_address[1]}"
        return {"job_name": JOB, "static_configs": [{"targets": [target]}]}

    def running(self) -> contextlib.AbstractContextManager[None]:
        """The server in a thread."""
        return serving(self._server)


class VictoriaMetrics:
    """A VictoriaMetrics that has one job and accepts remote write, and a vmalert for its rules.

    `url` is that of the database, `alerts` that of vmalert, which evaluates every `interval`.
    """

    def __init__(
        self,
        directory: Path,
        job: Mapping[str, Any],
        text: str,
        *,
        keeper: str,
        interval: str = "1s",
    ) -> None:
        self.url, self.alerts = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self._keeper = keeper
        self._interval = interval
        self._directory = directory
        directory.mkdir()
        (directory / "xenwatch.rules.yml").write_text(text)
        (directory / "scrape.yml").write_text(json.dumps({"scrape_configs": [job]}))

    def running(self) -> Process:
        """The process of the database."""
        at = self._directory
        return program(
            f"{self.url}/health",
            at / "victoria-metrics.log",
            tool("victoria-metrics"),
            f"-storageDataPath={at}/data",
            f"-httpListenAddr={self.url.removeprefix('http://')}",
            f"-promscrape.config={at}/scrape.yml",
            # By default the last 30 s are not yet visible.
            f"-search.latencyOffset={self._interval}",
        )

    def pending(self, name: str) -> set[str]:
        """Since when alerts of that name have been pending in vmalert."""
        found = get(f"{self.alerts}/api/v1/alerts")["data"]["alerts"] or []
        return {
            alert["activeAt"]
            for alert in found
            if (alert["name"], alert["state"]) == (name, "pending")
        }

    def judging(self) -> Process:
        """The process of vmalert."""
        at = self._directory
        return program(
            f"{self.alerts}/health",
            at / "vmalert.log",
            tool("vmalert"),
            f"-rule={at}/xenwatch.rules.yml",
            f"-datasource.url={self.url}",
            f"-remoteWrite.url={self.url}",
            f"-remoteRead.url={self.url}",
            f"-notifier.url={self._keeper}",
            f"-httpListenAddr={self.alerts.removeprefix('http://')}",
            f"-evaluationInterval={self._interval}",
            "-disableAlertgroupLabel",
        )
