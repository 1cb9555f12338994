"""The file for node_exporter, read by the real one, and scraped from there by Prometheus."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.e2e.programs import ROOT, Server, answers, free_port, program, until, until_same
from tests.fake_clock import running as task
from tests.running import Process, daemon
from tests.support import Series, full_snapshot, series
from tests.tools import tool
from xenwatch.alerts.declared.down import GONE
from xenwatch.assessment import Rules
from xenwatch.clock import SystemClock
from xenwatch.daemon.textfile import FILE, Textfile
from xenwatch.passes.publisher import assess

EXAMPLE = ROOT / "contrib/prometheus/textfile.yml"
READY = """
import os, signal, sys
from xenwatch.cli.main import main
from xenwatch.daemon import daemon

def notify(state):
    if state == "READY=1":
        print(*sorted({"aiohttp.web", "xenwatch.http.server"} & set(sys.modules)))
        os.kill(os.getpid(), signal.SIGTERM)
daemon.notify = notify
sys.exit(main(sys.argv[1:]))
"""
TARGETS = '"192.0.2.10:9100", "192.0.2.11:9100"'


class NodeExporter:
    """A node_exporter that reads the files of a directory."""

    def __init__(self, directory: Path, log: Path) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.directory = directory
        self._log = log

    def running(self) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
        """The process, ready."""
        return program(
            f"http://{self.address}/",
            self._log,
            tool("prometheus-node-exporter"),
            "--collector.disable-defaults",
            "--collector.textfile",
            f"--collector.textfile.directory={self.directory}",
            f"--web.listen-address={self.address}",
        )

    def scrape(self) -> bytes:
        """Its page, whole."""
        with urllib.request.urlopen(f"http://{self.address}/metrics", timeout=30) as answer:
            body: bytes = answer.read()
        return body

    def log(self) -> str:
        """What it has logged of errors."""
        lines = self._log.read_text().splitlines()
        return "\n".join(line for line in lines if "level=error" in line)


def ours(page: bytes) -> Series:
    """The series of xenwatch on a page; a bound of a histogram is a number, `1` or `1.0`."""
    return {
        (name, frozenset((key, f"{float(text)}" if key == "le" else text) for key, text in labels)):
        value
        for (name, labels), value in series(page).items()
        if name.startswith("xenwatch_")
    }  # fmt: skip


@contextlib.contextmanager
def xenwatch(directory: Path, *arguments: str) -> Iterator[Process]:
    """A daemon of a synthetic host that keeps the file in `directory`, once that is there."""
    arguments = ("--source", "synthetic:xcp-ng-8.3", "--textfile", str(directory), *arguments)
    with daemon("-m", "xenwatch", "run", *arguments) as running:
        until((directory / FILE).exists, "the file is there")
        yield running


def test_node_exporter_passes_every_sample_on(tmp_path: Path) -> None:
    """What the daemon writes, histograms and states of alerts included, comes out as it went in."""
    directory = tmp_path / "textfile"
    directory.mkdir()
    exporter = NodeExporter(directory, tmp_path / "log")
    with exporter.running(), xenwatch(directory) as running:
        running.process.send_signal(signal.SIGSTOP)  # it writes nothing meanwhile
        file, page = (directory / FILE).read_bytes(), exporter.scrape()
        running.process.send_signal(signal.SIGCONT)
        assert running.stop() == 0

    written = ours(file)
    assert len(written) == len(series(file)) > 1000
    assert written == ours(page)
    names = {name for name, _ in written}
    assert {"xenwatch_alert_state", "xenwatch_vm_headroom", "xenwatch_textfile_failures_total"} <= (
        names
    )
    assert any(name.endswith("_bucket") for name in names)
    assert series(page)["node_textfile_scrape_error", frozenset()] == 0
    assert (b"process_open_fds " in page, exporter.log()) == (True, "")


def test_promtool_finds_nothing_to_say_of_the_file(tmp_path: Path) -> None:
    """The file leaves Prometheus's own checker silent."""
    with xenwatch(tmp_path):
        page = (tmp_path / FILE).read_bytes()
    argv = [tool("promtool"), "check", "metrics"]
    checked = subprocess.run(argv, input=page, capture_output=True, check=False)

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


async def test_node_exporter_never_reads_half_a_file(tmp_path: Path) -> None:
    """While the file is written without a pause, each of many scrapes has every sample."""
    page = assess(full_snapshot(), Rules()).metrics[False, False]
    directory = tmp_path / "textfile"
    directory.mkdir()
    exporter = NodeExporter(directory, tmp_path / "log")
    asked = 0

    def newest() -> bytes:
        nonlocal asked
        asked += 1
        return page

    textfile = Textfile(str(directory), 0.0, SystemClock(), newest)
    counts: set[tuple[int, float]] = set()
    over = threading.Event()

    def scrape() -> None:
        for _ in range(100):
            found = exporter.scrape()
            error = series(found)["node_textfile_scrape_error", frozenset()]
            counts.add((len(ours(found)), error))
        over.set()

    with exporter.running():
        async with task(textfile.run()):
            reader = threading.Thread(target=scrape)
            textfile.changed.set()
            while not over.is_set():
                if not reader.is_alive() and (directory / FILE).exists():
                    reader.start()
                textfile.changed.set()
                await SystemClock().sleep(0.001)
            reader.join()

    assert counts == {(len(ours(page)), 0.0)}
    assert asked > 1
    assert textfile.failures == 0


def test_without_addresses_nothing_listens(tmp_path: Path) -> None:
    """A daemon with a textfile listens only where that is configured, and says where it writes."""
    with xenwatch(tmp_path) as running:
        process = psutil.Process(running.process.pid)
        assert [each for each in process.net_connections("inet") if each.status == "LISTEN"] == []
        assert running.log[-1]["textfile"] == str(tmp_path / FILE)
    with xenwatch(tmp_path, "--web.listen-address", "127.0.0.1:0") as running:
        running.get_ready()
        until(lambda: b"xenwatch_textfile_failures_total 0\n" in running.get("metrics"), "both")


@pytest.mark.parametrize(("more", "serves"), [((), False), (("--web.listen-address=:0",), True)])
def test_a_web_server_is_imported_where_there_is_one(
    tmp_path: Path, more: tuple[str, ...], serves: bool
) -> None:
    """A daemon that listens nowhere has no module of a web server when it is ready."""
    argv = [sys.executable, "-c", READY, "run", "--source=synthetic", f"--textfile={tmp_path}"]
    done = subprocess.run([*argv, *more], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.split() == (["aiohttp.web", "xenwatch.http.server"] if serves else [])


def test_the_file_lives_as_long_as_the_daemon(tmp_path: Path) -> None:
    """A stop removes the file, a crash leaves it, and the next start does not."""
    with xenwatch(tmp_path) as running:
        assert running.stop() == 0
        assert os.listdir(tmp_path) == []
    with xenwatch(tmp_path) as running:
        running.process.kill()
        running.process.wait()
        left = (tmp_path / FILE).stat()
    with xenwatch(tmp_path) as running:
        until(lambda: (tmp_path / FILE).exists() and (tmp_path / FILE).stat() != left, "another")
        assert running.stop() == 0
    assert os.listdir(tmp_path) == []


def jobs_up(server: Server) -> set[str]:
    """The jobs whose targets answer."""
    return {found["metric"]["job"] for found in server.query("up == 1")}


def test_the_example_for_prometheus_works(tmp_path: Path) -> None:
    """The job xenwatch has its metrics, the job node does not, and a stopped daemon is missed."""
    directory = tmp_path / "textfile"
    directory.mkdir()
    exporter = NodeExporter(directory, tmp_path / "log")
    server = Server(tmp_path / "prometheus", [])
    text = EXAMPLE.read_text().replace(TARGETS, f'"{exporter.address}"').replace("15s", "1s")
    (tmp_path / "prometheus/prometheus.yml").write_text(text)
    jobs = 'count by (job) ({__name__=~"xenwatch_.*"})'
    with exporter.running(), server.running():
        with xenwatch(directory) as running:
            until(lambda: bool(server.query(jobs)), "metrics")
            assert [found["metric"] for found in server.query(jobs)] == [{"job": "xenwatch"}]
            until_same(lambda: jobs_up(server), {"xenwatch", "node"}, "both jobs")
            assert server.query(GONE) == []
            assert answers(f"{server.url}/-/healthy")
            assert running.stop() == 0
        until(lambda: [found["value"][1] for found in server.query(GONE)] == ["1"], "it is missed")


def test_the_example_names_no_other_target() -> None:
    """Both jobs of the example ask the same hosts."""
    assert re.findall(r"targets: \[(.*:9100.*)\]", EXAMPLE.read_text()) == [TARGETS] * 2
