"""The pictures that the documents show: which there are, and of what."""

from __future__ import annotations

from tests.grafana.boards import END, MINUTES, PICTURES
from tests.grafana.hosts import SCENARIOS, play
from tests.grafana.look import BYTES, PAGE, REPORT, SHOWN, TARGET, shown_on_page
from tests.page.incident import STEPS


def test_the_documents_have_the_pictures() -> None:
    """Each picture that is drawn for the documents is there, linked and small, and no other one."""
    found = {path.stem: path.stat().st_size for path in TARGET.iterdir()}
    texts = {name: (TARGET.parent / f"{name}.md").read_text() for name in ("grafana", PAGE)}

    assert SHOWN.keys() == PICTURES.keys()
    assert found.keys() == {*SHOWN, PAGE, REPORT, *STEPS}
    assert max(found.values()) <= BYTES
    assert [name for name in SHOWN if f"(pictures/{name}.png)" not in texts["grafana"]] == []
    assert f"(pictures/{PAGE}.png)" in texts[PAGE]
    guide = (TARGET.parent / "after-an-incident.md").read_text()
    assert [name for name in (REPORT, *STEPS) if f"(pictures/{name}.png)" not in guide] == []


def test_the_status_page_is_shown_in_time() -> None:
    """The page of the documents warns while VMs still fit; on its dashboard none fits any more."""
    scrapes = list(play(SCENARIOS["full"], END, MINUTES))
    shown, last = shown_on_page(scrapes), scrapes[-1].assessment

    assert shown.alerts is not None
    assert "XenwatchAioRequestsNearLimit" in {each.alert.title for each in shown.alerts.firing}
    assert all(plan.at_most for plan in shown.plans)
    assert {plan.at_most for plan in last.plans} == {0}
