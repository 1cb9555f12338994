"""Prometheus, Alertmanager and the daemon as processes of a test, always killed at its end."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from tests.tools import tool
from xenwatch.config.settings import load_settings as load
from xenwatch.generate.rules import alertmanager, rules

ROOT: Final = Path(__file__).resolve().parents[2]
PATIENCE: Final = 40.0
"""Seconds a condition may take on a busy machine."""
PAUSE: Final = 0.1


ANSWER: Final = 5.0
"""Seconds a program has to say that it is ready, after which it is asked again."""
PORTS: Final = range(20000, 32768)
"""Below the ports the kernel takes for connections, of which none can be there first."""

_given: set[int] = set()
_directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port() -> int:
    """A port of this machine nobody listens on, never the same twice."""
    while True:
        # Not of the seed that tests share, by which runs at the same time find the same.
        port = random.SystemRandom().choice(PORTS)
        if port in _given:
            continue
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            _given.add(port)
            return port


def until(condition: Callable[[], bool], what: str) -> None:
    """Ask again and again until a condition holds. Fails with `what` when it never does."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"not within {PATIENCE:g} s: {what}"
        time.sleep(PAUSE)


def until_same(found: Callable[[], set[Any]], expected: set[Any], what: str) -> None:
    """Ask until what is found is what is expected. Fails with the difference."""
    with contextlib.suppress(AssertionError):
        until(lambda: found() == expected, what)
    now = found()
    assert now == expected, f"{what}: missing {expected - now}, unexpected {now - expected}"


def get(url: str) -> Any:
    """The JSON at a URL."""
    with _directly.open(url, timeout=PATIENCE) as answer:
        return json.load(answer)


def exported(url: str, series: str) -> float:
    """The value of a series of the program at that URL about itself; 0 where it has none."""
    with _directly.open(f"{url}/metrics", timeout=PATIENCE) as answer:
        found = re.search(rf"(?m)^{re.escape(series)} (\S+)$", answer.read().decode())
    return float(found[1]) if found else 0.0


def failed(url: str) -> dict[str, str]:
    """The rules of a Prometheus or vmalert whose last evaluation failed, with the reason."""
    groups = get(f"{url}/api/v1/rules")["data"]["groups"]
    rules = (rule for group in groups for rule in group["rules"])
    return {rule["name"]: rule["lastError"] for rule in rules if rule.get("lastError")}


def answers(url: str) -> bool:
    """Whether a URL is answered with success."""
    try:
        with _directly.open(url, timeout=ANSWER):
            return True
    except (OSError, http.client.HTTPException):
        return False


@contextlib.contextmanager
def program(ready: str, log: Path, *argv: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process, once the URL `ready` is answered; stopped, at worst killed, at the end."""
    with log.open("ab") as output, subprocess.Popen(
        argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output
    ) as process:  # fmt: skip
        try:
            until(lambda: process.poll() is not None or answers(ready), f"{argv[0]} is ready")
            assert process.poll() is None, log.read_text()
            yield process
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=PATIENCE)
        finally:
            process.kill()


class Server:
    """A Prometheus that scrapes, and evaluates these rules, every `interval`.

    `jobs` are its scrape configurations, `keepers` the URLs of its Alertmanagers, which get alerts
    whose name matches `sent`, `labels` its external labels, and `more` further sections of its
    configuration.
    """

    def __init__(
        self,
        directory: Path,
        jobs: Sequence[Mapping[str, Any]],
        text: str = "",
        *,
        keepers: Sequence[str] = (),
        labels: Mapping[str, str] = MappingProxyType({}),
        sent: str = ".*",
        interval: str = "1s",
        **more: Any,
    ) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}"
        self._directory = directory
        directory.mkdir(exist_ok=True)
        places = [keeper.removeprefix("http://") for keeper in keepers]
        document = {
            "global": {
                **dict.fromkeys(("scrape_interval", "evaluation_interval"), interval),
                "external_labels": dict(labels),
            },
            "rule_files": ["xenwatch.rules.yml"],
            "scrape_configs": list(jobs),
            "alerting": {
                "alert_relabel_configs": [
                    {"source_labels": ["alertname"], "regex": sent, "action": "keep"}
                ],
                "alertmanagers": [{"static_configs": [{"targets": places}]}],
            },
            **more,
        }
        self._rules = directory / "xenwatch.rules.yml"
        self._rules.write_text(text)
        (directory / "prometheus.yml").write_text(json.dumps(document))  # JSON is YAML

    def running(self) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
        """The process, ready."""
        at = self._directory
        return program(
            f"{self.url}/-/ready",
            at / "prometheus.log",
            tool("prometheus"),
            f"--config.file={at}/prometheus.yml",
            f"--storage.tsdb.path={at}/tsdb",
            f"--web.listen-address={self.address}",
            # For seconds after a reload it knows no Alertmanager, and what it sends then is lost.
            "--rules.alert.resend-delay=5s",
        )

    def judge(self, process: subprocess.Popen[bytes], text: str) -> None:
        """Evaluate these rules from now on: what it has scraped before fires at once."""
        self._rules.write_text(text)
        process.send_signal(signal.SIGHUP)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The result of an instant query."""
        query = urllib.parse.urlencode({"query": expression})
        found: list[dict[str, Any]] = get(f"{self.url}/api/v1/query?{query}")["data"]["result"]
        return found

    def labels(self, expression: str) -> set[frozenset[tuple[str, str]]]:
        """The labels of the series an expression finds."""
        return {frozenset(series["metric"].items()) for series in self.query(expression)}


class Prometheus(Server):
    """One that scrapes the daemons and evaluates the generated rules."""

    def __init__(
        self,
        directory: Path,
        config: str,
        *targets: str,
        alertmanager: str = "",
        labels: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        job = {"job_name": "xenwatch", "static_configs": [{"targets": targets}]}
        text = rules(load(config, {}).alerts())
        keepers = [alertmanager] if alertmanager else []
        super().__init__(directory, [job], text, keepers=keepers, labels=labels)


class Alertmanager:
    """An Alertmanager with the generated configuration that tells `receiver` at once.

    `peers` are the addresses of a cluster, its own first. `wait` is how long a group waits for
    more alerts, and for those that inhibit it.
    """

    def __init__(
        self, directory: Path, receiver: str, peers: Sequence[str] = (), wait: str = "1s"
    ) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._directory = directory
        self._peers = peers or [""]
        directory.mkdir(exist_ok=True)
        text = re.sub(r"http://127.0.0.1:9099/\w+", receiver, alertmanager())
        text = re.sub(r'group_wait: "\w+"', f'group_wait: "{wait}"', text)
        text = re.sub(r'group_interval: "\w+"', 'group_interval: "1s"', text)
        (directory / "alertmanager.yml").write_text(text)

    def running(self) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
        """The process, ready; what it has notified is kept from one to the next."""
        at = self._directory
        return program(
            f"{self.url}/-/ready",
            at / "alertmanager.log",
            tool("prometheus-alertmanager"),
            f"--config.file={at}/alertmanager.yml",
            f"--storage.path={at}/alertmanager",
            f"--web.listen-address={self.url.removeprefix('http://')}",
            f"--cluster.listen-address={self._peers[0]}",
            *(f"--cluster.peer={peer}" for peer in self._peers[1:]),
            "--cluster.peer-timeout=8s",
        )

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts it has, those inhibited included."""
        found: list[dict[str, Any]] = get(f"{self.url}/api/v2/alerts")
        return found

    def looked_up(self) -> float:
        """How many times it has looked up whether a notification was sent already."""
        return exported(self.url, "alertmanager_nflog_queries_total")


class Host:
    """A daemon on a host that is calm or storms; see `tests.e2e.host`."""

    def __init__(self, directory: Path, kind: str, settings: str) -> None:
        self.target = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.target}"
        self.config = str(directory / "xenwatch.toml")
        self._log = directory / "daemon.log"
        self._mode = directory / "mode"
        self._kind = kind
        Path(self.config).write_text(
            f'[web]\nlisten_addresses = ["{self.target}"]\n'
            f'[alerts]\ninstance = "{self.target}"\n{settings}'
        )
        self.turn("calm")

    def turn(self, word: str) -> None:
        """Let the host be `calm` or `storm`."""
        new = self._mode.with_suffix(".new")
        new.write_text(word)
        new.replace(self._mode)

    def running(self) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
        """The process, its first pass complete."""
        argv = ("-m", "tests.e2e.host", self._kind, str(self._mode), self.config)
        return program(f"{self.url}/-/ready", self._log, sys.executable, *argv)

    def log(self) -> list[dict[str, Any]]:
        """What it has logged."""
        return [json.loads(line) for line in self._log.read_text().splitlines()]


@contextlib.contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[None]:
    """A server in a thread."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Receiver:
    """A server that notes the notifications posted to it."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        noted = self.got

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # http.server's name
                noted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def running(self) -> contextlib.AbstractContextManager[None]:
        """The server in a thread."""
        return serving(self._server)

    def heard(self) -> list[tuple[str, str, str]]:
        """Status, name and severity of every alert in every notification, in order."""
        return [
            (alert["status"], alert["labels"]["alertname"], alert["labels"]["severity"])
            for document in self.got
            for alert in document["alerts"]
        ]
