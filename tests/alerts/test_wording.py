"""The words and messages of alerts."""

from __future__ import annotations

import dataclasses

import pytest

from tests.alerts.support import leak, walk
from xenwatch.alerts import messages, wording
from xenwatch.alerts.declared.limit_full_soon import ALERT as FULL_SOON
from xenwatch.alerts.states import Active, Change, State
from xenwatch.limits import LIMITS
from xenwatch.readings.moment import Moment


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (59.9, "59s"),
        (3600, "1h 0m 0s"),
        (90061, "1d 1h 1m 1s"),
        (-90061.5, "-1d 1h 1m 1s"),
    ],
)
def test_time_spans_are_written_as_prometheus_does(seconds: float, text: str) -> None:
    """Days, hours, minutes and seconds, from the largest that is not zero."""
    assert wording.duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "within a minute, if not already"),
        (59.9, "within a minute, if not already"),
        (60, "in 1m 0s"),
    ],
)
def test_a_time_left_is_no_count_of_seconds(seconds: float, text: str) -> None:
    """Below a minute a forecast says that it is near; 0 is a limit that is used up too."""
    assert wording.sentence("full {value}", "time left", seconds, {}) == f"full {text}"


def test_a_text_is_a_template_and_a_sentence() -> None:
    """The same text is a template for Prometheus and a sentence of the daemon."""
    text = "{what} at {value}"

    assert wording.template(text, "percent") == (
        "{{ $labels.what }} at {{ $value | humanizePercentage }}"
    )
    assert wording.sentence(text, "percent", 0.8125, {"what": "{value}"}) == "{value} at 81.25%"
    assert wording.sentence(text, "number", 3, {}) == " at 3"


def test_a_limit_is_named_by_its_title() -> None:
    """The daemon looks it up, a template has the title of each limit, and another has its name."""
    told = wording.template("{title} is full", "percent")

    for limit in LIMITS:
        assert f'if eq $labels.limit "{limit.name}" }}}}{limit.title}{{{{ else' in told
        said = wording.sentence("{title} is full", "percent", 1, {"limit": limit.name})
        assert said == f"{limit.title} is full"
    assert told.endswith("{{ else }}{{ $labels.limit }}{{ end }} is full")
    assert wording.sentence("{title}", "percent", 1, {"limit": "new"}) == "new"


NOW = Moment(400.0, 400.0)


def test_a_message_has_stable_labels() -> None:
    """The labels of a message do not change while the alert does, nor when it is resolved."""
    active = walk((0, leak(90)), (60, leak(95)))[-1].firing[0]
    fires = messages.of_active(active, messages.Sender("host1", "file:///runbooks/"))
    change = Change(active, State.FIRING, State.UNKNOWN, 400)
    over = messages.of_change(change, messages.Sender("host1", "file:///runbooks/"))

    assert over is not None
    assert fires.identity == over.identity
    assert fires.document(NOW) == {
        "status": "firing",
        "state": "firing",
        "labels": {
            "what": "a", "alertname": "XenwatchLeak", "severity": "warning", "job": "xenwatch",
            "instance": "host1",
        },
        "annotations": {
            "summary": "host1: a at 95%",
            "description": "95% of a First: `ps`",
            "runbook_url": "file:///runbooks/XenwatchLeak.md",
        },
        "startsAt": "1970-01-01T00:01:00.000+00:00",
        "endsAt": None,
    }  # fmt: skip
    assert over.document(NOW)["status"] == "resolved"
    assert over.document(NOW)["state"] == "unknown"
    assert over.document(NOW)["endsAt"] == "1970-01-01T00:06:40.000+00:00"


def test_a_forecast_that_has_ended_is_told_as_one() -> None:
    """Also while it is still kept firing; its last words would say what is not to come any more."""
    soon = Active(FULL_SOON, "critical", (("limit", "ptys"),), 0.0, 0.0, fired=60.0)
    sender = messages.Sender("host1", "")
    words = [
        message.annotations["summary"]
        for message in (
            messages.of_active(soon, sender),
            messages.of_active(dataclasses.replace(soon, value=1800.0, ended=90.0), sender),
            messages.of_change(Change(soon, State.OK, State.FIRING, 60.0), sender),
            messages.of_change(Change(soon, State.FIRING, State.OK, 90.0), sender),
            messages.of_change(Change(soon, State.FIRING, State.UNKNOWN, 90.0), sender),
        )
        if message is not None
    ]

    comes = "host1: pseudo-terminals will be exhausted within a minute, if not already"
    over = "host1: pseudo-terminals: forecast has ended, exhaustion was expected"
    at_once = f"{over} within a minute, if not already"
    assert words == [comes, f"{over} in 30m 0s", comes, at_once, at_once]


@pytest.mark.parametrize(
    ("was", "now"),
    [(State.OK, State.PENDING), (State.PENDING, State.OK), (State.PENDING, State.UNKNOWN)],
)
def test_what_never_fired_is_no_message(was: State, now: State) -> None:
    """Receivers get what fires and what fired, not what was pending."""
    active = next(iter(walk((0, leak(90)))[0].active.values()))

    assert messages.of_change(Change(active, was, now, 5), messages.Sender("host1", "")) is None
