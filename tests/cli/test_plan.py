"""`xenwatch plan`: its words, its exit statuses, and its JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.planning.learnt_support import Host
from tests.planning.support import xenserver
from tests.support import full_snapshot
from xenwatch import log
from xenwatch.cli import plan
from xenwatch.cli.main import main
from xenwatch.limits.states import assess
from xenwatch.model.platforms.xapi import XCP_NG_8_3
from xenwatch.model.presets import PRESETS
from xenwatch.planning import answer, learnt_file
from xenwatch.planning.capacity import Plan, fit
from xenwatch.planning.shapes import BUILT_IN
from xenwatch.readings.snapshot import Outcome, Snapshot, Status

WINDOWS = {BUILT_IN["windows"]: 1}


@pytest.fixture(autouse=True)
def no_traces(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration of this machine, and logging as it is."""
    monkeypatch.setattr("xenwatch.config.config_file.DEFAULT_FILE", str(tmp_path / "none.toml"))
    monkeypatch.setattr(log, "configure", lambda _level, _format: None)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Status, stdout without its mark, and stderr of the command."""
    status = main(["plan", *arguments])
    out, err = capsys.readouterr()
    return status, re.sub(r"\ASYNTHETIC: .*\n\n", "", out), err


EMPTY = ("--platform=xcp-ng-8.3", "--empty")


def of(snapshot: Snapshot, wanted: int | None = None) -> Plan:
    """A plan for Windows VMs."""
    return fit(assess(snapshot), snapshot, WINDOWS, wanted)


def test_a_full_host_has_no_room_whatever_is_not_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where a counted limit stops the next VM, what is not counted makes no difference."""
    _, out, _ = run(capsys, "--source=synthetic:populate-on-demand@400", "--shape=windows")

    assert "2.0 GiB): no more fit; host_memory stops the next one\n" in out


def test_every_shape_is_planned_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a shape there is a plan for each, with a count, the limit that ends it and why."""
    status, out, err = run(capsys, *EMPTY)

    assert (status, err) == (0, "")
    assert out.startswith(
        "windows (hvm, 1 vCPU, 3 disks, 1 network interface, 2.0 GiB): at most 869 more fit, then "
        "aio_requests stops the next one; not counted: dom0_memory, open_files, "
        "storage_repository, tasks\n"
    )
    assert "\nlinux (pv, 1 vCPU, 1 disk, 1 network interface, 1.0 GiB): " in out
    assert "\nTo raise aio_requests:\n  sysctl -w fs.aio-max-nr=4194304\n" in out
    assert "\nNot counted:\n  dom0_memory: " in out
    assert "set dom0_memory_bytes in the shape\n" in out


def test_a_shape_that_says_all_is_promised(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With dom0's memory and tasks counted nothing is left out, and the scarcest of all binds."""
    path = tmp_path / "xenwatch.toml"
    path.write_text("[shapes.windows]\ndom0_memory_bytes = 52428800\ntasks = 10\n")
    platform = ("--platform=debian-12", "--empty", f"--config.file={path}", "--shape=windows")
    status, out, _ = run(capsys, *platform, "--count=500")
    _, fits, _ = run(capsys, *platform, "--count=34")

    assert status == 1
    assert "500 more do not fit, 34 do; dom0_memory stops them\n" in out
    assert "34 more fit\n" in fits
    assert "Not counted" not in fits


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (
            ("--shape=windows", "--count=869"),
            0,
            "869 more fit, as far as counted; not counted: dom0_memory, open_files, ",
        ),
        (
            ("--shape=windows", "--count=870"),
            1,
            "870 more do not fit, at most 869 do; aio_requests stops them\n",
        ),
        (("--mix=windows=200,linux=50",), 0, "they fit together, as far as counted; not"),
        (
            ("--mix=windows=200", "--mix=linux=50"),
            0,
            "they fit together, as far as counted; not",
        ),
        (("--mix=windows=800,linux=500",), 1, "they do not fit together; aio_requests stops"),
    ],
)
def test_the_exit_status_says_whether_they_fit(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], status: int, words: str
) -> None:
    """0 is headroom for all, 1 is not, and the first line says the same; 1 alone has a remedy."""
    found, out, _ = run(capsys, *EMPTY, *arguments)

    assert found == status
    assert ("\nTo raise aio_requests:\n" in out) == (status == 1)
    assert words in out.splitlines(keepends=True)[0]


def test_a_populated_platform_has_less_headroom(capsys: pytest.CaptureFixture[str]) -> None:
    """The VMs of a preset take of the limits; `--source` means the same host."""
    _, empty, _ = run(capsys, *EMPTY, "--format=json")
    _, full, _ = run(capsys, "--platform=xcp-ng-8.3", "--format=json")
    _, source, _ = run(capsys, "--source=synthetic:xcp-ng-8.3", "--format=json")

    headrooms = [json.loads(text)["plans"][0]["headroom"] for text in (empty, full, source)]
    assert headrooms[0] > headrooms[1] == headrooms[2]


@pytest.mark.parametrize("name", PRESETS)
def test_every_platform_can_be_planned_on(capsys: pytest.CaptureFixture[str], name: str) -> None:
    """On an empty synthetic host everything is known: each shape has a certain number."""
    status, out, _ = run(capsys, f"--platform={name}", "--empty", "--format=json")

    assert status == 0
    assert all(found["headroom"] > 0 for found in json.loads(out)["plans"])


def test_a_laptop_is_told_what_to_type(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """On a host without Xen there is no plan but a way to one, on stderr, and status 3."""
    status, out, err = run(capsys, f"--path.rootfs={tmp_path}")

    assert (status, out) == (3, "")
    assert "not a Xen host" in err
    assert "xenwatch plan --platform debian-12 --empty" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--shape=wndows",), "--shape: unknown shape wndows; did you mean windows?"),
        (("--shape=zzzz",), "unknown shape zzzz; must be one of: windows, linux, average-"),
        (("--shape=windows", "--count=x"), "--count: 'x' must be a whole number"),
        (("--shape=windows", "--count=-1"), "--count: -1 must be between 1 and"),
        (("--shape=windows", "--count=0"), "--count: 0 must be between 1 and"),
        (("--shape=windows", "--count=" + "9" * 5000), "must have at most 18 digits"),
        (("--mix=windows",), "--add: windows has no count; write windows=N"),
        (("--mix=windows=1,windows=2",), "--add: windows is given more than once"),
        (("--mix=windows=1", "--mix=windows=2"), "--add: windows is given more than once"),
        (("--mix=windows=x",), "--add windows: 'x' must be a whole number"),
        (("--mix=",), "--add: unknown shape"),
        (("--source=synthetic",), "--platform and --source are mutually exclusive"),
        (("--path.rootfs=/",), "--platform and --path.rootfs are mutually exclusive"),
        (("--empty", "--learn"), "--empty and --learn are mutually exclusive"),
        (("--count=5",), "--count requires --shape NAME"),
        (("--platform=xcpng",), "no such preset or scenario; did you mean xcp-ng-8.3?"),
    ],
)
def test_a_bad_question_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    """A mistake is said in one line with what to write, and never looks like an answer."""
    status, out, err = run(capsys, "--platform=xcp-ng-8.3", *arguments)

    assert (status, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_only_a_platform_can_be_empty(capsys: pytest.CaptureFixture[str]) -> None:
    """No real host is planned on as if it were empty."""
    status, _, err = run(capsys, "--empty")

    assert status == 2
    assert "--empty requires --platform" in err


@pytest.mark.parametrize("text", ["[shapes.web]\nvcpus = 0\n", "\0"])
def test_a_bad_configuration_is_no_answer(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str
) -> None:
    """A configuration that is refused ends with status 2: 1 would mean that VMs do not fit."""
    path = tmp_path / "xenwatch.toml"
    path.write_text(text)

    assert run(capsys, *EMPTY, f"--config.file={path}")[0] == 2


def test_a_configured_shape_can_be_planned_for(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A section of the configuration is a shape by its name."""
    path = tmp_path / "xenwatch.toml"
    path.write_text("[shapes.big]\nvcpus = 16\ndisks = 2\nuefi = true\n")
    status, out, _ = run(capsys, *EMPTY, f"--config.file={path}", "--shape=big")

    assert status == 0
    assert out.startswith("big (hvm, 16 vCPUs, 2 disks, 1 network interface, 2.0 GiB, UEFI): ")


def document(*plans: Plan) -> dict[str, Any]:
    """What JSON says of plans on XenServer 6.2."""
    found: dict[str, Any] = json.loads(answer.dumps(xenserver("6.2.0"), plans))
    return found


def test_the_json_has_all_of_the_plan() -> None:
    """Programs get the numbers, the reasons and the commands under stable keys."""
    found = document(of(xenserver("6.2.0"), 20))

    assert found["regime"] == "xenserver-6.2"
    (only,) = found["plans"]
    assert only["shapes"][0] | {"count": 1, "name": "windows", "disks": 3} == only["shapes"][0]
    assert {
        key: only[key] for key in ("verdict", "wanted", "fits", "headroom", "at_most", "binding")
    } == {
        "verdict": "20 more fit, as far as counted; not counted: dom0_memory",
        "wanted": 20,
        "fits": True,
        "headroom": 500,
        "at_most": 500,
        "binding": "xenstored_fds",
    }
    assert only["limits"][0] == {
        "limit": "xenstored_fds",
        "instance": "",
        "unit": "",
        "takes": 2,
        "left": 1000,
        "headroom": 500,
        "reason": "",
        "remedies": ["update the host: from Xen 4.5 on, xenstored can exceed 1,024 descriptors"],
    }


def test_parts_of_a_unit_are_numbers() -> None:
    """A cost of less than a unit is a number in JSON and in the table."""
    found = of(xenserver("6.1.0"))
    headrooms = answer.document(xenserver("6.1.0"), [found])["plans"][0]["limits"]
    frames = next(limit for limit in headrooms if limit["limit"] == "grant_frames")

    assert frames["takes"] == 22 / 256
    assert "0.0859375" in plan.table([found])


def unknown_max() -> Snapshot:
    """XenServer 6.2 whose aio requests could not be read."""
    snapshot = xenserver("6.2.0")
    outcomes = {**snapshot.outcomes, "aio": Outcome(Status.FAILED, "permission\ndenied")}
    return Snapshot(**{**fields(snapshot), "outcomes": outcomes, "aio": None})


def fields(snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot's fields by name."""
    return {name: getattr(snapshot, name) for name in Snapshot.__dataclass_fields__}


@pytest.mark.parametrize(
    ("wanted", "status", "words"),
    [
        (None, 0, "at most 500 more fit, by xenstored_fds; unknown: aio_requests; not counted"),
        (20, 3, "cannot say whether 20 more fit; unknown: aio_requests; not counted"),
        (501, 1, "501 more do not fit, at most 500 do; xenstored_fds stops them\n"),
    ],
)
def test_what_is_not_known_is_said(wanted: int | None, status: int, words: str) -> None:
    """A limit that was not read bars a promise, not a refusal, and its reason is in the table."""
    found = of(unknown_max(), wanted)
    text = plan.table([found])

    assert plan.status([found]) == status
    assert words in text.splitlines(keepends=True)[0]
    assert "probe aio: permission\\ndenied" in text


def test_a_host_that_could_not_be_told_has_no_plan() -> None:
    """Without the host's facts, or on a release without costs, the obstacle is named."""
    failed = Snapshot(outcomes={"host": Outcome(Status.FAILED, "no /sys")})

    assert "no /sys" in (answer.obstacle(failed) or "")
    assert "unknown for debian 12" in (answer.obstacle(full_snapshot()) or "")
    assert answer.obstacle(xenserver("6.1.0")) is None


@pytest.mark.parametrize("question", [[], ["--shape=linux", "--count=1"], ["--format=json"]])
def test_a_dead_control_path_has_no_plan(
    capsys: pytest.CaptureFixture[str], question: list[str]
) -> None:
    """While nobody answers there is no number for any question, and those who do not are named."""
    status, out, err = run(capsys, "--source=synthetic:control-path-dead@900", *question)

    assert (status, out) == (3, "")
    assert "xenstored and xapi do not answer" in err


def test_nothing_known_is_no_answer() -> None:
    """Where no limit is known there is neither a number nor status 0."""
    bare = Snapshot(**{**fields(xenserver("6.2.0")), "outcomes": {}})
    found = of(bare)

    assert plan.status([found]) == 3
    assert "cannot say how many more fit; unknown: " in plan.table([found])


SHAPE = """[shapes.web]
vcpus = 2
memory_bytes = 4294967296
"""
"""The shape of the twelve VMs web-01 to web-12 of the synthetic XCP-ng."""


def test_a_carried_file_counts_on_an_empty_host(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What one host has learnt has dom0's memory counted on another one without VMs."""
    host = Host(XCP_NG_8_3)
    host.wait()
    for _ in range(5):
        host.start(BUILT_IN["windows"])
        host.wait(2)
    file = tmp_path / "learnt.json"
    file.write_text(learnt_file.dumps(host.learning))
    arguments = (*EMPTY, f"--plan.learnt={file}", "--shape=windows")
    status, out, err = run(capsys, *arguments)
    _, text, _ = run(capsys, *arguments, "--format=json")
    [found] = json.loads(text)["plans"]

    assert (status, err) == (0, "")
    assert "dom0_memory of windows: learnt from 5 VMs on another host: 31.9 MiB each" in out
    assert "open_files" in found["not_counted"]
    assert not {"dom0_memory", "tasks"} & set(found["not_counted"])
    assert found["binding"] == "dom0_memory"
    available = XCP_NG_8_3.meminfo["MemAvailable"] * 1024 // (host.taken[0] // 5)
    assert 0.95 * available <= found["headroom"] <= available


def test_running_vms_are_learnt_from_and_saved(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """`--learn` tells what the running VMs take at least, and a file of it can be carried."""
    config, file = tmp_path / "xenwatch.toml", tmp_path / "learnt.json"
    config.write_text(SHAPE)
    arguments = ("--platform=xcp-ng-8.3", f"--config.file={config}", "--shape=web")
    status, out, err = run(capsys, *arguments, f"--learn={file}")
    _, carried, _ = run(capsys, *arguments, "--empty", f"--plan.learnt={file}")

    assert (status, err) == (0, "")
    assert "dom0_memory of web: learnt from 12 VMs: between 18.6 MiB and " in out
    assert (
        "dom0_memory of web: learnt from 12 VMs on another host: between 18.6 MiB and " in carried
    )


@pytest.mark.parametrize(
    ("arguments", "expected", "words"),
    [
        ((*EMPTY, "--plan.learnt=/nonexistent/learnt.json"), 2, "No such file or directory"),
        (("--platform=xcp-ng-8.3", "--learn=/nonexistent/learnt.json"), 3, "No such file"),
    ],
)
def test_a_file_that_is_missing_is_an_error(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], expected: int, words: str
) -> None:
    """What cannot be learnt, read or written is said, and never looks like an answer."""
    status, out, err = run(capsys, *arguments)

    assert (status, out) == (expected, "")
    assert words in err


def test_a_damaged_file_is_an_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A file of something else is refused with its name and the reason."""
    file = tmp_path / "learnt.json"
    file.write_text("[]")
    status, out, err = run(capsys, *EMPTY, f"--plan.learnt={file}")

    assert (status, out) == (2, "")
    assert f"{file}: damaged, or not written by xenwatch" in err
