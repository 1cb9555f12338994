"""Every output of a pass, made and read back by a parser of its format."""

from __future__ import annotations

import json
import math
import struct
from html.parser import HTMLParser
from typing import Any, Final

from tests.support import parse_page
from xenwatch import page
from xenwatch.advice import qemu_wakeups, rendering
from xenwatch.alerts import messages
from xenwatch.alerts.messages import RUNBOOKS, Sender
from xenwatch.cli import doctor, once, plan
from xenwatch.config.settings import Settings
from xenwatch.delivery import values
from xenwatch.http import headroom
from xenwatch.limits.changes import severity_changes
from xenwatch.messages import requests, rrd_page
from xenwatch.page.document import Links
from xenwatch.passes.publisher import AssessedPass
from xenwatch.planning import answer
from xenwatch.probes import PROBES
from xenwatch.readings.snapshot import Snapshot
from xenwatch.status import activity, check, host_status
from xenwatch.status.notices import notices
from xenwatch.terminal import batch
from xenwatch.terminal.detail import detail
from xenwatch.terminal.looks import Look, follow
from xenwatch.terminal.picture import picture
from xenwatch.terminal.state import State
from xenwatch.terminal.table import Sort
from xenwatch.terminal.views import VIEWS

LINKS: Final = Links("/s.css", "/s.js", "/i.svg", {"Metrics": "/metrics"})
_VOID: Final = {"meta", "link", "input"}


class Balanced(HTMLParser):
    """A parser of HTML by which every element is closed, by the tag it was opened with."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[str] = []
        self.ids: list[str] = []
        self.feed(markup)
        self.close()
        assert self._open == []
        assert len(self.ids) == len(set(self.ids)), self.ids

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element without content."""

    def handle_endtag(self, tag: str) -> None:
        """Close the element that was opened last."""
        assert self._open.pop() == tag


def strict(document: str | bytes) -> Any:
    """A document of JSON, in which there is neither NaN nor an infinity."""

    def refuse(word: str) -> None:
        raise AssertionError(word)

    return json.loads(document, parse_constant=refuse)


def metrics_of(found: AssessedPass) -> None:
    """The metrics in both formats, read by prometheus_client, have the same families."""
    plain, open_ = (parse_page(found.metrics[form, False], form) for form in (False, True))
    names = [family.name.removesuffix("_info") for family in open_]
    for family in plain:
        assert family.name.removesuffix("_info").removesuffix("_total") in names, family.name
        keys = [(s.name, tuple(sorted(s.labels.items()))) for s in family.samples]
        assert len(keys) == len(set(keys))


def documents_of(found: AssessedPass) -> None:
    """The status, the check, the plans and what is told of alerts are JSON."""
    assessment, snapshot = found.assessment, found.assessment.snapshot
    status = host_status.host_status(assessment, PROBES, "dom0")
    text = host_status.dumps(status)
    strict(text)
    assert host_status.dumps(host_status.loads(text)) == text
    verdict = check.answer({}, status, 0.0, assessment.fence)
    strict(json.dumps(verdict))
    assert verdict["line"].isprintable() or verdict["line"].count("\n") == 1
    strict(answer.dumps(snapshot, assessment.plans))
    shapes = assessment.rules.shapes
    strict(json.dumps(headroom.headroom([("shape", "linux"), ("count", "3")], assessment, shapes)))
    alerts = assessment.alerts
    for active in alerts.active.values() if alerts is not None else ():
        strict(
            json.dumps(
                messages.of_active(active, Sender("dom0", RUNBOOKS)).document(snapshot.moment)
            )
        )


def texts_of(found: AssessedPass) -> None:
    """The page, and what commands print."""
    assessment, snapshot = found.assessment, found.assessment.snapshot
    settings, fence = Settings(), assessment.fence
    status = host_status.host_status(assessment, PROBES, "dom0")
    frame = page.frame(status, assessment.history.series, snapshot.instant, LINKS, fence)
    Balanced(page.fill(frame, status, fence=fence).decode())
    for make in once.FORMATS.values():
        make(assessment, settings).encode(errors="backslashreplace")
    plan.table(assessment.plans, fence)
    plan.table(
        [assessment.plan({shape: 2}, 5) for shape in assessment.rules.shapes.values()], fence
    )
    every = settings.probes()
    doctor.report(snapshot, every, fence)
    strict(doctor.document(snapshot, every, fence))


def terminal_of(found: AssessedPass, before: Snapshot) -> None:
    """Every view of `top`, the detail of every row, and what it prints."""
    assessment, fence = found.assessment, found.assessment.fence
    status = host_status.host_status(assessment, PROBES, "dom0")
    done = activity.activity(assessment.snapshot)
    text = activity.dumps(done)
    strict(text)
    assert activity.loads(text) == done
    look = follow(Look(status, activity.activity(before)), status, done)
    strict(batch.document(look, VIEWS, Sort(), "", fence))
    for number, view in enumerate(VIEWS):
        for width, plain in ((80, False), (200, True)):
            lines = picture(
                State(view=number), look, (width, 50), (), plain=plain, fence=fence
            ).lines
            assert all(piece.isprintable() for line in lines for _, piece in line)
        assert all(
            line.isprintable() for line in batch.text(look, view, Sort(), "", fence).split("\n")
        )
        subjects = {row.subject for row in view.table(look, fence=fence).rows}
        for subject in sorted(subjects)[:3]:
            lines = tuple(detail(subject, look, 80, fence))
            assert all(piece.isprintable() for line in lines for _, piece in line)


def others_of(found: AssessedPass, before: Snapshot) -> None:
    """Advice, the log, and the page of xcp-rrdd."""
    assessment, snapshot = found.assessment, found.assessment.snapshot
    advice = qemu_wakeups.advise(snapshot, before, assessment.fence)
    toolstack = qemu_wakeups.toolstack(snapshot)
    rendering.table(advice, toolstack, notices(snapshot))
    strict(rendering.document(advice, toolstack))
    rendering.script(advice, toolstack)
    severity_changes({}, assessment.by_limit, 0.0)
    told = values.values(assessment, values.wakeups(assessment, None))
    strict(requests.dumps(told))
    sources = rrd_page.data_sources(told)
    rrd_page.page(sources, 1.0)
    assert not any(math.isinf(source.value) for source in sources)
    assert struct.calcsize(">d") == 8


def sane(found: AssessedPass) -> None:
    """Nothing is less than nothing used, and nothing has more headroom than there can be."""
    for state in found.assessment.states:
        assert state.used is None or state.used >= 0, state
        assert state.max is None or state.max.value >= 0, state
    for family in found.families.values():
        for labels, value in family.samples:
            assert not math.isnan(value), (family.name, labels)


def made(found: AssessedPass, before: Snapshot) -> None:
    """All of them."""
    metrics_of(found)
    documents_of(found)
    texts_of(found)
    terminal_of(found, before)
    others_of(found, before)
    sane(found)
