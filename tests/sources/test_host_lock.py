"""One daemon for each host: the second is refused, and told who holds it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shown import ROOT
from xenwatch.sources.base import SourceError
from xenwatch.sources.host_lock import hold

HOLDER = """\
import sys, time
from xenwatch.sources.host_lock import hold
held = hold(sys.argv[1])
print(flush=True)
time.sleep(600)
"""


@pytest.fixture
def rootfs(tmp_path: Path) -> str:
    """Files of a host with a privcmd device."""
    for path in ("dev/xen/privcmd", "proc/xen/capabilities"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("control_d\n")
    return str(tmp_path)


def test_the_second_is_told_who_is_first(rootfs: str) -> None:
    """While one holds the host another cannot; afterwards it can."""
    first = hold(rootfs)
    assert first is not None
    with pytest.raises(SourceError, match=f"already read by process {os.getpid()} "):
        hold(rootfs)
    os.close(first)
    again = hold(rootfs)

    assert again is not None
    os.close(again)


def test_a_host_without_privcmd_is_not_held(tmp_path: Path) -> None:
    """Where there is no Xen to ask, or no permission, nothing is held."""
    assert hold(str(tmp_path)) is None


@pytest.mark.parametrize("command", ["run", "reader"])
def test_a_second_daemon_does_not_start(rootfs: str, tmp_path: Path, command: str) -> None:
    """A daemon beside one that reads the host ends with status 3 and names it."""
    argv = [sys.executable, "-c", HOLDER, rootfs]
    where = {"run": ["--web.listen-address=127.0.0.1:0"], "reader": [f"--socket={tmp_path}/s"]}
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        argv = [sys.executable, "-m", "xenwatch", command, "--source=host"]
        try:
            second = subprocess.run(
                [*argv, f"--path.rootfs={rootfs}", *where[command]],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
        finally:
            holder.kill()

    assert second.returncode == 3
    assert f"host: already read by process {holder.pid} " in second.stderr
    assert "to query it: xenwatch top" in second.stderr
