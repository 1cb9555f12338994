"""Running a command: what it gets, what it may leave behind, when it is ended."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from xenwatch.sources import commands
from xenwatch.sources.base import SourceError

SHELL = "/bin/sh"
ENOUGH = 30.0
"""Seconds any of these commands has, however busy the machine is."""
LATE = 0.2


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A named pipe, and its reading end: at its end once no process has it open to write."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    yield path, reader
    os.close(reader)


def rest(reader: int) -> bytes:
    """What is written to a pipe until its last writer is gone."""
    return b"".join(iter(lambda: os.read(reader, 4096), b""))


def test_a_command_that_finishes_leaves_status_and_both_streams() -> None:
    """Status 0 and what was printed on each stream come back as bytes."""
    found = commands.run((SHELL, "-c", "printf 'out\\377'; printf err >&2"), ENOUGH)

    assert (found.status, found.stdout, found.stderr) == (0, b"out\xff", b"err")


@pytest.mark.parametrize(("script", "status"), [("exit 3", 3), ("kill -9 $$", -9)])
def test_another_status_is_an_answer(script: str, status: int) -> None:
    """A command that fails is no error of the source; a signal is a negative status."""
    assert commands.run((SHELL, "-c", script), ENOUGH).status == status


def test_a_command_that_prints_much_is_read_whole() -> None:
    """Output of more than a pipe holds, on both streams, blocks neither side."""
    script = "import sys; sys.stderr.write('e' * 300000); sys.stdout.write('o' * 300000)"
    found = commands.run((sys.executable, "-c", script), ENOUGH)

    assert (len(found.stdout), len(found.stderr)) == (300000, 300000)


def test_a_late_command_is_killed_with_its_children(pipe: tuple[Path, int]) -> None:
    """At the deadline the command and the processes it started are gone."""
    path, reader = pipe
    script = f"sleep 1000 > {path} & exec sleep 1000 > {path}"
    with pytest.raises(SourceError, match=r"timed out after 0\.2 s") as caught:
        commands.run((SHELL, "-c", script), LATE)

    assert caught.value.subject.startswith(SHELL)
    assert rest(reader) == b""


def test_a_command_that_cannot_be_killed_is_not_started_again(
    monkeypatch: pytest.MonkeyPatch, pipe: tuple[Path, int]
) -> None:
    """While a command hangs in the kernel it fails at once; after its end it is run again."""
    path, reader = pipe
    argv = (SHELL, "-c", f"echo $$ > {path}; exec sleep 1000")
    with monkeypatch.context() as patched:
        patched.setattr(os, "killpg", lambda *_arguments: None)
        with pytest.raises(SourceError, match="timed out after"):
            commands.run(argv, LATE)
    pid = int(os.read(reader, 4096))

    with pytest.raises(SourceError, match="an earlier run was killed and still hangs"):
        commands.run(argv, LATE)

    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(SourceError, match="timed out after"):
        commands.run(argv, LATE)


def test_a_command_that_closes_its_output_and_stays_is_killed(pipe: tuple[Path, int]) -> None:
    """The end of output is not the end of the command: the deadline holds for both."""
    path, reader = pipe
    with pytest.raises(SourceError, match="timed out after"):
        commands.run((SHELL, "-c", f"exec sleep 1000 > {path} 2>&1"), LATE)

    assert rest(reader) == b""


def test_a_command_whose_child_keeps_the_output_open_is_late(pipe: tuple[Path, int]) -> None:
    """A child that inherited the output is waited for until the deadline and killed then."""
    path, reader = pipe
    with pytest.raises(SourceError, match="timed out after"):
        commands.run((SHELL, "-c", f"sleep 1000 3> {path} & exit 0"), LATE)

    assert rest(reader) == b""


def test_endless_output_is_refused(monkeypatch: pytest.MonkeyPatch, pipe: tuple[Path, int]) -> None:
    """A command that prints more than the bound is killed and named."""
    path, reader = pipe
    monkeypatch.setattr(commands, "OUTPUT_MAX", 1 << 17)
    with pytest.raises(SourceError, match="output exceeds 131072 bytes"):
        commands.run((SHELL, "-c", f"exec 3> {path}; exec cat /dev/zero"), ENOUGH)

    assert rest(reader) == b""


def test_a_missing_program_is_named() -> None:
    """A program that is not there is an error that says which, and that it is missing."""
    with pytest.raises(SourceError, match="/nowhere/lsevtchn 0: No such file") as caught:
        commands.run(("/nowhere/lsevtchn", "0"), ENOUGH)

    assert caught.value.missing


def test_a_file_that_is_no_program_is_named(tmp_path: Path) -> None:
    """A file that cannot be executed is an error, and not one of a missing program."""
    path = tmp_path / "xl"
    path.write_bytes(b"\x7fnot a program")
    with pytest.raises(SourceError, match="Permission denied") as caught:
        commands.run((str(path),), ENOUGH)

    assert not caught.value.missing


@pytest.fixture
def own_input() -> Iterator[None]:
    """Words on the standard input of this process."""
    kept, (reader, writer) = os.dup(0), os.pipe()
    os.write(writer, b"secret")
    os.dup2(reader, 0)
    os.close(reader)
    os.close(writer)
    yield
    os.dup2(kept, 0)
    os.close(kept)


@pytest.mark.usefixtures("own_input")
def test_a_command_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard input is empty, the environment fixed, the directory the root."""
    monkeypatch.setenv("XENWATCH_SECRET", "1")
    found = commands.run((SHELL, "-c", "cat; pwd; exec /usr/bin/env"), ENOUGH)

    directory, *variables = found.stdout.decode().splitlines()
    names = {line.partition("=")[0] for line in variables}
    assert directory == "/"
    assert "LC_ALL=C" in variables
    assert names <= {"LC_ALL", "PATH", "PWD", "OLDPWD", "SHLVL", "_"}
