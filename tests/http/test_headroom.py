"""The JSON API: what a scheduler asks, what it is told, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.http.test_server import Site
from tests.planning.support import counted_plans, xenserver
from xenwatch.assessment import Rules, assess_pass
from xenwatch.config.shape_keys import PARTS
from xenwatch.http import headroom
from xenwatch.passes.publisher import assess
from xenwatch.planning.question import PlanError
from xenwatch.planning.shapes import BUILT_IN
from xenwatch.readings.snapshot import Snapshot

SNAPSHOT = xenserver("6.2.0")
PASS = assess(SNAPSHOT, Rules())
ASSESSMENT = PASS.assessment


def ask(*query: tuple[str, str]) -> dict[str, Any]:
    """The answer on XenServer 6.2 without VMs."""
    return headroom.headroom(query, ASSESSMENT, BUILT_IN)


def only(found: dict[str, Any]) -> dict[str, Any]:
    """The one plan of an answer."""
    (plan,) = found["plans"]
    assert isinstance(plan, dict)
    return plan


@pytest.mark.parametrize(("count", "fits"), [("500", True), ("501", False)])
def test_a_scheduler_learns_whether_vms_fit(count: str, fits: bool) -> None:
    """A shape and a count are answered with yes or no, the number that fits and what ends it."""
    found = only(ask(("shape", "windows"), ("count", count)))

    assert (found["fits"], found["headroom"], found["binding"]) == (fits, 500, "xenstored_fds")


def test_every_shape_is_told_without_a_question() -> None:
    """An empty query is answered for each shape there is."""
    names = [plan["shapes"][0]["name"] for plan in ask()["plans"]]

    assert names == list(BUILT_IN)


def test_devices_make_a_shape() -> None:
    """Explicit devices are planned for as a shape of the same devices is."""
    devices = [("type", "hvm"), ("vcpus", "1"), ("disks", "3"), ("vifs", "1"), ("uefi", "false")]

    assert only(ask(*devices))["limits"] == only(ask(("shape", "windows")))["limits"]


def test_what_is_left_out_has_its_default() -> None:
    """One part is enough; the others are those of a shape without keys."""
    (shape,) = only(ask(("vcpus", "4")))["shapes"]

    assert shape == {
        "count": 1,
        "name": "",
        "vcpus": 4,
        **{part.name: part.default for part in PARTS if part.name != "vcpus"},
    }


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("shape=wndows", "unknown shape wndows; did you mean windows?"),
        ("shape=", "unknown shape ; must be one of: windows, linux"),
        ("shap=windows", "unknown parameter shap; did you mean shape?"),
        ("shape=windows&shape=linux", "shape is given more than once"),
        ("shape=windows&vcpus=2", "shape and vcpus are mutually exclusive"),
        ("count=5", "count requires a shape, or the devices of a VM"),
        ("shape=windows&count=0", "count: 0 must be between 1 and"),
        ("shape=windows&count=1e9", "count: '1e9' must be a whole number"),
        ("shape=windows&count=" + "9" * 4000, "must have at most 18 digits"),
        ("shape=windows&count=%d9%a1", "must be a whole number"),
        ("type=xen", "type: 'xen' must be one of: pv, pvh, hvm"),
        ("vcpus=0", "vcpus: '0' must be between 1 and 512"),
        ("disks=100000", "disks: '100000' must be between 0 and 1024"),
        ("vcpus=-1", "vcpus: '-1' must be between 1 and 512"),
        ("uefi=1", "uefi: '1' must be true or false"),
        ("bridge=" + "b" * 100, "must be the name of a bridge: at most 15 printable characters"),
        ("vcpus=%1b[2J", r"\x1b[2J"),
        ("%1b[2J=1", r"\x1b[2J"),
    ],
)
async def test_a_bad_question_is_refused_with_its_reason(query: str, reason: str) -> None:
    """What cannot be answered is status 400 and a reason of one printable line, as JSON."""
    async with Site().client() as client, client.get(f"/api/v1/headroom?{query}") as answer:
        found = json.loads(await answer.read())

    assert answer.status == 400
    assert list(found) == ["error"]
    assert reason in found["error"]
    assert found["error"].isprintable()


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*headroom.PARAMETERS, "x"]) | st.text(max_size=10),
            st.sampled_from(["1", "0", "windows", "hvm", "true", "²", "-0", "1_0"]) | st.text(),
        ),
        max_size=5,
    )
)
def test_no_question_is_a_defect(query: list[tuple[str, str]]) -> None:
    """Whatever is asked is answered with JSON or refused with a reason of one line."""
    try:
        said = json.dumps(ask(*query))
    except PlanError as error:
        said = str(error)

    assert said.isprintable()


@pytest.mark.parametrize(
    ("query", "planned"),
    [
        ([], 0),
        ([("shape", "linux")], 0),
        ([("shape", "linux"), ("count", "3")], 1),
        ([("vcpus", "4")], 1),
    ],
)
def test_only_what_the_pass_did_not_plan_is_planned(
    monkeypatch: pytest.MonkeyPatch, query: list[tuple[str, str]], planned: int
) -> None:
    """Shapes of the rules are answered from the assessment, counts and devices are planned for."""
    calls = counted_plans(monkeypatch)
    ask(*query)

    assert len(calls) == planned


async def test_the_api_answers_from_the_newest_page() -> None:
    """The answer is computed from what the page shows, and the host is not asked."""
    site = Site()
    site.publisher.newest = PASS
    path = "/api/v1/headroom?shape=windows&count=20"
    async with site.client() as client, client.get(path) as answer:
        body = await answer.read()

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert json.loads(body) == ask(("shape", "windows"), ("count", "20"))


async def test_configured_shapes_are_known() -> None:
    """A shape set by a reload can be asked for at once, before the next pass."""
    site = Site()
    site.publisher.rules = Rules(shapes={"web": BUILT_IN["linux"]})
    async with site.client() as client, client.get("/api/v1/headroom?shape=web") as answer:
        assert answer.status == 200
        assert [len(found["shapes"]) for found in (await answer.json())["plans"]] == [1]


async def test_without_readings_there_is_no_answer() -> None:
    """Before the first page the API says so, and promises nothing."""
    site = Site()
    site.publisher.newest = None
    async with site.client() as client, client.get("/api/v1/headroom") as answer:
        found = await answer.json()

    assert answer.status == 503
    assert found == {"error": "no readings yet"}


def test_a_host_without_xen_has_an_obstacle_and_no_headroom() -> None:
    """Where no plan can be made the answer says why and has null for every number."""
    found = headroom.headroom(
        [("shape", "linux"), ("count", "1")], assess_pass(Snapshot()), BUILT_IN
    )

    assert found["obstacle"]
    assert (only(found)["fits"], only(found)["headroom"], only(found)["at_most"]) == (None,) * 3
