"""xenwatch on a synthetic host, with a Prometheus and an Alertmanager, to try the whole.

`make demo` runs it. All three listen on the loopback interface alone, use the configuration and
the rules of this directory, keep what they write in a temporary directory, and end with it.
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

HERE: Final = Path(__file__).resolve().parent
LOOPBACK: Final = "127.0.0.1"
START: Final = 60.0
"""Seconds all have until they answer."""
ANSWER: Final = 2.0
"""Seconds a program has for one answer, after which it is asked again."""
END: Final = 10.0
"""Seconds all have to end when told to."""
PAUSE: Final = 0.1
LAST: Final = 5
"""Lines shown of the log of a program that failed."""


class DemoError(Exception):
    """Why there is no demonstration, and what to do."""


@dataclass(frozen=True, slots=True)
class Program:
    """One of the three.

    `names` are those it is installed by, Debian's first; `shows` is what is at its address.
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
    """Where a program listens, as its options want it."""
    return f"{LOOPBACK}:{port}"


def executable(program: Program) -> str:
    """The path of a program. Raises `DemoError`."""
    found = next((path for name in program.names if (path := shutil.which(name))), None)
    if found is None:
        package = program.names[0]
        raise DemoError(f"{program.title} is not installed; run: apt-get install {package}")
    return found


def check_free(name: str, port: int) -> None:
    """Raise `DemoError` where somebody listens on a port already."""
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
    """Put the committed configuration into a directory, with the addresses of this run."""
    shutil.copy(HERE / "prometheus/xenwatch.rules.yml", directory)
    shutil.copy(HERE / "alertmanager/alertmanager.yml", directory)
    text = (HERE / "prometheus/prometheus.yml").read_text(encoding="utf-8")
    for example, ours in (
        # Whoever tries it does not want to wait.
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
    """A program whose words go to a log."""
    with log.open("wb") as output:
        # Ctrl-C must reach this program alone, which ends the others in their turn.
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def end(processes: Collection[subprocess.Popen[bytes]]) -> None:
    """Let programs end, at worst by force, and wait until they have."""
    for process in processes:
        process.terminate()
    last = time.monotonic() + END
    for process in processes:
        try:
            process.wait(max(0.0, last - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(port: int) -> bool:
    """Whether what listens on a port says that it is ready."""
    directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with directly.open(f"http://{address(port)}/-/ready", timeout=ANSWER):
            return True
    except (OSError, http.client.HTTPException):
        return False


def words(log: Path) -> str:
    """The end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-LAST:])


def check_alive(title: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Raise `DemoError` with the end of its log where a program has ended."""
    if process.poll() is not None:
        raise DemoError(f"{title} exited with status {process.returncode}:\n{last_lines(log)}")


def demonstrate(ports: Mapping[str, int], source: str, told: Collection[int]) -> None:
    """Start all, say where they are, and wait until one ends. Raises `DemoError`.

    As soon as something is in `told` it ends them and returns.
    """
    with tempfile.TemporaryDirectory(prefix="xenwatch-demo-") as place:
        directory = Path(place)
        configure(directory, ports)
        logs = {name: directory / f"{name}.log" for name in PROGRAMS}
        processes: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for name, argv in commands(directory, ports, source).items():
                processes[name] = start(argv, logs[name])
            last = time.monotonic() + START
            for name, program in PROGRAMS.items():
                while not answers(ports[name]):
                    if told:
                        return
                    check_alive(program.title, processes[name], logs[name])
                    if time.monotonic() > last:
                        raise DemoError(
                            f"{program.title} was not ready within {START:g} s:\n"
                            f"{words(logs[name])}"
                        )
                    time.sleep(PAUSE)
                url = f"http://{address(ports[name])}/"
                print(f"{program.title:13} {url}  {program.shows}", flush=True)
            print(f"Logs: {directory}. Press Ctrl-C to stop.", file=sys.stderr, flush=True)
            while not told:
                for name, process in processes.items():
                    check_alive(PROGRAMS[name].title, process, logs[name])
                time.sleep(PAUSE)
        finally:
            end(processes.values())


def heed() -> list[int]:
    """The signals to end that came; there are none yet.

    They are noted and never raised: what is being started or ended is not left half done.
    """
    told: list[int] = []
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        # nohup lets SIGHUP be ignored; a shell does that to SIGINT of whatever it starts by `&`.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, _frame: told.append(number))
    return told


def main() -> int:
    """Run the demonstration. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--source",
        default="synthetic:leak-event-channels@3000",
        help="what xenwatch reads (default: %(default)s)",
    )
    for name, program in PROGRAMS.items():
        text = f"port of {program.title} (default: %(default)s)"
        parser.add_argument(f"--{name}-port", type=int, default=program.port, help=text)
    options = parser.parse_args()
    ports = {name: getattr(options, f"{name}_port") for name in PROGRAMS}
    told = heed()
    try:
        for name, port in ports.items():
            check_free(name, port)
        demonstrate(ports, options.source, told)
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    print("demo: stopped", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
