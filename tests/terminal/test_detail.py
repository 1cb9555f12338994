"""Details of a row, and the help."""

from __future__ import annotations

import dataclasses

import pytest

from tests.page.test_charts import HALF
from tests.page.test_page import GUEST, alert
from tests.terminal.support import FULL, drawn, lines, look, text
from xenwatch.fence import Fence
from xenwatch.limits import LIMITS
from xenwatch.terminal.detail import KEYS, detail, help_lines
from xenwatch.terminal.looks import Look
from xenwatch.terminal.state import Page, State
from xenwatch.terminal.views import alert_key

NO_FENCE = Fence()


def read(subject: tuple[str, str], of: Look, width: int = 100) -> str:
    """The detail as text."""
    return "\n".join(text(line).rstrip() for line in detail(subject, of, width, NO_FENCE))


def test_a_domain_has_its_devices_and_limits() -> None:
    """Its QEMU, disks, interfaces, limits, alerts and what is broken, and those of no other."""
    about = dataclasses.replace(alert("warning"), labels={"domid": "5"}, summary="of five")
    guest = dataclasses.replace(GUEST, domid=5, broken=("vif 0: 28 no port",))
    found = read(("domain", "5"), look(domains=(guest,), alerts=(about,)))

    assert "BROKEN DEVICES vif 0: 28 no port" in found
    for part in ("QEMUs", "disks", "networks", "limits of its own", "alerts"):
        assert f"\n{part}\n" in found
    assert "900" in found
    assert "vif5.0" in found
    assert "vif6.0" not in found
    assert "grant_frames domid=5" in found
    assert "firing warning of five" in found


def test_a_limit_has_what_it_means() -> None:
    """Symptom, source and reference from the table of limits, and every instance of it."""
    limit = next(each for each in LIMITS if each.name == "grant_frames")
    rows = tuple(
        dataclasses.replace(
            HALF, limit="grant_frames", label="domid", instance=str(n), ratio=n / 10
        )
        for n in range(5)
    )
    ends = {"grant_frames": (3000.0, 7260.0)}
    of = look(limits=rows, seconds_to_full={"grant_frames": 3600.0}, full_between=ends)
    found = read(("limit", "grant_frames"), of, 1000)

    assert limit.symptom in found
    assert limit.reference in found
    assert "warning at 80%, critical at 90%" in found
    assert " 1 h (50 min to 2 h 1 min)\n" in found
    assert found.index("domid=4 ") < found.index("domid=0 ")


@pytest.mark.parametrize("row", FULL.limits, ids=lambda row: f"{row.limit} {row.instance}")
def test_every_limit_has_a_detail(row: object) -> None:
    """Of each limit of a host there is more than its numbers."""
    assert len(read(("limit", row.limit), look()).splitlines()) > 6  # type: ignore[attr-defined]


def test_an_alert_is_told_in_full() -> None:
    """Its summary, however long, since when, and its runbook."""
    found = dataclasses.replace(alert("critical"), summary="word " * 50, runbook_url="/runbooks/X")
    shown = read(("alert", alert_key(found)), look(alerts=(found,)))

    assert shown.count("word") == 50
    assert "/runbooks/X" in shown
    assert "UTC" in shown


def test_what_is_gone_is_said_to_be() -> None:
    """A domain that ends while one looks at it."""
    assert read(("domain", "4711"), look()) == "domain 4711 is gone"


def test_a_detail_that_raises_is_said_in_its_place() -> None:
    """The rest of the picture stays."""
    broken = look(domains=(dataclasses.replace(GUEST, event_channels="x"),))  # type: ignore[arg-type]
    told: list[object] = []

    assert "unknown" in text(detail(("domain", "7"), broken, 80, Fence(told.append))[0])
    assert told


def test_the_help_names_every_key() -> None:
    """At any width each line fits, and no key is left out."""
    for width in (40, 80, 200):
        found = [text(line) for line in help_lines(width)]
        assert max(map(len, found)) <= width
    assert all(any(text(line).startswith(keys) for line in help_lines(80)) for keys, _ in KEYS)


def test_a_text_is_scrolled() -> None:
    """What does not fit is counted in the last line."""
    state = State(page=Page.HELP)
    found = lines(look(), state, 80, 15)

    assert "more lines  esc goes back" in found[-1]
    end = drawn(look(), dataclasses.replace(state, scroll=999), 80, 15)
    assert "more lines" not in text(end.lines[-1])
    assert end.state.scroll < 999
