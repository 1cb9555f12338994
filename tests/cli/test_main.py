"""The command line: data on stdout, talk on stderr, and an exit status that means something."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.cli.support import Done, no_traces, run
from tests.support import labelled, parse_page
from xenwatch import __version__
from xenwatch.cli.main import main
from xenwatch.limits import LIMITS
from xenwatch.model.presets import PRESETS
from xenwatch.probes import PROBES
from xenwatch.probes.base import Probe, stateless
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source, SourceError

__all__ = ["no_traces"]
pytestmark = pytest.mark.usefixtures("no_traces")

ROOT = Path(__file__).resolve().parents[2]
SYNTHETIC = "--source=synthetic"


def replace_probes(monkeypatch: pytest.MonkeyPatch, *probes: Probe) -> None:
    """Let the settings have these probes and no others."""
    monkeypatch.setattr("xenwatch.config.settings.Settings.probes", lambda _settings: probes)


def refuse(_source: Source, _context: Snapshot) -> object:
    """Read nothing."""
    raise SourceError("/proc/sys/fs/aio-nr", "Permission denied\x1b[2J")


BAD = Probe("aio", "a file", "run it as root", stateless(refuse))


@pytest.mark.parametrize("preset", PRESETS)
def test_once_prints_a_page(capsys: pytest.CaptureFixture[str], preset: str) -> None:
    """One pass as Prometheus text has the limits and the probes, and says nothing else."""
    done = run(capsys, "once", f"--source=synthetic:{preset}", "--format=prometheus")
    success = labelled("xenwatch_probe_success", done.out.encode())

    assert done.status == 0
    assert done.err == ""
    assert set(success.values()) == {1}
    assert any(family.name == LIMITS[0].used_metric for family in parse_page(done.out.encode()))


def test_once_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    """One pass as JSON is one object with every probe."""
    done = run(capsys, "once", SYNTHETIC, "--format=json")

    assert done.status == 0
    assert json.loads(done.out)["probes"].keys() == {probe.name for probe in PROBES}


def test_once_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a format one pass is a table with a line for each limit."""
    done = run(capsys, "once", SYNTHETIC)
    names = {line.partition(" ")[0] for line in done.out.splitlines()}

    assert {"LIMIT", "event_channels", "ptys"} <= names


def test_options_stand_before_or_after_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """The options every command has may be given in front of it."""
    assert run(capsys, SYNTHETIC, "once").status == 0
    assert run(capsys, "--source=tree:/nowhere", "once", SYNTHETIC).status == 0


def test_failures_are_told_beside_the_data(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A probe that failed is a line on stderr and unknown in the table; the pass is still made."""
    replace_probes(monkeypatch, BAD, PROBES[0])
    done = run(capsys, "once", SYNTHETIC)

    assert done.status == 0
    assert done.err == r"xenwatch: aio: /proc/sys/fs/aio-nr: Permission denied\x1b[2J" + "\n"
    assert done.out.splitlines()[3].split() == ["aio_requests", "-", "-", "-", "unknown", "-"]


def test_a_pass_without_any_reading_is_a_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When no probe at all succeeded the exit status says so."""
    replace_probes(monkeypatch, BAD)

    assert run(capsys, "once", SYNTHETIC).status == 3


def test_a_capture_gives_the_same_pass(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What was captured reads as what it was captured from."""
    directory = tmp_path / "capture"
    capture = run(capsys, "capture", SYNTHETIC, str(directory))
    replayed = run(capsys, "once", f"--source=tree:{directory}")

    assert capture.status == 0
    assert capture.out == ""
    assert f"files saved in {directory}; read them with --source tree:{directory}" in capture.err
    live = run(capsys, "once", SYNTHETIC)
    assert replayed.out.partition("\n\n")[2] == live.out.partition("\n\n")[2] != ""


def test_a_capture_overwrites_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A directory that holds something is refused and stays as it is."""
    (tmp_path / "mine").touch()
    done = run(capsys, "capture", SYNTHETIC, str(tmp_path))

    assert done.status == 2
    assert "is not empty" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_doctor_finds_a_healthy_host(capsys: pytest.CaptureFixture[str]) -> None:
    """Where no probe fails the status is 0 and each is named."""
    done = run(capsys, "doctor", SYNTHETIC)

    assert done.status == 0
    assert {line.split(":")[0] for line in done.out.splitlines()} >= {
        probe.name for probe in PROBES
    }


def test_doctor_fails_where_a_probe_does(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A probe that fails makes the status 1, with the reason and what to do."""
    replace_probes(monkeypatch, BAD, PROBES[0])
    done = run(capsys, "doctor", SYNTHETIC)

    assert done.status == 1
    assert r"why: /proc/sys/fs/aio-nr: Permission denied\x1b[2J" in done.out
    assert "do: run it as root" in done.out


def test_a_good_configuration_passes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """check-config of a good file, or of none at the default place, is status 0 and says which."""
    file = tmp_path / "good.toml"
    file.write_text("[web]\nmax_requests = 3\n")

    given = run(capsys, "check-config", f"--config.file={file}")
    default = run(capsys, "check-config")

    assert given == Done(0, "", f"xenwatch: {file} is valid\n")
    missing = f"no {tmp_path}/none.toml; the defaults are valid"
    assert default == Done(0, "", f"xenwatch: {missing}\n")


@pytest.mark.parametrize("command", ["check-config", "generate"])
def test_a_configuration_that_defeats_alerts_is_warned_of(
    command: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Where Down fires later than alerts of its host are resolved, stderr says so; it is valid."""
    file = tmp_path / "late.toml"
    file.write_text("[alerts.down]\nfor = 420\n")
    more = ["rules", f"--directory={tmp_path}"] if command == "generate" else []
    done = run(capsys, command, *more, f"--config.file={file}")

    assert done.status == 0
    assert done.err.splitlines()[0] == (
        "xenwatch: alerts.keep_firing_for 420 is not above alerts.down.for 420: the alerts of a "
        "host that is down are resolved before XenwatchDown fires; set it higher"
    )


def test_a_bad_configuration_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """check-config of a bad file is status 1 with every problem on stderr."""
    file = tmp_path / "bad.toml"
    file.write_text("[web]\nmax_requests = 0\nmax_request = 1\n")
    done = run(capsys, "check-config", f"--config.file={file}")

    assert done.status == 1
    assert done.out == ""
    assert done.err.splitlines() == [
        f"xenwatch: {file}:2: web.max_requests: 0 must be between 1 and 10000",
        f"xenwatch: {file}:3: web.max_request: unknown key; did you mean max_requests?",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["once", "--source=hots"], "--source: 'hots' must be one of: host"),
        (["once", "--source=synthetic:debian-21"], "did you mean debian-13?"),
        (["once", "--source=tree:/nowhere"], "/nowhere: not a capture directory"),
        (["once", "--log.level=loud"], "--log.level: 'loud' must be one of: debug"),
        (["once", "--path.rootfs=here"], "--path.rootfs: 'here' must be an absolute path"),
        (
            ["run", "--web.listen-address=1"],
            "--web.listen-address: ['1'] contains '1', which must be",
        ),
        (["run", "--web.max-requests=0"], "--web.max-requests: 0 must be between"),
        (["doctor", "--config.file=/nowhere"], "/nowhere: No such file or directory"),
    ],
)
def test_bad_options_are_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """An option that cannot be is status 2 and a line that names it."""
    done = run(capsys, *arguments)

    assert done.status == 2
    assert done.out == ""
    assert done.err.startswith("xenwatch: ")
    assert message in done.err


@pytest.mark.parametrize(
    "arguments", [[], ["onec"], ["once", "--format=xml"], ["once", "--web.max-requests=1"]]
)
def test_bad_usage_is_status_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """What is no command line of xenwatch is refused with the usage."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 2
    assert "usage: xenwatch" in capsys.readouterr().err


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    """--version prints name and version."""
    with pytest.raises(SystemExit) as caught:
        main(["--version"])

    assert caught.value.code == 0
    assert capsys.readouterr().out == f"xenwatch {__version__}\n"


def process(*arguments: str, stdout: int) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, its output going there."""
    return subprocess.run(
        [sys.executable, "-m", "xenwatch", *arguments],
        cwd=ROOT,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=30,
    )


def test_a_reader_that_goes_is_no_defect() -> None:
    """When nobody reads stdout any more, as behind head(1), nothing is said; the status tells."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = process("once", SYNTHETIC, stdout=writing)
    finally:
        os.close(writing)

    assert done.returncode == 3
    assert done.stderr == ""


@pytest.mark.parametrize("arguments", [("--version",), ("once", "--help"), ("once", SYNTHETIC)])
def test_a_full_disk_is_told(arguments: tuple[str, ...]) -> None:
    """When stdout takes nothing in, a line says why, also of what the parser prints."""
    with Path("/dev/full").open("wb") as full:
        done = process(*arguments, stdout=full.fileno())

    assert done.returncode == 3
    assert done.stderr == "xenwatch: stdout: No space left on device\n"


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("once --source synthetic 2>&-", 0),
        ("once --none 2>&-", 2),
        ("once --none >&- 2>&-", 2),
        ("generate rules --directory {} 2>/dev/full", 0),
        ("top --source synthetic <&-", 2),
        ("reader --help >/dev/full", 3),
        ("reader --none 2>&-", 2),
    ],
)
def test_descriptors_that_are_closed_change_no_status(
    command: str, status: int, tmp_path: Path
) -> None:
    """Without stdin or stderr a command ends as with them, without a traceback, and stdout is data.

    Without stdout it is 3, also for help.
    """
    # Unbuffered, Python has nothing left to write at its end.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -m xenwatch {command.format(tmp_path)}', sys.executable],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stdout == "" or status == 0


INTERRUPTED = """
import os, signal, sys

when = sys.argv.pop(1)

class Hook:
    def find_spec(self, name, path=None, target=None):
        if name == when:
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Hook())
from xenwatch.__main__ import main
sys.exit(main())
"""
"""Presses Ctrl-C when a module is imported."""


@pytest.mark.parametrize(
    ("module", "arguments", "status"),
    [
        ("xenwatch.cli.main", ["once", SYNTHETIC], -signal.SIGINT),
        ("xenwatch.cli.reader", ["reader"], -signal.SIGINT),
        ("xenwatch.cli.once", ["once", SYNTHETIC], 130),
        ("xenwatch.model.source", ["once", SYNTHETIC], 130),
        ("xenwatch.reader.server", ["reader", SYNTHETIC], 130),
    ],
)
def test_an_interrupt_leaves_no_traceback(module: str, arguments: list[str], status: int) -> None:
    """Ctrl-C ends a command in silence, while it is being imported too."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, module, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (status, "")


def test_a_read_that_hangs_does_not_hang_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One pass ends although a read never does."""
    release = threading.Event()

    def hang(_source: Source, _context: Snapshot) -> object:
        release.wait()
        return None

    replace_probes(
        monkeypatch, Probe("aio", "a file", "wait", stateless(hang), deadline=0.01), PROBES[0]
    )
    done = run(capsys, "once", SYNTHETIC)
    release.set()

    assert done.status == 0
    assert "xenwatch: aio: timed out after 0.01 s; the read still hangs" in done.err
