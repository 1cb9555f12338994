"""Options that would be ignored, alone or beside others: refused with their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import no_traces, run

__all__ = ["no_traces"]
pytestmark = pytest.mark.usefixtures("no_traces")

EXCLUSIVE = "are mutually exclusive; the first is for host and auto"
HOST = "--path.rootfs requires --source host"
CASES = {
    "once --source=reader --path.rootfs=/": f"--path.rootfs and --source reader {EXCLUSIVE}",
    "run --source=reader:/x --path.rootfs=/": f"--path.rootfs and --source reader:/x {EXCLUSIVE}",
    "doctor --source=tree:/x --path.rootfs=/": f"--path.rootfs and --source tree:/x {EXCLUSIVE}",
    "check-config --source=synthetic --path.rootfs=/": "--path.rootfs and --source synthetic",
    "check --source=reader --path.rootfs=/": f"--path.rootfs and --source reader {EXCLUSIVE}",
    "reader --source=tree:/x --path.rootfs=/": f"--path.rootfs and --source tree:/x {EXCLUSIVE}",
    "check --path.rootfs=/": HOST,
    "top --path.rootfs=/": HOST,
    "explain --path.rootfs=/ x": HOST,
    "explain --no-headroom --path.rootfs=/ x": "--no-headroom and --path.rootfs",
    "check --url=http://127.0.0.1:1 --cacert=x": "--cacert requires https, but the URL is http://127.0.0.1:1",
    "check --url=unix:/x --cert=x": "--cert requires https, but the URL is unix:/x",
    "scenarios --source=synthetic": "unrecognized arguments: --source=synthetic",
    "maintenance status --path.rootfs=/": "unrecognized arguments: --path.rootfs=/",
    "--source=synthetic scenarios": "--source is not an option of scenarios",
    "--path.rootfs=/ maintenance status": "--path.rootfs is not an option of maintenance",
    "--source=synthetic reader": "--source is not an option of reader",
    "--config.file=/dev/null reader": "--config.file is not an option of reader",
    "--log.level=debug messages": "--log.level is not an option of messages",
    "--source=synthetic generate rules": "--source is not an option of generate",
    "generate docs --config.file=/dev/null": "--config.file are options of rules and dashboards",
    "run --web.listen-address=:1 --web.systemd-socket": "--web.listen-address and "
    "--web.systemd-socket are mutually exclusive",
}
"""Command lines, and what is said of each."""


@pytest.mark.parametrize("line", CASES)
def test_what_would_be_ignored_is_refused(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Bad usage, in words that name what cannot be given."""
    done = run(capsys, *line.split())

    assert CASES[line] in done.out + done.err
    assert done.status == {"check": 3, "check-config": 1}.get(line.split(maxsplit=1)[0], 2)


def test_a_configuration_that_would_ignore_its_own_keys_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keys as options; but a source on the command line is in place of those in the file."""
    file = tmp_path / "xenwatch.toml"
    file.write_text('[source]\nkind = "tree:/x"\nrootfs = "/mnt"\n[web]\nsystemd_socket = true\n')
    config = f"--config.file={file}"

    said = run(capsys, config, "check-config").err
    assert f"source.rootfs and source.kind tree:/x {EXCLUSIVE}" in said
    assert run(capsys, config, "--source=synthetic", "once").status == 0
    said = run(capsys, config, "run", "--source=synthetic", "--web.listen-address=:1").err
    assert "--web.listen-address and web.systemd_socket are mutually exclusive" in said


def test_a_configuration_before_generate_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As after the command: the rules are made with it."""
    file = tmp_path / "xenwatch.toml"
    file.write_text("[alerts]\nkeep_firing_for = 4321\n")
    run(capsys, f"--config.file={file}", "generate", "rules", f"--directory={tmp_path}")

    assert 'keep_firing_for: "4321s"' in next(tmp_path.rglob("xenwatch.rules.yml")).read_text()
