"""The views: what their cells say, and that what is not known is a dash."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.page.test_page import GUEST, alert
from tests.terminal.support import BUSY, later, look
from xenwatch.fence import Fence
from xenwatch.status.activity import Activity
from xenwatch.terminal.figures import bar, disk, rate, span
from xenwatch.terminal.looks import Look, dom0_rates, follow, mode_rates, rates
from xenwatch.terminal.table import Table, Value
from xenwatch.terminal.views import BY_NAME, VIEWS

NO_FENCE = Fence()


def table(name: str, of: Look) -> Table:
    """A view."""
    return BY_NAME[name].table(of, fence=NO_FENCE)


def values(name: str, of: Look, key: str) -> dict[str, Value]:
    """The values of the row with that key, by column."""
    found = table(name, of)
    row = next(row for row in found.rows if row.key == key)
    return {column.name: cell.value for column, cell in zip(found.columns, row.cells, strict=True)}


def texts(name: str, of: Look, key: str) -> dict[str, str]:
    """The texts of the row with that key, by column."""
    found = table(name, of)
    row = next(row for row in found.rows if row.key == key)
    return {column.name: cell.text for column, cell in zip(found.columns, row.cells, strict=True)}


def after(seconds: float, **parts: Any) -> Look:
    """The look that follows the full one so many seconds later, parts of its activity replaced."""
    first = look()
    return follow(first, first.status, later(seconds, **parts))


def risen(part: str, **counters: float) -> tuple[Any, ...]:
    """The rows of a part, in the first of which counters have other values."""
    first, *others = getattr(BUSY, part)
    return (dataclasses.replace(first, **counters), *others)


def test_a_first_reading_has_no_rates() -> None:
    """What rises a second is not known of one reading: it is a dash, and never 0."""
    assert values("qemus", look(), "900")["cpu_percent"] is None
    assert texts("qemus", look(), "900")["wakeups_per_second"] == "-"
    assert values("disks", look(), "5 51712")["reads_per_second"] is None
    assert values("domains", look(), "5")["dom0_cpu_percent"] is None


def test_a_rate_is_what_rose_by_the_time_between_two_readings() -> None:
    """By the clock that nobody sets, of each probe."""
    found = after(10.0, qemus=risen("qemus", cpu_seconds=3.5, wakeups=620))

    assert values("qemus", found, "900") | {
        "cpu_percent": 10.0, "wakeups_per_second": 50.0, "wait_percent": 0.0,
    } == values("qemus", found, "900")  # fmt: skip


def test_what_did_not_rise_is_nought() -> None:
    """A counter that was read twice and is the same is 0, which is no dash."""
    assert texts("qemus", after(10.0), "900")["wakeups_per_second"] == "0"


def test_a_counter_that_fell_has_no_rate() -> None:
    """It was begun anew: what it rose since is not known."""
    found = after(10.0, qemus=risen("qemus", wakeups=3))

    assert values("qemus", found, "900")["wakeups_per_second"] is None


def test_a_rate_stays_until_its_probe_reads_again() -> None:
    """A look between two readings of a probe keeps the rates, for nothing new is known."""
    second = after(10.0, qemus=risen("qemus", wakeups=620))
    third = follow(second, second.status, second.activity)

    assert values("qemus", third, "900")["wakeups_per_second"] == 50.0


def test_a_reboot_ends_the_rates() -> None:
    """When the monotonic clock is behind, the host was started anew."""
    found = after(-500.0)

    assert found.bases == {}


def test_without_an_activity_the_rates_begin_anew() -> None:
    """After a daemon that tells none, what was before is no base."""
    second = follow(look(), look().status, None)

    assert follow(second, look().status, later(10.0)).bases == {}
    assert follow(None, look().status, BUSY).bases == {}


@settings(deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 10**9), st.floats(0.1, 1e6))
def test_no_rate_is_less_than_nothing(before: int, now: int, seconds: float) -> None:
    """Whatever counters say, a rate is not negative, or is not known."""
    first = Look(look().status, dataclasses.replace(BUSY, qemus=risen("qemus", wakeups=before)))
    found = follow(first, first.status, later(seconds, qemus=risen("qemus", wakeups=now)))
    rate_found = rates(found, "qemus", "qemus", ("pid",), ("wakeups",))[(900,)]

    assert all(value >= 0 for value in rate_found.values())
    assert ("wakeups" in rate_found) is (now >= before)


def test_dom0s_work_for_a_domain_is_added_up() -> None:
    """Of each kind of worker by the readings of its own probe."""
    use = next(row for row in BUSY.domains or () if row.domid == 5)
    more = dataclasses.replace(
        use,
        dom0_cpu_seconds={**use.dom0_cpu_seconds, "qemu": 3.5, "netback": 5.0, "varstored": 1.5},
    )
    domains = tuple(more if row.domid == 5 else row for row in BUSY.domains or ())
    found = after(10.0, domains=domains)

    assert dom0_rates(found)[5] == pytest.approx(
        {"qemu": 0.1, "netback": 0.2, "blkback": 0.0, "varstored": 0.0}
    )
    assert values("domains", found, "5")["dom0_cpu_percent"] == pytest.approx(30.0)


def test_a_disk_has_the_time_of_a_request() -> None:
    """Seconds by requests of late, in milliseconds; without requests it is not known."""
    found = after(10.0, disks=risen("disks", reads=30, read_seconds=0.9, read_bytes=44096))

    assert values("disks", found, "5 51712") | {
        "disk": "xvda", "reads_per_second": 2.0, "read_milliseconds": 20.0,
        "write_milliseconds": None, "read_bytes_per_second": 4000.0, "in_flight": 3,
    } == values("disks", found, "5 51712")  # fmt: skip


def test_what_is_wrong_with_a_device_comes_first() -> None:
    """Stalled disks, interfaces without a port, uplinks without a signal: by words too."""
    disks, networks = table("disks", look()), table("networks", look())

    assert [row.key for row in disks.rows] == ["5 51712", "6 51712"]
    assert texts("disks", look(), "5 51712")["state"] == "stalled"
    assert texts("disks", look(), "6 51712")["state"] == "connected"
    assert {row.key for row in networks.rows[:3]} == {"uplink eth1", "uplink eth2", "vif5.0"}
    assert texts("networks", look(), "vif5.0")["state"] == "in no bridge"
    assert texts("networks", look(), "vif6.0")["state"] == "up"
    assert texts("networks", look(), "uplink eth1")["state"] == "no link"


def test_rings_and_queues_are_parts_of_what_there_can_be() -> None:
    """Of an interface whose rings were not read they are not known."""
    found = values("networks", look(), "vif5.0")

    assert (found["ring_percent"], found["queued_percent"]) == (97.656, 90.0)
    assert values("networks", look(), "vif6.0")["ring_percent"] is None


def test_the_control_path_has_answers_and_dom0() -> None:
    """Response times and failures of those that are asked, CPU and descriptors of all."""
    found = after(10.0, daemons=risen("daemons", cpu_seconds=5.5, answers=5, answer_seconds=2.6))
    row = values("control-path", found, "xenstored")

    assert (row["state"], row["median_milliseconds"], row["failed_percent"]) == (
        *("answers", 125.0, 25.0),
    )
    assert (row["cpu_percent"], row["mean_milliseconds"]) == (20.0, 50.0)
    assert values("control-path", found, "xapi")["state"] is None
    assert values("control-path", found, "stunnel")["fds"] == 60
    assert "load 0.50 0.25 0.12" in table("control-path", found).above[0]


def test_a_daemon_that_does_not_answer_is_said_to() -> None:
    """From the same part of failures as the alert."""
    found = after(1.0, daemons=risen("daemons", failed_ratio=0.5))

    assert texts("control-path", found, "xenstored")["state"] == "no answer"


def test_dom0s_time_is_by_mode() -> None:
    """CPUs in each mode, of the modes that were read twice."""
    assert BUSY.dom0 is not None
    dom0 = dataclasses.replace(BUSY.dom0, seconds={"user": 17.0, "steal": 0.75, "idle": 5.0})
    found = after(10.0, dom0=dom0)

    assert mode_rates(found) == {"user": 1.0, "steal": 0.0}
    assert "user 50.0%" in table("control-path", found).above[1]
    assert table("control-path", look()).above[1].strip() == "CPU -"


def test_alerts_have_the_time_they_last() -> None:
    """The most urgent first, as the page has them; a pending one is told apart."""
    found = look(time=1000.0, alerts=(alert("critical"), alert("warning", "pending", a="2")))
    rows = table("alerts", found).rows

    assert [row.cells[0].text for row in rows] == ["firing", "pending"]
    assert rows[0].cells[0].style == "critical"
    assert rows[1].cells[0].style == "unknown"


def test_nothing_known_is_told_from_nothing_there() -> None:
    """Where nothing was read there is a reason; where nothing is, the table is empty."""
    unread = Activity(0.0, {}, None, None, None, None, None, None, None)
    for name in ("qemus", "disks", "networks", "control-path"):
        assert not table(name, look(unread)).known
        assert not table(name, look(None)).known
        assert "older" in table(name, look(None)).why or ":" in table(name, look(None)).why
    assert not table("alerts", look(alerts=None)).known
    assert table("alerts", look(alerts=())).known
    assert not table("domains", look(domains=None)).known
    assert table("qemus", look(dataclasses.replace(BUSY, qemus=()))).known


def test_a_probe_that_failed_says_why() -> None:
    """With the next step, in the place of the rows."""
    failed = dataclasses.replace(
        look().status.probes["qemus"], status="failed", detail="no such file", advice="run as root"
    )
    probes = {**look().status.probes, "qemus": failed}
    found = look(dataclasses.replace(BUSY, qemus=None), probes=probes)

    assert table("qemus", found).why == "qemus: failed: no such file; run as root"


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_every_row_has_its_cells_and_its_own_key(view: Any) -> None:
    """As many cells as columns, a key that no other row has, and text that can be printed."""
    odd = dataclasses.replace(GUEST, domid=5, name="a\nb\x1b[31m", broken=("vif \x07",))
    found = view.table(look(domains=(odd,), alerts=(alert("warning"),)), fence=NO_FENCE)
    keys = [row.key for row in found.rows]

    assert keys
    assert len(keys) == len(set(keys))
    assert all(len(row.cells) == len(found.columns) for row in found.rows)
    assert all(cell.text.isprintable() for row in found.rows for cell in row.cells)
    assert all(cell.text == "-" for row in found.rows for cell in row.cells if cell.value is None)


def test_a_view_that_raises_is_said_in_its_place() -> None:
    """Within a fence there is the reason instead of rows."""
    told: list[Any] = []
    broken = look(domains=(dataclasses.replace(GUEST, event_channels="x"),))  # type: ignore[arg-type]
    found = BY_NAME["domains"].table(broken, fence=Fence(told.append))

    assert found.why == "domains unknown: bug in xenwatch, see its log"
    assert [fault.subject for fault in told] == ["display domains"]


def test_figures() -> None:
    """Few events are not none, hardly used is not empty, and disks have their names."""
    assert [rate(value).text for value in (0, 0.01, 2.34, 12.6, 12345.0)] == [
        *("0", "<0.1", "2.3", "13", "12,345"),
    ]
    assert [bar(ratio, 4, plain=True) for ratio in (None, 0.0, 0.001, 0.5, 7.0)] == [
        *("????", "....", "#...", "##..", "####"),
    ]
    assert [span(seconds).text for seconds in (0, 59, 3600, 93784)] == [
        *("0 s", "59 s", "1 h", "1 d 2 h"),
    ]
    assert [disk(number) for number in (51712, 51728, 51713, 268439552, 268446976, 768)] == [
        *("xvda", "xvdb", "xvda1", "xvdq", "xvdat", "768"),
    ]
