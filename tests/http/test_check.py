"""The verdict of a check over HTTP: what the plugin prints, judged by the daemon."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.test_check import DATUM
from tests.http.test_server import Site
from tests.support import full_snapshot
from xenwatch.assessment import Rules
from xenwatch.display import plugin
from xenwatch.http.paths import CHECK
from xenwatch.passes.publisher import assess
from xenwatch.probes import PROBES
from xenwatch.status import check
from xenwatch.status.check import CheckError
from xenwatch.status.host_status import host_status

PASS = assess(full_snapshot(), Rules())
STATUS = host_status(PASS.assessment, PROBES)


def site() -> Site:
    """A site whose newest pass is that assessment."""
    found = Site()
    found.publisher.newest = PASS
    return found


BOUNDS = {"warning": ["ptys=0.0001"], "critical": ["ptys=0.0001"]}


@pytest.mark.parametrize("query", [{}, {"limit": ["ptys", "tasks"], **BOUNDS}])
async def test_the_daemon_judges_its_newest_readings(query: dict[str, list[str]]) -> None:
    """The answer is the document of the plugin with its line, as the command prints it."""
    path = f"{CHECK}?{urlencode(query, doseq=True)}"
    async with site().client() as client, client.get(path) as answer:
        found = await answer.json()

    assert answer.status == 200
    line = found.pop("line")
    assert line.startswith(f"XENWATCH {found['state'].upper()} - ")
    assert plugin.STATUS[found["state"]] == found["exit_status"]
    expected = check.answer(query, STATUS, 0.0)
    assert line.partition("|")[2] == expected["line"].partition("|")[2]
    assert all(DATUM.fullmatch(datum) for datum in line.partition("|")[2].split())


async def test_readings_are_as_old_as_the_daemon_says() -> None:
    """A daemon whose passes have stopped says that its readings are stale."""
    found = check.answer({}, STATUS, check.OLD + 1)

    assert found["state"] == "unknown"
    assert "stale: the newest is 121 s old" in found["line"]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("limit=ptsy", "unknown limit 'ptsy'; did you mean ptys?"),
        ("limits=ptys", "unknown parameter limits; did you mean limit?"),
        ("%1b=1", r"unknown parameter \x1b; must be one of: limit, exclude, warning, critical"),
        ("warning=ptys", "--warning 'ptys' is not LIMIT=RATIO"),
    ],
)
async def test_a_bad_question_is_refused_with_its_reason(query: str, reason: str) -> None:
    """What cannot be judged is status 400 and a reason of one printable line."""
    async with site().client() as client, client.get(f"{CHECK}?{query}") as answer:
        found = await answer.json()

    assert answer.status == 400
    assert reason in found["error"]
    assert found["error"].isprintable()


async def test_without_readings_there_is_no_verdict() -> None:
    """Before the first page the API says so, and nothing is well."""
    empty = Site()
    empty.publisher.newest = None
    async with empty.client() as client, client.get(CHECK) as answer:
        assert answer.status == 503
        assert await answer.json() == {"error": "no readings yet"}


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*plugin.PARAMETERS, "x"]) | st.text(max_size=10),
        st.lists(st.sampled_from(["ptys", "ptys=0.5", "aio_requests=1"]) | st.text(), max_size=3),
        max_size=4,
    )
)
def test_no_question_is_a_defect(query: dict[str, list[str]]) -> None:
    """Whatever is asked has a verdict, or is refused with a reason of one line."""
    try:
        said = check.answer(query, STATUS, 0.0)["line"].rstrip("\n")
    except CheckError as error:
        said = str(error)

    assert said.isprintable()
