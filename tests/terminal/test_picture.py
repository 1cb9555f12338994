"""The picture of `xenwatch top`: what is on it at any size, and in which order."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.page.test_charts import HALF
from tests.page.test_page import GUEST, alert
from tests.terminal import support
from tests.terminal.support import FULL, changed, text, view
from xenwatch.alerts.maintenance import Maintenance
from xenwatch.status.host_status import HostStatus, ShapeRow
from xenwatch.terminal.lines import CURSOR
from xenwatch.terminal.looks import Look
from xenwatch.terminal.picture import picture
from xenwatch.terminal.state import State
from xenwatch.terminal.table import Sort, cells
from xenwatch.terminal.views import VIEWS, View


def lines(
    status: HostStatus,
    width: int = 80,
    height: int = 24,
    state: State | None = None,
    *,
    plain: bool = False,
) -> list[str]:
    """The lines of the picture as a terminal of that size has them."""
    return support.lines(Look(status, support.BUSY), state, width, height, plain=plain)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 12), (200, 60), (80, 200), (1, 1)])
@pytest.mark.parametrize("each", VIEWS, ids=lambda each: each.name)
def test_it_fills_the_terminal(width: int, height: int, each: View) -> None:
    """Every view has as many lines as there are, each of all columns."""
    drawn = support.drawn(Look(FULL, support.BUSY), State(view=view(each.name)), width, height)

    assert len(drawn.lines) == height
    assert {cells(text(line)) for line in drawn.lines} == {width}


def test_before_the_first_readings_there_is_a_note() -> None:
    """The last line says what is waited for, or what is wrong."""
    drawn = picture(State(), None, (40, 5), (("", "waiting"),))

    assert [text(line).rstrip() for line in drawn.lines] == ["", "", "", "", "waiting"]


def test_maintenance_is_told() -> None:
    """A host in maintenance says so, whether alerts are evaluated or not."""
    said = Maintenance(0.0, "disks")

    for alerts in ((), None):
        found = lines(changed(maintenance=said, alerts=alerts))
        assert "in maintenance until 1970-01-01 00:00 UTC: disks" in found
    assert not any("maintenance" in line for line in lines(FULL))


def test_what_does_not_fit_is_scrolled_to() -> None:
    """Where there is no room for every limit, the last line counts them, and End shows the last."""
    rows = tuple(dataclasses.replace(HALF, limit=f"tasks{n:02}", ratio=n / 100) for n in range(50))
    found = lines(changed(limits=rows))
    last = lines(changed(limits=rows), state=State(place=49))

    assert [line.split()[0] for line in found if line.startswith("tasks")][:2] == [
        *("tasks49", "tasks48")
    ]
    assert found[-1].startswith("1/50 ")
    assert any(line.startswith("tasks00") for line in last)
    assert last[-1].startswith("50/50 ")


def test_instances_that_are_well_are_counted() -> None:
    """Of a limit with many instances the fullest are shown, and the others when looked for."""
    rows = tuple(dataclasses.replace(HALF, instance=str(n), ratio=n / 100) for n in range(9))
    found = lines(changed(limits=rows), height=100)
    filtered = lines(changed(limits=rows), height=100, state=State(filter="aio"))

    assert len([line for line in found if line.startswith(HALF.limit)]) == 2
    assert "and 7 less full ones, shown when sorted or filtered" in found
    assert len([line for line in filtered if line.startswith(HALF.limit)]) == 9


def test_eighty_columns_are_enough() -> None:
    """In a terminal of the usual width the longest state is whole."""
    row = dataclasses.replace(HALF, limit="x" * 40, state="critical")
    (line,) = [text for text in lines(changed(limits=(row,))) if text.startswith("xxx")]

    assert line.split()[-1] == "critical"


def test_a_limit_has_bar_and_numbers() -> None:
    """A limit is a line with name, bar, ratio, numbers and state."""
    row = dataclasses.replace(HALF, ratio=0.5)
    (line,) = [text for text in lines(changed(limits=(row,)), plain=True) if text.startswith("aio")]

    name, bar, *others = line.split()
    assert (name, set(bar), bar.count("#")) == ("aio_requests", {"#", "."}, round(len(bar) / 2))
    assert others[:4] == ["50.0%", "1,000", "2,000", "1,000"]
    assert "ok" in others


def test_the_unknown_is_no_empty_bar() -> None:
    """What could not be read is drawn as question marks and told in words."""
    row = dataclasses.replace(HALF, used=None, max=None, ratio=None, headroom=None, state="unknown")
    (line,) = [text for text in lines(changed(limits=(row,))) if text.startswith("aio")]

    assert set(line.split()[1]) == {"?"}
    assert line.split()[2:7] == ["-", "-", "-", "-", "unknown"]


def test_alerts_and_broken_vms_are_named() -> None:
    """Alerts stand above the limits, VMs with broken devices below."""
    broken = dataclasses.replace(GUEST, broken=("vif 0: 28 no port",))
    text = "\n".join(
        lines(
            changed(
                alerts=(alert("critical"), alert("warning", "pending", a="2")),
                domains=(broken, GUEST),
                alerts_unknown=("XenwatchY",),
            )
        )
    )

    assert "firing critical it <is> full\npending warning it <is> full" in text
    assert "alert state unknown: XenwatchY" in text
    assert "broken 7 web: vif 0: 28 no port" in text


def test_many_alerts_leave_room_for_limits() -> None:
    """Of many alerts and broken VMs some are shown, the others counted."""
    broken = [dataclasses.replace(GUEST, domid=n, broken=("vif 0",)) for n in range(100)]
    alerts = tuple(alert("warning", a=str(n)) for n in range(100))
    found = lines(changed(alerts=alerts, domains=tuple(broken)))

    assert "and 96 more alerts" in found
    assert any(
        line.startswith("broken 0 web: vif 0; 1 web: vif 0; 2 web: vif 0; and") for line in found
    )
    assert sum("%" in line for line in found) > 5


@settings(deadline=None, max_examples=60)
@given(st.text(), st.integers(10, 120), st.integers(5, 50))
def test_no_name_moves_the_cursor(name: str, width: int, height: int) -> None:
    """Whatever VMs and instances are called, each line is printable and as wide as allowed."""
    broken = dataclasses.replace(GUEST, name=name, broken=(name,))
    row = dataclasses.replace(HALF, instance=name, label="bridge")
    for each in VIEWS:
        state = State(view=view(each.name))
        found = lines(changed(domains=(broken,), limits=(row,)), width, height, state)
        assert all(line.isprintable() for line in found)


def test_silence_is_told_from_ignorance() -> None:
    """No alert is said, alerts that are off or not known are not taken for it."""
    assert "no alerts firing" in lines(changed(alerts=()))
    assert "no alerts firing" not in lines(changed(alerts=None))
    assert "domains: unknown" in "\n".join(lines(changed(domains=None)))
    assert "no alerts firing" not in lines(changed(alerts=(), alerts_unknown=("X",)))


def test_a_small_terminal_keeps_what_matters() -> None:
    """Of the lines above the table the least important go first; what is invented stays marked."""
    notices = ("SYNTHETIC: not a real host",)
    found = lines(changed(notices=notices, alerts=(alert("critical"),)), height=10)

    assert found[0] == "SYNTHETIC: not a real host"
    assert sum("%" in line for line in found[:-1]) >= 3
    assert not any(line.startswith("headroom") for line in found)
    assert lines(changed(notices=notices), height=2)[0] == "SYNTHETIC: not a real host"


def test_in_other_views_alerts_take_a_line() -> None:
    """How many fire, and the first of them."""
    state = State(view=view("disks"))
    alerts = (alert("critical"), alert("warning", a="2"), alert("warning", "pending", a="3"))

    assert "2 alerts firing: critical it <is> full" in lines(changed(alerts=alerts), state=state)
    assert "no alerts firing" in lines(changed(alerts=()), state=state)


def test_colour_is_never_the_only_sign() -> None:
    """The state is a word, the chosen view in brackets, the sorted column marked."""
    state = State(view=view("domains"), sorts={"domains": Sort("name")})
    found = lines(FULL, state=state)

    assert any("[2 domains]" in line for line in found)
    assert any("NAME^" in line for line in found)
    turned = State(view=view("domains"), sorts={"domains": Sort("name", reverse=True)})
    assert any("NAMEv" in line for line in lines(FULL, state=turned))


def test_the_cursor_is_the_whole_line() -> None:
    """The row under the cursor stands out to the end of the line, and it alone does."""
    found = support.drawn(Look(FULL, support.BUSY), State(view=view("domains"), place=1))
    marked = [line for line in found.lines if any(style == CURSOR for style, _ in line)]

    assert len(marked) == 1
    assert {style for style, _ in marked[0]} == {CURSOR}


def test_the_first_alert_is_told_in_full() -> None:
    """The summary of the most urgent alert goes on in further lines; of the next there is one."""
    first = dataclasses.replace(alert("critical"), summary=f"{'full ' * 30}; run: xl list")
    next_one = dataclasses.replace(alert("warning", a="2"), summary=first.summary)
    found = lines(changed(alerts=(first, next_one)))
    start = next(n for n, line in enumerate(found) if line.startswith("firing critical"))
    second = next(n for n, line in enumerate(found) if line.startswith("firing warning"))

    assert "".join(f"{line} " for line in found[start:second]).endswith("; run: xl list ")
    assert second == start + 3
    assert "xl list" not in "".join(found[second:])


def test_room_is_told_as_far_as_it_is_known() -> None:
    """A number of VMs, at most so many, or why nobody can say."""
    known = ShapeRow("linux", 5, 5, "ptys", ())
    most = ShapeRow("linux", None, 5, "ptys", ("irqs",))

    assert "headroom: 5 linux (ptys)" in lines(changed(headroom=(known,)))
    assert "headroom: at most 5 linux" in lines(changed(headroom=(most,)))
    full = ShapeRow("linux", 0, 0, "ptys", (), not_counted=("tasks",))
    assert "headroom: 0 linux (ptys)" in lines(changed(headroom=(full,)))
    assert "headroom: no Xen" in lines(changed(headroom=(), obstacle="no Xen"))
