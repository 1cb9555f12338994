"""`xenwatch plan` for VMs like those that run, for several shapes, and beside a reserve."""

from __future__ import annotations

import json

import pytest

from tests.cli.test_plan import EMPTY, no_traces, run

__all__ = ["no_traces"]

RUNNING = "--source=synthetic:debian-12"


def test_the_average_of_each_type_is_planned_for(capsys: pytest.CaptureFixture[str]) -> None:
    """All of them by one name, each by its own, and in a mix."""
    _, out, _ = run(capsys, RUNNING, "--shape=average", "--format=json")
    names = [plan["shapes"][0]["name"] for plan in json.loads(out)["plans"]]
    assert names == ["average-pv", "average-pvh", "average-hvm"]
    assert run(capsys, RUNNING, "--shape=average-pvh", "--count=3")[0] == 0
    assert run(capsys, RUNNING, "--add=average-pv=3", "--add=linux=2")[0] == 0


def test_vms_like_one_that_runs_with_other_memory(capsys: pytest.CaptureFixture[str]) -> None:
    """By its name, and with what is stated instead."""
    status, out, _ = run(
        capsys, RUNNING, "--like=pvh001", "--memory=8GiB", "--vcpus=4", "--format=json"
    )
    (plan,) = json.loads(out)["plans"]
    shape = plan["shapes"][0]
    assert status == 0
    assert (shape["name"], shape["type"]) == ("pvh001", "pvh")
    assert (shape["vcpus"], shape["memory_bytes"]) == (4, 8 << 30)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((RUNNING, "--like=nobody"), "--like: no running VM has the name, UUID or domid 'nobody'"),
        ((RUNNING, "--memory=1GiB"), "--memory requires --shape NAME or --like VM"),
        ((RUNNING, "--vcpus=2"), "--vcpus requires --shape NAME or --like VM"),
        ((RUNNING, "--shape=linux", "--memory=8Q"), "'8Q' must be a size such as 8GiB"),
        ((RUNNING, "--shape=linux", "--memory=1K"), "--memory: 1024 must be between"),
        ((RUNNING, "--shape=linux", "--vcpus=513"), "--vcpus: 513 must be between 1 and 512"),
        (
            ("--source=synthetic:xcp-ng-8.3", "--add=average-pvh=2"),
            "--add: average-pvh is the average of the pvh VMs that run on a host, of which none",
        ),
        ((RUNNING, "--like=PVH001"), "; did you mean pvh001?"),
        ((*EMPTY, "--like=1"), "--empty leaves no running VM"),
        ((*EMPTY, "--shape=average"), "--empty leaves no running VM"),
        ((RUNNING, "--shape=linux", "--plan.reserve=all"), "--plan.reserve: 'all' must be a"),
    ],
)
def test_a_question_about_running_vms_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    """With the option, the value and the next step."""
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert words in err


def test_a_mix_that_does_not_fit_says_how_many_do(capsys: pytest.CaptureFixture[str]) -> None:
    """And so many fit, with the reserve beside them."""
    mix = ("--add=windows=800", "--add=linux=500", "--plan.reserve=5", "--format=json")
    status, out, _ = run(capsys, *EMPTY, *mix)
    (plan,) = json.loads(out)["plans"]
    assert status == 1
    found = [f"--add={each['name']}={each['count']}" for each in plan["together"]]
    assert run(capsys, *EMPTY, *found, "--plan.reserve=5")[0] == 0
    assert run(capsys, *EMPTY, *found, "--plan.reserve=8")[0] == 1
