"""The picture of `xenwatch top`: what is on it at any size, and in which order."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from tests.page.test_charts import HALF
from tests.page.test_page import GUEST, alert
from tests.status.test_host_status import of
from tests.support import full_snapshot
from xenwatch.alerts.maintenance import Maintenance
from xenwatch.cli.status_lines import draw
from xenwatch.status.host_status import HostStatus, ShapeRow

FULL = of(full_snapshot())


def lines(
    status: HostStatus, width: int = 80, height: int = 24, *, plain: bool = False
) -> list[str]:
    """The lines of the picture as a terminal of that size has them."""
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, force_terminal=False)
    console.print(draw(status, width, height, plain=plain))
    return out.getvalue().splitlines()


def changed(**fields: Any) -> HostStatus:
    """The full status with other values."""
    return dataclasses.replace(FULL, **fields)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 12), (200, 60), (80, 200)])
def test_it_fits(width: int, height: int) -> None:
    """The picture has no more lines and columns than there are, one line being left free."""
    found = lines(FULL, width, height)

    assert len(found) < height
    assert max(map(len, found)) <= width


def test_maintenance_is_told() -> None:
    """A host in maintenance says so, whether alerts are evaluated or not."""
    said = Maintenance(0.0, "disks")

    for alerts in ((), None):
        found = lines(changed(maintenance=said, alerts=alerts))
        assert "in maintenance until 1970-01-01 00:00 UTC: disks" in found
    assert not any("maintenance" in line for line in lines(FULL))


def test_what_is_left_out_is_counted() -> None:
    """Where there is no room for every limit, the number of the others is told."""
    rows = tuple(dataclasses.replace(HALF, limit=f"tasks{n:02}", ratio=n / 100) for n in range(50))
    found = lines(changed(limits=rows))
    shown = [line.split()[0] for line in found if line.startswith("tasks")]

    assert shown[:2] == ["tasks49", "tasks48"]
    assert f"and {50 - len(shown)} more, less full" in found


def test_instances_that_are_well_are_counted() -> None:
    """Of a limit with many instances the fullest are shown, and the others told of."""
    rows = tuple(dataclasses.replace(HALF, instance=str(n), ratio=n / 100) for n in range(9))
    found = lines(changed(limits=rows), height=100)

    assert len([line for line in found if line.startswith(HALF.limit)]) == 2
    assert "and 7 more, less full" in found


def test_eighty_columns_are_enough() -> None:
    """In a terminal of the usual width the longest state is whole."""
    row = dataclasses.replace(HALF, limit="x" * 40, state="critical")
    (line,) = [text for text in lines(changed(limits=(row,))) if text.startswith("xxx")]

    assert line.split()[-1] == "critical"


def test_a_limit_has_bar_and_numbers() -> None:
    """A limit is a line with name, bar, ratio, numbers and state."""
    row = dataclasses.replace(HALF, ratio=0.5)
    (line,) = [text for text in lines(changed(limits=(row,)), plain=True) if text.startswith("aio")]

    assert line.split() == [
        *("aio_requests", "##########..........", "50.0%", "1,000", "of", "2,000", "ok")
    ]


def test_the_unknown_is_no_empty_bar() -> None:
    """What could not be read is drawn as question marks and told in words."""
    row = dataclasses.replace(HALF, used=None, max=None, ratio=None, state="unknown")
    (line,) = [text for text in lines(changed(limits=(row,))) if text.startswith("aio")]

    assert line.split() == ["aio_requests", "?" * 20, "-", "of", "-", "unknown"]


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
    assert text.endswith("broken 7 web: vif 0: 28 no port")


def test_many_alerts_leave_room_for_limits() -> None:
    """Of many alerts and broken VMs some are shown, the others counted."""
    broken = [dataclasses.replace(GUEST, domid=n, broken=("vif 0",)) for n in range(100)]
    alerts = tuple(alert("warning", a=str(n)) for n in range(100))
    found = lines(changed(alerts=alerts, domains=tuple(broken)))

    assert "and 96 more alerts" in found
    assert "and 97 more domains with broken devices" in found
    assert sum("%" in line for line in found) > 5


@settings(deadline=None, max_examples=60)
@given(st.text(), st.integers(10, 120), st.integers(5, 50))
def test_no_name_moves_the_cursor(name: str, width: int, height: int) -> None:
    """Whatever VMs and instances are called, each line is printable and as wide as allowed."""
    broken = dataclasses.replace(GUEST, name=name, broken=(name,))
    row = dataclasses.replace(HALF, instance=name, label="bridge")
    found = lines(changed(domains=(broken,), limits=(row,)), width, height)

    assert all(line.isprintable() for line in found)


def test_silence_is_told_from_ignorance() -> None:
    """No alert is said, alerts that are off or not known are not taken for it."""
    assert "no alerts firing" in lines(changed(alerts=()))
    assert "no alerts firing" not in lines(changed(alerts=None))
    assert "domains: unknown" in "\n".join(lines(changed(domains=None)))
    assert "no alerts firing" not in lines(changed(alerts=(), alerts_unknown=("X",)))


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
