"""Messages of the logs on the status page."""

from __future__ import annotations

import dataclasses

from tests.page.sample import IMAGE
from tests.page.test_html import Reader
from tests.page.test_page import FULL, rendered


def test_the_last_message_is_shown_with_its_runbook() -> None:
    """Each kind has its numbers, its last line with the time, and a link to the runbook."""
    read = Reader(rendered(FULL))

    assert {row.kind for row in FULL.logs} == {"conntrack_full", "machine_check"}
    for row in FULL.logs:
        assert row.text in read.text
        assert row.runbook in read.text
    links = {dict(attributes).get("href") for tag, attributes in read.tags if tag == "a"}
    assert links >= {row.runbook_url for row in FULL.logs}


def test_recent_messages_come_first() -> None:
    """What was printed in the last 15 minutes stands before what was printed earlier."""
    assert [row.recent for row in FULL.logs] == [2, 0, 0]
    assert [row.time for row in FULL.logs] == [900.0, 800.0, None]


def test_a_message_is_text() -> None:
    """What a log says is never markup."""
    [row, *_] = FULL.logs
    status = dataclasses.replace(FULL, logs=(dataclasses.replace(row, text=IMAGE),))
    read = Reader(rendered(status))

    assert IMAGE in read.text
    assert "img" not in {tag for tag, _ in read.tags}


def test_without_messages_the_page_says_so() -> None:
    """The part of the page is there before the first message, so that it is refreshed."""
    assert "No messages of trouble" in Reader(rendered(dataclasses.replace(FULL, logs=()))).text
