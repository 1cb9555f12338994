"""`xenwatch maintenance`: what it writes, says and refuses."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.cli.support import no_traces, run
from xenwatch.alerts.maintenance import loads
from xenwatch.cli.main import main

__all__ = ["no_traces"]


@pytest.fixture
def configured(tmp_path: Path) -> tuple[Path, str]:
    """The file of maintenance, and the option of a configuration that names it."""
    file = tmp_path / "maintenance.json"
    (tmp_path / "xenwatch.toml").write_text(f'[maintenance]\nfile = "{file}"\n')
    return file, f"--config.file={tmp_path / 'xenwatch.toml'}"


def test_it_begins_and_ends(
    configured: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """on writes an end and the reason, status says so, off ends it."""
    file, option = configured
    before = time.time()
    on = run(capsys, "maintenance", "on", "--for", "2h", "--reason", "new disks", option)
    said = loads(file.read_bytes())
    status = run(capsys, "maintenance", "status", option)
    off = run(capsys, "maintenance", "off", option)
    again = run(capsys, "maintenance", "off", option)

    assert before + 7200 <= said.until <= time.time() + 7200
    assert said.reason == "new disks"
    assert on.status == status.status == off.status == again.status == 0
    assert on.out == status.out == f"{said}\n"
    assert off.out == again.out == "not in maintenance\n"
    assert not file.exists()


def test_one_that_has_ended_is_over(
    configured: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A file whose end has come, and that nobody has removed, says nothing."""
    file, option = configured
    file.write_text('{"until": 1}')

    assert run(capsys, "maintenance", "status", option).out == "not in maintenance\n"


def test_the_configuration_says_so_too(
    configured: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the configuration says counts, and off says that it cannot end it."""
    _, option = configured
    with (tmp_path / "xenwatch.toml").open("a") as file:
        file.write("until = 2999-01-31T14:00:00Z\nreason = 'spare part'\n")

    status = run(capsys, "maintenance", "status", option)
    off = run(capsys, "maintenance", "off", option)

    assert status.out == "in maintenance until 2999-01-31 14:00 UTC: spare part\n"
    assert off.status == 1
    assert "maintenance.until" in off.err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["onn"], "did you mean on?"),
        (["pause"], "must be one of: on, off, status"),
        (["on"], "on needs --for, as in: xenwatch maintenance on --for 2h"),
        (["off", "--for", "2h"], "off takes no --for"),
        (["on", "--for", "2"], "'2' is not a time span such as 30m, 2h or 1d, at most 7d"),
        (["on", "--for", "0h"], "'0h' is not a time span"),
        (["on", "--for", "8d"], "at most 7d"),
        (["on", "--for", "2h", "--reason", "x" * 201], "must be at most 200 characters"),
    ],
)
def test_bad_input_is_refused(
    arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not understood is refused with what to write, and nothing is written."""
    with pytest.raises(SystemExit) as left:
        main(["maintenance", *arguments])

    assert left.value.code == 2
    assert text in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "next_step"),
    [
        (None, "run as root on the host of the daemon, or set maintenance.file"),
        (b"{", "to remove the file, run: xenwatch maintenance off"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error(
    content: bytes | None,
    next_step: str,
    configured: tuple[Path, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without its directory, or with something else in the file, the reason and the next step."""
    file, option = configured
    if content is None:
        file = file.parent / "missing/maintenance.json"
        (file.parent.parent / "xenwatch.toml").write_text(f'[maintenance]\nfile = "{file}"\n')
        done = run(capsys, "maintenance", "on", "--for", "1d", option)
    else:
        file.write_bytes(content)
        done = run(capsys, "maintenance", "status", option)

    assert done.status == 3
    assert str(file) in done.err
    assert next_step in done.err


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ('"2999-10-27T02:30:00+02:00"', "until 2999-10-27 00:30 UTC"),
        ('"2999-10-27T02:30:00+01:00"', "until 2999-10-27 01:30 UTC"),
        ('"0001-01-01T00:00:00+14:00"', ""),
        ('"9999-12-31T23:59:00-12:00"', ""),
        ('"2999-10-27T02:30:00"', ""),
    ],
)
def test_an_end_is_a_time_in_utc(
    end: str,
    said: str,
    configured: tuple[Path, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What the configuration has as end is told in UTC; what is no date there is refused."""
    _, option = configured
    with (tmp_path / "xenwatch.toml").open("a") as file:
        file.write(f"until = {end}\n")

    done = run(capsys, "maintenance", "status", option)

    assert done.status == (0 if said else 2)
    assert said in done.out
    assert said or "maintenance.until: " in done.err


@pytest.mark.parametrize(
    ("content", "line", "status"),
    [
        ('{"until": 32503680000, "reason": "disks"}', "OK - in maintenance until 3000-01-01", 0),
        ("{", "WARNING - ", 1),
        (None, "WARNING - ", 1),
    ],
)
def test_a_check_without_a_daemon_knows_it(
    content: str | None,
    line: str,
    status: int,
    configured: tuple[Path, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A check that makes a pass itself is ok in maintenance too; a damaged file says nothing."""
    file, option = configured
    if content is not None:
        file.write_text(content)

    done = run(capsys, "check", "--source", "synthetic:debian-12", option)

    assert done.status == status
    assert done.out.startswith(f"XENWATCH {line}")
