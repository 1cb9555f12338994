"""`make run` as a stranger runs it: in a fresh clone, with an environment of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
INHERITED = {
    *("MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS", "PYTHONPATH", "VIRTUAL_ENV"),
    *("INVOCATION_ID", "NOTIFY_SOCKET"),
}
"""What make, a service and the tests' own environment leave, which a stranger does not have."""


def page(url: str) -> bytes:
    """The metrics; nothing as long as the first pass is not done."""
    try:
        with urllib.request.urlopen(f"{url}metrics", timeout=30) as answer:
            body: bytes = answer.read()
    except urllib.error.HTTPError as error:
        error.close()
        return b""
    assert b"xenwatch_build_info" in body
    return body


@pytest.mark.timeout(600)
def test_a_fresh_clone_runs(tmp_path: Path) -> None:
    """One command installs, starts the daemon, says where it listens, and ends with SIGTERM."""
    clone = tmp_path / "clone"
    git = ("git", "-c", "safe.directory=*", "clone", "--quiet", str(ROOT), str(clone))
    subprocess.run(git, check=True, timeout=60)
    environment = {name: value for name, value in os.environ.items() if name not in INHERITED}
    began = time.monotonic()
    with subprocess.Popen(
        ["make", "run", "ARGS=--web.listen-address 127.0.0.1:0"],
        cwd=clone,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stderr is not None
            line = next(line for line in process.stderr if '"started"' in line)
            [url] = json.loads(line)["open"]
            while not page(url):
                pass
            print(f"from make run to a page: {time.monotonic() - began:.0f} s")
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
