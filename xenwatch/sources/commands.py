"""Running a fixed command with bounded time, output and environment."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import IO, Final

from xenwatch.sources.base import CommandOutput, SourceError, charge

OUTPUT_MAX: Final = 16 << 20
"""131,072 lines of lsevtchn are 8 MiB."""
_REAP_SECONDS: Final = 0.2
"""Time a killed command has to exit."""
_POLL_SECONDS: Final = (0.0005, 0.05)
"""Shortest and longest interval between two checks whether a command has exited."""
_unkilled: dict[tuple[str, ...], subprocess.Popen[bytes]] = {}
"""Commands that hang in the kernel although they were killed, by what was run."""
_ENVIRONMENT: Final = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def run(argv: Sequence[str], deadline: float) -> CommandOutput:
    """Run a command and return its status and output; kill its process group at the deadline.

    Its CPU time is charged to this thread, also when it is killed. Raises `SourceError` when it
    cannot be started, times out or exceeds `OUTPUT_MAX` bytes of output, and while an earlier run
    of it hangs in the kernel.
    """
    subject = " ".join(argv)
    if _still_hangs(tuple(argv)):
        raise SourceError(subject, "an earlier run was killed and still hangs in the kernel")
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise SourceError.from_os(subject, error) from error
    assert process.stdout is not None  # noqa: S101
    assert process.stderr is not None  # noqa: S101
    until = time.monotonic() + deadline
    try:
        out, err = _collect(subject, process.stdout, process.stderr, until, deadline)
        status = _reap(process, until)
    finally:
        if not _kill(process):
            _unkilled[tuple(argv)] = process
    if status is None:
        raise _timed_out(subject, deadline)
    return CommandOutput(status, out, err)


def _collect(
    subject: str, stdout: IO[bytes], stderr: IO[bytes], until: float, deadline: float
) -> tuple[bytes, bytes]:
    parts: dict[int, list[bytes]] = {stdout.fileno(): [], stderr.fileno(): []}
    total = 0
    with selectors.DefaultSelector() as selector:
        for fd in parts:
            selector.register(fd, selectors.EVENT_READ)
        while selector.get_map():
            left = until - time.monotonic()
            ready = selector.select(left) if left > 0 else []
            if not ready:
                raise _timed_out(subject, deadline)
            for key, _ in ready:
                chunk = os.read(key.fd, 1 << 16)
                if not chunk:
                    selector.unregister(key.fd)
                parts[key.fd].append(chunk)
                total += len(chunk)
            if total > OUTPUT_MAX:
                raise SourceError(subject, f"output exceeds {OUTPUT_MAX} bytes")
    out, err = (b"".join(chunks) for chunks in parts.values())
    return out, err


def _timed_out(subject: str, deadline: float) -> SourceError:
    return SourceError(subject, f"timed out after {deadline:g} s")


def _reap(process: subprocess.Popen[bytes], until: float) -> int | None:
    """The command's exit status, `None` when it still runs at `until` (monotonic)."""
    delay = _POLL_SECONDS[0]
    while process.returncode is None:
        try:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        except ChildProcessError:  # SIGCHLD is ignored here: the kernel keeps no status
            process.returncode = 0
            break
        left = until - time.monotonic()
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            charge(usage.ru_utime + usage.ru_stime)
        elif left <= 0:
            return None
        else:
            time.sleep(min(delay, left))
            delay = min(2 * delay, _POLL_SECONDS[1])
    return process.returncode


def _still_hangs(argv: tuple[str, ...]) -> bool:
    """Whether an earlier run of the command cannot be reaped yet."""
    process = _unkilled.get(argv)
    if process is not None and process.poll() is not None:
        _unkilled.pop(argv, None)
        process = None
    return process is not None


def _kill(process: subprocess.Popen[bytes]) -> bool:
    """Kill the command's process group; false where it hangs in the kernel, and is left behind."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    return _reap(process, time.monotonic() + _REAP_SECONDS) is not None
