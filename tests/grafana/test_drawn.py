"""The dashboards as Grafana's components draw them, against what is true of the hosts."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.e2e.panels import ask, fill
from tests.generate.boards import BOARDS, expressions, panels_of
from tests.grafana.boards import END, PICTURES, POOL, Gallery, address, gallery
from tests.grafana.drawing import WIDTH, table, texts
from tests.grafana.expected import (
    BLUE,
    DARK_RED,
    GREEN,
    ORANGE,
    RED,
    color_of,
    shown_of,
    worded,
    worst,
)
from tests.grafana.hosts import JOB
from tests.grafana.pool import HOSTS, KINDS
from xenwatch.alerts.declared.limit_full_soon import ALERT as FULL_SOON
from xenwatch.alerts.names import CRITICAL, WARNING
from xenwatch.alerts.states import Alerts, State
from xenwatch.assessment import Assessment
from xenwatch.config.settings import Settings
from xenwatch.limits import LIMITS
from xenwatch.limits.states import LimitState

pytestmark = [pytest.mark.timeout(300), pytest.mark.no_cover]

PAINTED: Final = {
    color: f"rgb({int(color[1:3], 16)}, {int(color[3:5], 16)}, {int(color[5:7], 16)})"
    for color in (GREEN, ORANGE, RED, DARK_RED)
}
TITLES: Final = {limit.name: limit.title for limit in LIMITS}
HOST_PICTURES: Final = [name for name, each in PICTURES.items() if each.board == "xenwatch-host"]
FIRST: Final = {
    "xenwatch-host": ("State", "Active alerts", "VMs left", "Time until full"),
    "xenwatch-domains": ("State of the VM", "This VM", "Share of every limit"),
    "xenwatch-pool": ("Hosts by state", "Hosts, the worst first"),
}
"""The panels at the top of each dashboard."""
FINE: Final = {"No alert is active", "No limit is filling up"}
"""What a panel at the top says where there is nothing to show, and that is good."""
NO_ROOM: Final = "Unknown: no limit could be read, or xenstored or xapi does not answer"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    """All dashboards, each drawn when it is first asked for."""
    with gallery(tmp_path_factory.mktemp("grafana")) as made:
        yield made


def truth(drawn: Gallery, name: str) -> Assessment:
    """What is true of the host of a picture at its end."""
    return drawn.played[PICTURES[name].host][-1].assessment


def alerts_of(drawn: Gallery, name: str) -> Alerts:
    """The alerts of the host of a picture at its end."""
    found = truth(drawn, name).alerts
    assert found is not None
    return found


@pytest.mark.parametrize("name", PICTURES)
def test_every_panel_is_drawn(drawn: Gallery, name: str) -> None:
    """No query fails, no component throws, and no panel is left with Grafana's own No data."""
    seen = drawn.seen(name)

    assert {panel["title"]: panel["error"] for panel in seen if panel["error"]} == {}
    assert [panel["title"] for panel in seen if "No data" in panel["text"]] == []


@pytest.mark.parametrize("name", PICTURES)
def test_the_top_shows_something(drawn: Gallery, name: str) -> None:
    """No panel at the top is empty, but for what says that nothing is wrong, or what is."""
    fine = {"", *FINE, NO_ROOM} if name == "host-dead" else {"", *FINE}
    for title in FIRST[PICTURES[name].board]:
        assert drawn.panel(name, title)["nothing"] in fine, title


@pytest.mark.parametrize("name", PICTURES)
def test_tiles_do_not_overlap(drawn: Gallery, name: str) -> None:
    """Each tile has its place within the page, and no two share a pixel."""
    boxes = [panel["box"] for panel in drawn.seen(name)]

    assert all(left >= 0 and right <= WIDTH for left, _, right, _ in boxes)
    for (left, top, right, bottom), (x, y, x2, y2) in itertools.combinations(boxes, 2):
        assert right <= x or x2 <= left or bottom <= y or y2 <= top


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_that_is_written_is_cut_off(drawn: Gallery, name: str) -> None:
    """Names, headings and values can be read to their end in every panel."""
    assert {each["title"]: each["clipped"] for each in drawn.seen(name) if each["clipped"]} == {}


@pytest.mark.parametrize("name", PICTURES)
def test_a_limit_is_called_by_its_full_name(drawn: Gallery, name: str) -> None:
    """No cell, bar or line has the short name of a limit."""
    short = TITLES.keys() - TITLES.values()
    for panel in drawn.seen(name):
        found = [cell["text"] for row in panel["rows"] for cell in row]
        found += [value["name"] for value in panel["values"]]
        # Some probes are called as the limit they read.
        assert panel["title"] == "Probes" or short & {*found, *panel["legend"]} == set()


@pytest.mark.parametrize("name", HOST_PICTURES)
def test_the_state_is_the_worst_alert(drawn: Gallery, name: str) -> None:
    """The first tile says in a word and a colour what the daemon's worst alert is."""
    (value,) = drawn.panel(name, "State")["values"]

    assert (value["text"], value["color"]) == worst(alerts_of(drawn, name))


def test_the_hosts_are_what_they_are_called(drawn: Gallery) -> None:
    """The healthy host is well, and the other two are not: the pictures show what they say."""
    found = {name: worst(alerts_of(drawn, name))[0] for name in HOST_PICTURES}

    assert found == {"host-healthy": "OK", "host-full": "Critical", "host-dead": "Critical"}


@pytest.mark.parametrize("name", HOST_PICTURES)
def test_active_alerts_are_those_of_the_daemon(drawn: Gallery, name: str) -> None:
    """The second tile lists what is firing, pending or unknown, in the colours of severities."""
    panel = drawn.panel(name, "Active alerts")
    rows = table(panel) if panel["rows"] else []
    said = [row for row in rows if row["State"]["text"] != State.UNKNOWN.value]
    shown = Counter(
        tuple(row[key]["text"] for key in ("Severity", "Alert", "State")) for row in said
    )
    expected = Counter(
        (one.severity, one.alert.title, one.state.value) for one in shown_of(alerts_of(drawn, name))
    )

    # A table draws the rows that are to be seen, the worst first.
    assert shown <= expected
    assert shown.total() == min(expected.total(), len(rows))
    order = [(row["State"]["text"], row["Severity"]["text"]) for row in rows]
    assert order == sorted(order)
    for row in rows:
        color = {CRITICAL: RED, WARNING: ORANGE}[row["Severity"]["text"]]
        assert row["Severity"]["background"] == PAINTED[color]


@pytest.mark.parametrize("name", ["host-healthy", "host-full"])
def test_room_is_that_of_the_plan(drawn: Gallery, name: str) -> None:
    """VMs left are those of the plan, red where none is, with the limit that stops the next one."""
    plans = {shape.name: plan for plan in truth(drawn, name).plans for shape in plan.batch}
    rows = {row["Shape"]["text"]: row for row in table(drawn.panel(name, "VMs left"))}

    assert rows.keys() == plans.keys()
    for shape, row in rows.items():
        left = plans[shape].batches
        assert left is not None
        color = RED if left == 0 else ORANGE if left < 5 else GREEN
        assert row["VMs left"]["text"] == str(left)
        assert row["VMs left"]["color"] == PAINTED[color]
        assert row["Stopped by"]["text"] == TITLES[plans[shape].headrooms[0].limit]


def test_a_dead_control_path_has_no_number_of_vms(drawn: Gallery) -> None:
    """While xapi and xenstored answer nobody the host's room is unknown, and the panel says why."""
    panel = drawn.panel("host-dead", "VMs left")

    assert (panel["rows"], panel["values"], panel["nothing"]) == ([], [], NO_ROOM)


def test_a_full_host_has_no_room_and_says_so_in_red(drawn: Gallery) -> None:
    """On the full host no VM of any shape fits, and the limit behind it is its aio requests."""
    rows = table(drawn.panel("host-full", "VMs left"))

    assert set(texts(rows, "VMs left")) == {"0"}
    assert set(texts(rows, "Stopped by")) == {TITLES["aio_requests"]}
    assert {row["VMs left"]["color"] for row in rows} == {PAINTED[RED]}


def test_time_until_full_is_the_forecast(drawn: Gallery) -> None:
    """What fills up is listed by its full name, the next one first, in the alert's colours."""
    rows = table(drawn.panel("host-full", "Time until full"))
    found = truth(drawn, "host-full").seconds_to_full
    expected = sorted(found, key=lambda name: found[name])
    alert = Settings().alerts().thresholds[FULL_SOON.name]
    assert alert.warning is not None
    assert alert.critical is not None

    assert rows
    for row, name in zip(rows, expected, strict=False):
        left = found[name]
        color = RED if left < alert.critical else ORANGE if left < alert.warning else GREEN
        assert row["Limit"]["text"] == TITLES[name]
        assert row["Full in"]["text"] == f"{worded(left)}"
        assert row["Full in"]["color"] == PAINTED[color]
    assert rows[0]["Full in"]["color"] == PAINTED[RED]
    assert drawn.panel("host-healthy", "Time until full")["nothing"] == "No limit is filling up"


@pytest.mark.parametrize("name", HOST_PICTURES)
def test_each_bar_has_the_colour_of_its_limit(drawn: Gallery, name: str) -> None:
    """Each limit has a bar with its full name, its used part and its colour, the worst first."""
    fullest: dict[str, LimitState] = {}
    for state in truth(drawn, name).states:
        if state.ratio is not None:
            held = fullest.get(state.limit.title)
            if held is None or held.ratio is None or state.ratio > held.ratio:
                fullest[state.limit.title] = state
    bars = drawn.panel(name, "Limits, the fullest first")["values"]
    order = []

    assert {bar["name"] for bar in bars} == fullest.keys()
    for bar in bars:
        state = fullest[bar["name"]]
        assert state.ratio is not None
        assert bar["color"] == color_of(state), bar["name"]
        assert f"{state.ratio * 100:.1f}%" in bar["text"], bar["name"]
        order.append(([RED, ORANGE, GREEN].index(bar["color"]), -state.ratio))
    assert order == sorted(order)


def test_a_limit_near_its_threshold_is_not_green(drawn: Gallery) -> None:
    """The full host has red bars and an orange one, the healthy one has green ones only."""
    full, healthy = (
        {bar["color"] for bar in drawn.panel(name, "Limits, the fullest first")["values"]}
        for name in ("host-full", "host-healthy")
    )

    assert full == {RED, ORANGE, GREEN}
    assert healthy == {GREEN}


def test_a_dead_control_path_is_seen(drawn: Gallery) -> None:
    """Both that answer nobody are among the alerts, and their requests are drawn as failed."""
    alerts = texts(table(drawn.panel("host-dead", "Active alerts")), "Alert")
    failed = drawn.panel("host-dead", "Control path: requests that failed")

    assert {"XenwatchXenstoredUnresponsive", "XenwatchXapiUnresponsive"} <= set(alerts)
    assert {"xenstored", "xapi", "critical"} <= set(failed["legend"])


@pytest.mark.parametrize("name", HOST_PICTURES)
def test_units_are_seen(drawn: Gallery, name: str) -> None:
    """Memory is in bytes, times are in seconds, parts are in percent."""
    memory = drawn.panel(name, "dom0's memory")
    probes = table(drawn.panel(name, "Probes"))

    assert memory["nothing"] == ""
    assert all(text.endswith((" ms", " s", " µs")) for text in texts(probes, "Time"))
    assert {row["State"]["text"] for row in probes} <= {"ok", "fails"}


def test_a_domid_is_no_rate(drawn: Gallery) -> None:
    """A domid is shown as it is, without a unit."""
    rows = table(drawn.panel("host-healthy", "VMs nearest to a limit of their own"))

    assert all(text.isdigit() for text in texts(rows, "domid"))
    assert all(text.endswith("%") for text in texts(rows, "Used"))


def test_the_vm_is_chosen_by_its_name(drawn: Gallery) -> None:
    """The VM's dashboard finds by the name what has the label `domid`, and shows who it is."""
    (row,) = table(drawn.panel("vm-healthy", "This VM"))
    snapshot = truth(drawn, "vm-healthy").snapshot
    assert snapshot.domains is not None
    (domain,) = (one for one in snapshot.domains.domains if one.name == b"db-0009")

    assert row["Name"]["text"] == "db-0009"
    assert row["domid"]["text"] == str(domain.domid)
    assert row["UUID"]["text"] == str(domain.uuid)
    assert row["Disks"]["text"] == "3"


def test_bars_of_a_vm_are_its_own_limits_and_its_shares(drawn: Gallery) -> None:
    """A limit of its own has the colour of its threshold; a part of what all share is blue."""
    snapshot = truth(drawn, "vm-healthy").snapshot
    assert snapshot.domains is not None
    (domid,) = (one.domid for one in snapshot.domains.domains if one.name == b"db-0009")
    own = {
        state.limit.title: state
        for state in truth(drawn, "vm-healthy").states
        if state.limit.label == "domid" and state.instance == str(domid) and state.ratio is not None
    }
    bars = drawn.panel("vm-healthy", "Share of every limit")["values"]

    assert {bar["name"] for bar in bars if bar["color"] != BLUE} == own.keys()
    for bar in bars:
        assert bar["name"].endswith(" (of all)") == (bar["color"] == BLUE)
        if bar["color"] != BLUE:
            assert bar["color"] == color_of(own[bar["name"]])
    (memory,) = (s for s in truth(drawn, "vm-healthy").states if s.limit.name == "host_memory")
    (domain,) = (one for one in snapshot.domains.domains if one.domid == domid)
    assert memory.max is not None
    assert domain.memory_bytes is not None
    (share,) = (bar for bar in bars if bar["name"] == f"{memory.limit.title} (of all)")
    assert f"{domain.memory_bytes / memory.max.value * 100:.1f}%" in share["text"]


def test_the_pool_counts_each_host_once(drawn: Gallery) -> None:
    """The pool's hosts are counted by state, those that are down or gone included."""
    found = {each["name"]: each for each in drawn.panel(POOL, "Hosts by state")["values"]}
    counts = {name: int(each["text"].removeprefix(name)) for name, each in found.items()}

    assert counts["Down"] == KINDS["down"] + KINDS["gone"]
    assert counts["Stale"] == KINDS["stale"]
    assert counts["Maintenance"] == KINDS["maintained"]
    assert counts["Critical"] == KINDS["dead"] + KINDS["full"]
    assert sum(counts.values()) == HOSTS


def test_the_worst_hosts_of_the_pool_come_first(drawn: Gallery) -> None:
    """Hosts that are down are at the top of the list, then stale ones, then critical ones."""
    rows = table(drawn.panel(POOL, "Hosts, the worst first"))
    states = texts(rows, "State")
    order = ["Down", "Stale", "Critical", "Warning", "Unknown", "Maintenance", "OK"]

    assert states == sorted(states, key=order.index)
    assert states.count("Down") == KINDS["down"] + KINDS["gone"]
    for row in rows:
        if row["State"]["text"] == "Down":
            assert row["State"]["background"] == PAINTED[DARK_RED]
            assert row["VMs left"]["text"] == ""
            assert row["Last read"]["text"] == "10 mins"


def test_the_pool_says_what_binds(drawn: Gallery) -> None:
    """What stops the next VM is counted over the hosts, by the limit's full name."""
    rows = table(drawn.panel(POOL, "What stops the next VM"))
    full = [row for row in rows if row["Limit"]["text"] == TITLES["aio_requests"]]
    shown = {row["Fewest left"]["color"] for row in full if row["Fewest left"]["text"] == "0"}

    assert sum(int(row["Hosts"]["text"]) for row in full) >= KINDS["full"]
    assert shown == {PAINTED[RED]}


def test_the_pool_says_where_nothing_fits(drawn: Gallery) -> None:
    """Hosts without room are counted, and come first in the list of the least room."""
    counted = texts(table(drawn.panel(POOL, "Room for VMs")), "Full hosts")
    least = texts(table(drawn.panel(POOL, "Least room")), "VMs left")

    assert set(counted) == {str(KINDS["full"])}
    assert set(least) == {"0"}


def now(drawn: Gallery, title: str) -> list[dict[str, Any]]:
    """What the first query of a panel of the healthy host finds at the end."""
    (panel,) = (each for each in panels_of(BOARDS["xenwatch-host"]) if each["title"] == title)
    values = {"job": JOB, "instance": address("healthy"), "__rate_interval": "4m"}
    return ask(drawn.addresses["hosts"], fill(expressions(panel)[0], values), END)


def test_the_time_of_a_request_is_what_was_played(drawn: Gallery) -> None:
    """Requests that are played to wait for 3 ms take 3 ms."""
    times = [float(series["value"][1]) for series in now(drawn, "Storage: time of a request")]

    assert any(time == pytest.approx(0.003, rel=0.01) for time in times), times


def test_idle_time_is_no_work(drawn: Gallery) -> None:
    """dom0's CPUs are drawn by what they did: idle time is what is left above the lines."""
    modes = {series["metric"]["mode"] for series in now(drawn, "dom0's CPUs")}

    assert {"user", "system", "steal"} <= modes
    assert "idle" not in modes


@pytest.mark.parametrize("name", HOST_PICTURES)
def test_parts_of_the_host_are_green_where_they_are_in_order(drawn: Gallery, name: str) -> None:
    """Each part has its state in words and colour, and certificates say when they expire."""
    rows = table(drawn.panel(name, "Parts of the host, the worst first"))

    for row in rows:
        color = {"ok": GREEN, "not ok": RED}.get(row["State"]["text"], ORANGE)
        assert row["State"]["background"] == PAINTED[color]
        assert bool(row["Expires in"]["text"]) == (row["Part"]["text"] == "certificate")
    assert {"clock of dom0", "certificate"} <= set(texts(rows, "Part"))
    assert set(texts(rows, "State")) == {"ok"}
