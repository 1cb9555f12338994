"""The CA file of a pool, before anything starts: `xenwatch check-config` and `xenwatch run`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import no_traces, run
from tests.cli.test_check_config import checked

__all__ = ["no_traces"]
pytestmark = pytest.mark.usefixtures("no_traces")

PLAIN = (
    "pool.ca_file: no URL in pool.members or pool.prometheus begins with https://; "
    "set one that does"
)
EMPTY = "pool.ca_file: {}/ca.key: has no certificate in PEM"


@pytest.mark.parametrize(
    ("pool", "problem"),
    [
        ('members = ["http://a", "https://b"]\nca_file = "{}/ca.crt"', ""),
        ('prometheus = "HTTPS://a"\nca_file = "{}/ca.crt"', ""),
        ('members = ["http://a"]\nca_file = "{}/ca.crt"', PLAIN),
        ('ca_file = "{}/ca.crt"', PLAIN),
        ('prometheus = "https://a"\nca_file = "{}/ca.key"', EMPTY),
    ],
)
def test_a_ca_file_that_is_of_no_use_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, pki: Path, pool: str, problem: str
) -> None:
    """By the check of the configuration, and by the daemon before it starts, in the same words."""
    status, lines = checked(capsys, tmp_path, f"[pool]\n{pool.format(pki)}\n")

    assert status == (1 if problem else 0)
    assert [problem.format(pki) in line for line in lines] == ([True] if problem else [])
    if problem:
        done = run(capsys, "run", f"--config.file={tmp_path}/checked.toml", "--source=synthetic")
        assert (done.status, done.err.splitlines()) == (2, lines)
