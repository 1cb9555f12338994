"""The runbooks: where readers of the log, of the page and of notifications find them."""

from __future__ import annotations

from pathlib import Path

import pytest

from xenwatch.alerts import runbooks
from xenwatch.alerts.table import ALERTS, WATCHES

HERE = f"{runbooks.DIRECTORY.as_uri()}/"


def test_every_runbook_is_a_file_of_this_host() -> None:
    """The directory the log names has the runbook of every alert."""
    names = {*(alert.runbook for alert in ALERTS), *(watch.runbook for watch in WATCHES)}

    assert {path.name for path in Path(runbooks.DIRECTORY).iterdir()} >= names


@pytest.mark.parametrize(
    ("instance", "configured", "expected"),
    [
        ("192.0.2.10:10730", "", "http://192.0.2.10:10730/runbooks/"),
        ("[2001:db8::1]:10730", "", "http://[2001:db8::1]:10730/runbooks/"),
        ("xen1", "", HERE),
        ("", "", HERE),
        ("rack 2: xen1", "", HERE),
        ("192.0.2.10:10730", "https://wiki.example/", "https://wiki.example/"),
    ],
)
def test_links_lead_where_runbooks_are(instance: str, configured: str, expected: str) -> None:
    """What is sent links as configured, else to the daemon where its address is known."""
    assert runbooks.link_prefix(configured, instance) == expected


def test_links_to_a_daemon_with_tls_say_so() -> None:
    """The scheme is that of the daemon; a file and a configured server keep their own."""
    assert runbooks.link_prefix("", "a:1", "https") == "https://a:1/runbooks/"
    assert runbooks.link_prefix("", "a", "https") == HERE
    assert runbooks.link_prefix("http://wiki/", "a:1", "https") == "http://wiki/"


def test_every_runbook_is_served_for_people() -> None:
    """The daemon serves each file by its name, and no other, without what tests read in it."""
    served = runbooks.files()

    assert served.keys() == {f"/runbooks/{path.name}" for path in runbooks.DIRECTORY.iterdir()}
    for path in runbooks.DIRECTORY.iterdir():
        text = served[f"/runbooks/{path.name}"].decode()
        assert {line for line in text.splitlines() if line[:3] == "```"} <= {
            "```sh",
            "```promql",
            "```",
        }
        pairs = zip(text.splitlines(), path.read_text().splitlines(), strict=True)
        assert all(shown == line or line.startswith("```sh ") for shown, line in pairs)


def test_xapi_waits_for_xenstored() -> None:
    """Where neither answers the runbook of xapi begins with that of xenstored, which says so."""
    texts = runbooks.files()
    xapi, xenstored = (
        texts[f"/runbooks/Xenwatch{name}Unresponsive.md"].decode().partition("## Diagnosis")[2]
        for name in ("Xapi", "Xenstored")
    )

    assert "(XenwatchXenstoredUnresponsive.md)" in xapi.partition("```")[0]
    assert "begin here" in xenstored.partition("```")[0]
