"""`xenwatch support`: one archive that can be shown to others."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from tests.cli.support import no_traces, run
from tests.laws.test_law_11 import BEGAN, lived, recorded
from tests.record.disk import without_a_disk
from xenwatch.cli import support
from xenwatch.cli.main import main
from xenwatch.config.settings import Settings
from xenwatch.model.presets import PRESETS
from xenwatch.model.source import ModelSource
from xenwatch.readings.origin import LIVE
from xenwatch.report.redactor import Redactor
from xenwatch.sources import commands
from xenwatch.sources.base import CommandOutput, SourceError
from xenwatch.sources.host import HostSource

__all__ = ["no_traces", "without_a_disk"]
pytestmark = pytest.mark.usefixtures("no_traces")

NAME = "xenwatch-support"


def packed(
    capsys: pytest.CaptureFixture[str], directory: Path, *arguments: str
) -> tuple[Path, dict[str, bytes]]:
    """The archive of a synthetic host, and its files."""
    done = run(
        capsys, "support", "--source=synthetic:xcp-ng-8.3", *arguments, str(directory / "new")
    )
    assert done.status == 0, done.err
    path = Path(done.out.strip())
    with tarfile.open(path) as tar:
        members = {one.name: tar.extractfile(one) for one in tar.getmembers() if one.isfile()}
        found = {name: file.read() for name, file in members.items() if file}
    assert all(name.startswith(f"{NAME}/") for name in found)
    return path, {name.removeprefix(f"{NAME}/"): content for name, content in found.items()}


def names_of(source: ModelSource) -> set[bytes]:
    """The names and UUIDs of the VMs of a synthetic host."""
    [first] = lived(source, lambda _: BEGAN, 1)
    assert first.snapshot.xenstore is not None
    vms = {key: name for key, name in first.snapshot.xenstore.names.items() if key[0]}
    return {*vms.values(), *(uuid.encode() for _, uuid in vms)}


def test_the_archive_has_all_and_no_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Report, doctor, configuration, versions, log and capture, of which none names a VM."""
    source = ModelSource(PRESETS["xcp-ng-8.3"]())
    recorded(tmp_path / "record", lived(source, lambda n: BEGAN + 10 * n, 2)).close()
    config = tmp_path / "xenwatch.toml"
    config.write_text('[webhook]\nurl = "https://user:hunter2@hooks.example/x"\n')
    record = (f"--record={tmp_path}/record", f"--from={BEGAN:.0f}", f"--config.file={config}")
    path, found = packed(capsys, tmp_path, *record)

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    names = {name.partition("/")[0] for name in found}
    assert names == {
        *("README.txt", "report.html", "report.md", "doctor.txt", "configuration.txt"),
        *("versions.txt", "log.txt", "capture"),
    }
    told = names_of(source)
    assert len(told) > 4
    assert not any(name in content for name in told for content in found.values())
    everything = b"".join(found.values())
    assert b"hunter2" not in everything
    assert b"hooks.example" not in everything
    assert found["report.md"].startswith(b"# Report of a Xen host\n\n**SYNTHETIC")
    assert b"webhook.url = (set)\n" in found["configuration.txt"]
    assert b"probes: " in found["doctor.txt"]
    assert found["log.txt"] == b"not read: the source is not this host (synthetic)\n"


def test_a_capture_in_it_can_be_replayed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With the same names as the report has."""
    path, _ = packed(capsys, tmp_path)
    with tarfile.open(path) as tar:
        tar.extractall(tmp_path, filter="data")
    assert main(["once", f"--source=tree:{tmp_path}/{NAME}/capture"]) == 0


def test_without_a_record_it_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """In place of the report, and on stderr; one that was named must be there."""
    _, found = packed(capsys, tmp_path)
    assert found["report.txt"].startswith(b"no report: ")
    done = run(capsys, "support", "--source=synthetic", str(tmp_path / "again"))
    assert "no report is in the archive: " in done.err
    assert "no record: " in done.err
    done = run(capsys, "support", "--source=synthetic", "--record=/none", str(tmp_path / "other"))
    assert done.status == 2
    assert "--record: /none: no record: No such file or directory" in done.err
    assert not (tmp_path / "other").exists()


def test_a_directory_with_something_in_it_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """As that of a capture."""
    (tmp_path / "mine").write_text("mine")
    done = run(capsys, "support", "--source=synthetic", str(tmp_path))
    assert done.status == 2
    assert "directory is not empty; use a new one" in done.err


class Live(HostSource):
    """This host."""

    origin = LIVE


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (CommandOutput(0, b"recording failed for 10.1.2.3\n", b""), "recording failed for "),
        (CommandOutput(0, b"", b""), "journalctl has nothing of that time\n"),
        (CommandOutput(1, b"", b"No journal files"), "journalctl ended with 1: No journal files"),
        (SourceError("journalctl", "timed out after 20 s"), "could not be read: journalctl: timed"),
    ],
)
def test_the_log_is_bounded_or_says_why_not(
    monkeypatch: pytest.MonkeyPatch, answer: CommandOutput | SourceError, said: str
) -> None:
    """In time and size, with other names."""
    asked = []

    def answered(argv: list[str], deadline: float) -> CommandOutput:
        asked.append((argv, deadline))
        if isinstance(answer, SourceError):
            raise answer
        return answer

    monkeypatch.setattr(commands, "run", answered)
    found = support._log(Live(), 1.7e9, Redactor(bytes(32)))
    assert said in found
    assert "10.1.2.3" not in found
    [(argv, deadline)] = asked
    assert {"--since=@1700000000", "--lines=20000", "--unit=xenwatch"} <= set(argv)
    assert deadline == support.LOG_DEADLINE


def test_numbers_are_shown_and_texts_are_not() -> None:
    """A text may be a secret, or name somebody."""
    keys = {"record.max_days": 3, "source.kind": "tree:/home/anna"}
    assert support.configuration(Settings(keys)) == "record.max_days = 3\nsource.kind = (set)\n"
    assert support.configuration(Settings({})) == "no key is set\n"
