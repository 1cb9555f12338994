"""A demo: xenwatch on a synthetic host, with a Prometheus and an Alertmanager.

`make demo` runs it. All three listen on the loopback interface only, use the configuration and the
rules of this directory, and write to a temporary directory, which is removed at the end.
"""

from __future__ import annotations

import argparse
import http.client
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from xenwatch.cli.option_values import between
from xenwatch.display.progress import progress

HERE: Final = Path(__file__).resolve().parent
LOOPBACK: Final = "127.0.0.1"
START: Final = 60.0
"""Max seconds until all are ready."""
ANSWER: Final = 2.0
"""Timeout in seconds of one readiness check."""
END: Final = 10.0
"""Seconds from SIGTERM to SIGKILL."""
PAUSE: Final = 0.1
LAST: Final = 5
"""Lines shown of the log of a failed program."""


class DemoError(Exception):
    """Why the demo failed, and the next step."""


@dataclass(frozen=True, slots=True)
class Program:
    """One of the three programs.

    `names` are its executables, Debian's first; `shows` describes what its address serves.
    """

    title: str
    port: int
    names: tuple[str, ...]
    shows: str


PROGRAMS: Final[Mapping[str, Program]] = {
    "daemon": Program("xenwatch", 10730, (), "limits, headroom for VMs, /metrics"),
    "prometheus": Program("Prometheus", 9090, ("prometheus",), "queries, and alerts at /alerts"),
    "alertmanager": Program(
        "Alertmanager", 9093, ("prometheus-alertmanager", "alertmanager"), "notifications"
    ),
}


def address(port: int) -> str:
    """The address a program listens on, as in its options."""
    return f"{LOOPBACK}:{port}"


def executable(program: Program) -> str:
    """The path of a program. Raises `DemoError`."""
    found = next((path for name in program.names if (path := shutil.which(name))), None)
    if found is None:
        package = program.names[0]
        raise DemoError(f"{program.title} is not installed; run: apt-get install {package}")
    return found


def check_free(name: str, port: int) -> None:
    """Raise `DemoError` if the port is in use."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((LOOPBACK, port))
        except OSError as error:
            raise DemoError(
                f"{address(port)}: {error.strerror}; stop the service that listens there "
                f"(Debian starts services it installs), or use --{name}-port"
            ) from error


def configure(directory: Path, ports: Mapping[str, int]) -> None:
    """Write the configuration into a directory, with the addresses of this run."""
    shutil.copy(HERE / "prometheus/xenwatch.rules.yml", directory)
    shutil.copy(HERE / "alertmanager/alertmanager.yml", directory)
    text = (HERE / "prometheus/prometheus.yml").read_text(encoding="utf-8")
    for example, ours in (
        # Short intervals, so that alerts show soon.
        ("scrape_interval: 15s", "scrape_interval: 1s"),
        ("evaluation_interval: 15s", "evaluation_interval: 1s"),
        ('"192.0.2.10:10730", "192.0.2.11:10730"', f'"{address(ports["daemon"])}"'),
        ('"127.0.0.1:9093"', f'"{address(ports["alertmanager"])}"'),
    ):
        if example not in text:
            raise DemoError(f"{HERE}/prometheus/prometheus.yml has no {example} to replace")
        text = text.replace(example, ours)
    (directory / "prometheus.yml").write_text(text, encoding="utf-8")


def commands(directory: Path, ports: Mapping[str, int], source: str) -> dict[str, list[str]]:
    """The command lines by name. Raises `DemoError`."""
    listen = {name: address(port) for name, port in ports.items()}
    return {
        "daemon": [
            *(sys.executable, "-m", "xenwatch", "run", "--config.file=/dev/null"),
            f"--source={source}",
            f"--web.listen-address={listen['daemon']}",
        ],
        "prometheus": [
            executable(PROGRAMS["prometheus"]),
            f"--config.file={directory}/prometheus.yml",
            f"--storage.tsdb.path={directory}/prometheus",
            f"--web.listen-address={listen['prometheus']}",
        ],
        "alertmanager": [
            executable(PROGRAMS["alertmanager"]),
            f"--config.file={directory}/alertmanager.yml",
            f"--storage.path={directory}/alertmanager",
            f"--web.listen-address={listen['alertmanager']}",
            "--cluster.listen-address=",
        ],
    }


def start(argv: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a program with its output in a log."""
    with log.open("wb") as output:
        # Ctrl-C must reach only this program, which then stops the others.
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def stop(processes: Collection[subprocess.Popen[bytes]]) -> None:
    """Terminate programs, kill those that do not exit in time, and wait for them."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + END
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ready(port: int) -> bool:
    """Whether the program on a port reports that it is ready."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{address(port)}/-/ready", timeout=ANSWER):
            return True
    except (OSError, http.client.HTTPException):
        return False


def last_lines(log: Path) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-LAST:])


def check_alive(title: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Raise `DemoError` with the last lines of its log if a program has exited."""
    if process.poll() is not None:
        raise DemoError(f"{title} exited with status {process.returncode}:\n{last_lines(log)}")


def demonstrate(ports: Mapping[str, int], source: str, signals: Collection[int]) -> None:
    """Start all, print their addresses, and wait until one exits. Raises `DemoError`.

    When a signal is in `signals`, stop them and return.
    """
    with tempfile.TemporaryDirectory(prefix="xenwatch-demo-") as temporary:
        directory = Path(temporary)
        configure(directory, ports)
        logs = {name: directory / f"{name}.log" for name in PROGRAMS}
        processes: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for name, argv in commands(directory, ports, source).items():
                processes[name] = start(argv, logs[name])
            deadline = time.monotonic() + START
            for name, program in PROGRAMS.items():
                with progress(f"starting {program.title}, at most {START:g} s"):
                    while not ready(ports[name]):
                        if signals:
                            return
                        check_alive(program.title, processes[name], logs[name])
                        if time.monotonic() > deadline:
                            raise DemoError(
                                f"{program.title} was not ready within {START:g} s:\n"
                                f"{last_lines(logs[name])}"
                            )
                        time.sleep(PAUSE)
                url = f"http://{address(ports[name])}/"
                print(f"{program.title:13} {url}  {program.shows}", flush=True)
            print(f"Logs: {directory}. Press Ctrl-C to stop.", file=sys.stderr, flush=True)
            while not signals:
                for name, process in processes.items():
                    check_alive(PROGRAMS[name].title, process, logs[name])
                time.sleep(PAUSE)
        finally:
            stop(processes.values())


def note_signals() -> list[int]:
    """The list to which termination signals are appended from now on.

    They are recorded, not raised, so that no start or stop is interrupted.
    """
    signals: list[int] = []
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        # nohup ignores SIGHUP: keep that. A shell ignores SIGINT for `&`: override that.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, _frame: signals.append(number))
    return signals


def main() -> int:
    """Run the demo. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--source",
        default="synthetic:leak-event-channels@3000",
        help="source that xenwatch reads (default: %(default)s)",
    )
    for name, program in PROGRAMS.items():
        text = f"port of {program.title} (default: %(default)s)"
        parser.add_argument(
            f"--{name}-port", type=between(1, 65535), default=program.port, help=text
        )
    options = parser.parse_args()
    ports = {name: getattr(options, f"{name}_port") for name in PROGRAMS}
    signals = note_signals()
    try:
        for name, port in ports.items():
            check_free(name, port)
        demonstrate(ports, options.source, signals)
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    print("demo: stopped", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
