"""What happened, as the page lists it, and times as its links have them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.page.test_html import Reader
from xenwatch.page.happened import MOST, SHOWN, Happened, listed
from xenwatch.page.times import asked
from xenwatch.record import times


@settings(deadline=None)
@given(st.floats(0, 4e9))
def test_a_link_leads_to_its_moment(time: float) -> None:
    """What is asked for is not before the moment, and less than two milliseconds after it."""
    assert -1e-6 <= times.parse(asked(time), 5e9) - time < 0.002


@settings(deadline=None)
@given(st.text(), st.text(), st.text())
def test_an_event_is_text(before: str, name: str, after: str) -> None:
    """Whatever it says, there is no markup but its own, and a VM without a page has no link."""
    event = Happened(0.0, "", before, [(name, "a/b"), (name, "")], after)
    tags = Reader(listed([event])).tags

    assert {name for name, _ in tags} <= {"h3", "ul", "li", "a", "time", "span", "bdi"}
    assert [dict(attrs)["href"] for name, attrs in tags if name == "a"] == [
        "/?at=1970-01-01T00:00:00Z",
        "/vm/a%2Fb?at=1970-01-01T00:00:00Z",
    ]


def test_many_events_are_folded() -> None:
    """The newest are shown; there is a bound to the others, and what is left out is said."""
    events = [Happened(float(n), "", f"event {n}.") for n in range(MOST + 7)]
    markup = listed(events)

    assert "7 earlier events not shown; see xenwatch replay --list." in markup
    assert f"{MOST - SHOWN} earlier events" in markup
    assert "event 6." not in markup
    assert markup.index("event 7.") < markup.index("</details>")
    assert markup.index(f"event {MOST + 6 - SHOWN + 1}.") > markup.index("</details>")


def test_nothing_read_is_not_nothing_happened() -> None:
    """No events are told apart from none read yet."""
    assert "No events." in listed([])
    assert "No events read yet." in listed([], whole=False)
