"""The status page as a document: what is on it, in which order, and that names stay text."""

from __future__ import annotations

import dataclasses
import functools
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.page.sample import IMAGE
from tests.page.test_charts import HALF
from tests.page.test_html import Reader
from tests.status.test_host_status import of
from tests.support import full_snapshot
from xenwatch import page
from xenwatch.alerts.maintenance import Maintenance
from xenwatch.page import domains
from xenwatch.page.document import Links
from xenwatch.page.domains import Query
from xenwatch.status import order
from xenwatch.status.domain_row import DomainRow
from xenwatch.status.host_status import AlertRow, HostStatus, ShapeRow, foremost
from xenwatch.status.order import fullest

LINKS = Links("/s.css", "/s.js", "/i.svg", {"Metrics": "/metrics"})
FULL = of(full_snapshot())
GUEST = DomainRow(7, "u", "web", "hvm", "running", 1, 1, 1 << 30, 1.0, 1, 1, 7, ())


def rendered(status: HostStatus, words: str = "", **given: str) -> str:
    """The page of a status, for the parameters of a query."""
    query = Query.of({"q": words, **given})
    return page.fill(page.frame(status, {}, 0.0, LINKS), status, query).decode()


def changed(**fields: Any) -> HostStatus:
    """The full status with other values."""
    return dataclasses.replace(FULL, **fields)


def guests(*found: DomainRow) -> HostStatus:
    """The full status with these domains."""
    return changed(domains=found)


def domids(markup: str) -> list[int]:
    """The ids of the domains on a page, in its order."""
    return [int(domid) for domid in re.findall(r'data-name="Id"[^>]*>(\d+)<', markup)]


@pytest.mark.parametrize(("headroom", "big"), [(0, "0"), (3, "≤ 3")])
def test_no_room_is_no_room_at_most(headroom: int, big: str) -> None:
    """A number that what is not counted may lower is a bound; nothing lowers 0."""
    shape = ShapeRow("linux", headroom, headroom, "ptys", (), not_counted=("tasks",))
    markup = rendered(changed(headroom=(shape,)))

    assert f'<span class="big">{big}</span> more fit' in markup
    assert "the next one is stopped by pseudo-terminals" in markup
    assert "ptys stops" not in markup


@pytest.mark.parametrize(("headroom", "full"), [(0, True), (1, False)])
def test_a_full_host_is_red(headroom: int, full: bool) -> None:
    """The card of a shape of which no VM fits is critical, however little of any limit is used."""
    shape = ShapeRow("linux", headroom, headroom, "ptys", ())

    assert ('class="card full critical"' in rendered(changed(headroom=(shape,)))) == full


PLAIN = guests(dataclasses.replace(GUEST, name="web", broken=("vif",)))
TAGS = functools.cache(lambda: [tag for tag, _ in Reader(rendered(PLAIN)).tags])


@settings(deadline=None, max_examples=60)
@given(st.text(), st.text(), st.text())
def test_names_add_no_markup(name: str, device: str, words: str) -> None:
    """Whatever domains, devices and filters are called, the page has the elements it has anyway."""
    odd = guests(dataclasses.replace(GUEST, name=name, broken=(device,)))

    assert [tag for tag, _ in Reader(rendered(odd)).tags] == TAGS()
    assert Reader(rendered(PLAIN, f"web {words}")).text.count("xenwatch 0") == 1


def test_a_name_that_is_markup_is_shown() -> None:
    """A VM called like an image element is found by that name in the text."""
    read = Reader(rendered(guests(dataclasses.replace(GUEST, name=IMAGE))))

    assert IMAGE in read.text
    assert "img" not in {tag for tag, _ in read.tags}


def test_every_limit_of_the_host_is_there() -> None:
    """Each limit has its heading, and where its max comes from."""
    text = Reader(rendered(FULL)).text

    for row in FULL.limits:
        assert row.title in text
        assert (row.max_origin or row.title) in text


def test_what_a_platform_ships_is_no_alert() -> None:
    """It is a sentence below the alerts, and there once."""
    text = Reader(rendered(changed(alerts=(), shipped=("60 QEMUs in cgroup /.",)))).text

    assert text.count("60 QEMUs in cgroup /.") == 1
    assert "No alerts firing." in text


def test_maintenance_is_told_with_the_alerts() -> None:
    """A host in maintenance says so, its reason being text, and the page of another does not."""
    said = Maintenance(0.0, IMAGE)
    text = Reader(rendered(changed(maintenance=said))).text

    assert f"This host is {said}. Alerts notify nobody until then." in text
    assert "in maintenance" not in Reader(rendered(FULL)).text


def test_the_most_pressing_comes_first() -> None:
    """Critical, warning and unknown limits stand before those that are well, fuller ones first."""
    states = (("ok", 0.1), ("ok", 0.7), ("unknown", None), ("warning", 0.8), ("critical", 0.95))
    rows = tuple(
        dataclasses.replace(HALF, limit=str(number), state=state, ratio=ratio)
        for number, (state, ratio) in enumerate(states)
    )

    assert [shown[0].limit for shown, _ in fullest(rows)] == ["4", "3", "2", "1", "0"]


def test_a_thousand_instances_do_not_flood_the_page() -> None:
    """Of many instances the fullest are shown, even of those in trouble only some."""
    rows = [dataclasses.replace(HALF, instance=str(n), ratio=n / 2000) for n in range(1000)]
    worse = [dataclasses.replace(row, state="warning") for row in rows]

    ((shown, others),) = fullest(rows)
    assert ([row.instance for row in shown], others) == (["999", "998"], 998)
    ((shown, others),) = fullest(worse)
    assert (len(shown), others) == (order.MOST, 1000 - order.MOST)


def test_domains_in_trouble_come_first() -> None:
    """Broken ones, then those that do not die, then those that hold the most."""
    found = (
        dataclasses.replace(GUEST, domid=1),
        dataclasses.replace(GUEST, domid=2, event_channels=70),
        dataclasses.replace(GUEST, domid=3, state="dying"),
        dataclasses.replace(GUEST, domid=4, broken=("vif 0: 28",)),
    )

    assert domids(rendered(guests(*found))) == [4, 3, 2, 1]


def test_thousands_of_domains_are_counted_and_some_shown() -> None:
    """The table has so many rows at most and says of how many."""
    found = [dataclasses.replace(GUEST, domid=n) for n in range(3000)]
    markup = rendered(guests(*found))

    assert len(domids(markup)) == domains.SHOWN
    assert f"{domains.SHOWN} of 3000 domains" in markup


def test_one_domain_is_one_domain() -> None:
    """Where there is but dom0, nobody reads of 1 domains."""
    text = Reader(rendered(guests(GUEST))).text

    assert "1 domain" in text
    assert "1 domains" not in text


def test_numbers_stand_below_their_heading() -> None:
    """The heading of a column of numbers is to the right, as the numbers are."""
    markup = rendered(guests(GUEST))

    assert re.search(r'<th [^>]*class="number"[^>]*><a [^>]*>Memory<', markup)
    assert not re.search(r'<th [^>]*class="number"[^>]*><a [^>]*>Type<', markup)


@pytest.mark.parametrize(
    ("words", "expected"),
    [("WEB", [7]), ("8", [8]), ("db dying", [8]), ("web dying", []), ("<b>", [])],
)
def test_domains_are_filtered(words: str, expected: list[int]) -> None:
    """Every word of the filter must be in the name, id, type or state, in any case."""
    other = dataclasses.replace(GUEST, domid=8, name="db", state="dying")
    markup = rendered(guests(GUEST, other), words)

    assert domids(markup) == expected
    assert Reader(markup).text.count("None of 2 domains match.") == (not expected)
    (value,) = [
        dict(attributes)["value"] for tag, attributes in Reader(markup).tags if tag == "input"
    ]
    assert value == words


def test_domains_are_sorted_as_asked() -> None:
    """By a column, numbers from the largest on, unknown ones last; a minus turns it round."""
    found = guests(
        dataclasses.replace(GUEST, domid=1, memory_bytes=1, name="b"),
        dataclasses.replace(GUEST, domid=2, memory_bytes=None, name="A"),
        dataclasses.replace(GUEST, domid=3, memory_bytes=2, name="c"),
    )

    assert domids(rendered(found, sort="memory")) == [3, 1, 2]
    assert domids(rendered(found, sort="-memory")) == [1, 3, 2]
    assert domids(rendered(found, sort="name")) == [2, 1, 3]
    markup = rendered(found, sort="memory")
    assert re.search(r'aria-sort="descending"><a href="/\?sort=-memory#domains">Memory<', markup)


def test_thousands_of_domains_have_pages() -> None:
    """The next domains are a link away, with the same words and order; past the end all begin."""
    found = guests(*(dataclasses.replace(GUEST, domid=n) for n in range(1, 121)))
    first = rendered(found, "web", sort="id")

    assert domids(first) == list(range(1, domains.SHOWN + 1))
    assert 'href="/?q=web&amp;sort=id&amp;from=20#domains">Next 20<' in first
    last = rendered(found, "web", **{"sort": "id", "from": "100"})
    assert domids(last) == list(range(101, 121))
    assert "Next" not in last
    assert domids(rendered(found, "web", **{"sort": "id", "from": "120"})) == domids(first)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.sampled_from(["q", "sort", "from"]), st.text()))
def test_any_query_is_a_page(given_: dict[str, str]) -> None:
    """Whatever is asked, the domains are shown, and the links lead back to the same query."""
    query = Query.of(given_)
    markup = page.fill(page.frame(FULL, {}, 0.0, LINKS), FULL, query).decode()

    assert "Domains" in markup
    parts = dict(parse_qsl(urlsplit(query.href()).query))
    assert Query.of(parts) == dataclasses.replace(query, start=0)


def test_what_is_not_known_of_a_domain_is_said() -> None:
    """A count nobody read is no number, and no list of broken devices is not none."""
    blind = dataclasses.replace(GUEST, disks=None, vifs=None, event_channels=None, broken=None)
    row = rendered(guests(blind))

    assert row.count('<span class="unknown">unknown</span>') == 4
    assert "The domains could not be read." in rendered(changed(domains=None))


def alert(severity: str, state: str = "firing", **labels: str) -> AlertRow:
    """An alert of that severity."""
    return AlertRow("XenwatchX", labels, severity, state, "it <is> full", 0.0, "https://x/X.md")


def test_alerts_are_shown_with_their_runbook() -> None:
    """An alert has its summary, its time and a link to the runbook."""
    markup = rendered(changed(alerts=(alert("warning"),)))

    assert "it <is> full" in Reader(markup).text
    assert '<a href="https://x/X.md">XenwatchX</a>' in markup
    own = dataclasses.replace(alert("warning"), runbook_url="/runbooks/X.md")
    assert '<a href="/runbooks/X.md">XenwatchX</a>' in rendered(changed(alerts=(own,)))
    assert 'datetime="1970-01-01T00:00:00Z"' in markup


@pytest.mark.parametrize("place", ["", "javascript:alert(1)//", "file:///X.md"])
def test_a_runbook_that_is_no_page_is_no_link(place: str) -> None:
    """Only addresses of this daemon, and http and https ones, become links."""
    markup = rendered(changed(alerts=(dataclasses.replace(alert("warning"), runbook_url=place),)))

    assert "<span>XenwatchX</span>" in markup


def test_a_warning_gives_way_to_the_critical_one() -> None:
    """Of the same series only the critical alert is shown once that fires."""
    critical, warning = alert("critical", a="1"), alert("warning", a="1")
    other, pending = alert("warning", a="2"), alert("critical", "pending", a="2")

    assert foremost([critical, warning, other, pending]) == [critical, other]
    assert foremost([warning, alert("warning", "pending", a="3"), pending]) == [
        warning,
        alert("warning", "pending", a="3"),
        pending,
    ]


def test_an_alert_is_one_row() -> None:
    """Series of one alert are a row with the highest severity, the others folded."""
    found = (alert("warning", a="1"), alert("critical", a="2"), alert("warning", "pending", a="3"))
    markup = rendered(changed(alerts=found))
    (listed,) = re.findall(r'<ul class="plain alerts">(.*?)</section>', markup, re.DOTALL)

    assert listed.startswith('<li><span class="badge critical">critical</span>')
    assert listed.count("badge") == 1
    assert "2 more" in Reader(listed).text


@pytest.mark.parametrize("severity", ["warning", "critical"])
def test_pending_looks_like_nothing_unknown(severity: str) -> None:
    """What is pending has the severity it will have, and a look of its own."""
    markup = rendered(changed(alerts=(alert(severity, "pending"),), alerts_unknown=()))

    assert f'<span class="badge {severity} pending">{severity} pending</span>' in markup


def test_pending_severities_of_one_series_are_one_row() -> None:
    """Critical and warning pending are the critical one; a firing warning names the critical."""
    both = (alert("critical", "pending"), alert("warning", "pending"))
    firing = (alert("critical", "pending"), alert("warning"))

    assert rendered(changed(alerts=both)).count('class="badge critical pending"') == 1
    assert 'class="badge warning' not in rendered(changed(alerts=both))
    text = Reader(rendered(changed(alerts=firing))).text
    assert "firing since 1970-01-01 00:00:00 UTC, critical pending since 1970" in text


def test_the_remedy_has_its_number() -> None:
    """The alert of a limit has the command that raises it, with what it gives."""
    full = dataclasses.replace(
        HALF,
        limit="ptys",
        state="critical",
        max=4095,
        remedies=("sysctl -w x=8191",),
        remedy_max=8190,
    )
    near = dataclasses.replace(alert("critical"), alert="XenwatchPtysNearLimit")
    text = Reader(rendered(changed(limits=(full,), alerts=(near,)))).text

    assert "To raise the max from 4,095 to 8,190:sysctl -w x=8191" in text
    assert "Begin with" in Reader(rendered(changed(limits=(), alerts=(near,)))).text


def test_a_vm_in_an_alert_is_a_link() -> None:
    """A VM that is here leads to its page, one that is gone is named with its UUID."""
    told = dataclasses.replace(
        alert("warning", name="web", uuid="u-1"), summary="VM 'web' (u-1) is broken"
    )
    here = dataclasses.replace(GUEST, uuid="u-1")

    markup = rendered(changed(domains=(here,), alerts=(told,)))
    assert 'VM </bdi><a href="/vm/u-1"><bdi>web</bdi></a><bdi> is broken' in markup
    assert "VM 'web' (u-1) is broken" in Reader(rendered(changed(domains=(), alerts=(told,)))).text


def test_an_instance_is_named_by_its_vm() -> None:
    """A limit of a domain says the VM's name, not the number alone."""
    row = dataclasses.replace(HALF, label="domid", instance="7", state="critical")

    text = Reader(rendered(changed(domains=(GUEST,), limits=(row,)))).text
    assert "VM web (domain 7): 1,000 of 2,000 used" in text
    assert "domain 7: 1,000" in Reader(rendered(changed(domains=(), limits=(row,)))).text


@pytest.mark.parametrize(
    ("alerts", "unknown", "words"),
    [
        (None, (), "Alerts are not evaluated"),
        ((), (), "No alerts firing."),
        ((), ("ptys_near_limit", "b"), "Cannot be read: 2 alerts"),
    ],
)
def test_silence_is_told_from_ignorance(alerts: Any, unknown: Any, words: str) -> None:
    """No alerts, alerts that are off and alerts nobody can judge are three different things."""
    assert words in Reader(rendered(changed(alerts=alerts, alerts_unknown=unknown))).text


@pytest.mark.parametrize(
    ("limit_state", "alert_severity", "expected"),
    [("ok", None, "ok"), ("unknown", None, "unknown"), ("ok", "critical", "critical")],
)
def test_the_title_says_the_worst(
    limit_state: str, alert_severity: str | None, expected: str
) -> None:
    """The title begins with the worst state of limits and alerts that fire."""
    alerts = (alert(alert_severity),) if alert_severity else ()
    rows = (HALF, dataclasses.replace(HALF, state=limit_state))

    assert f"<title>{expected}: " in rendered(changed(limits=rows, alerts=alerts))


def test_an_empty_status_is_a_page() -> None:
    """Before anything was read the page says so, and its title that nothing is known."""
    nothing = changed(limits=(), domains=None, probes={}, host="", headroom=(), alerts=())
    markup = rendered(nothing)

    assert "<title>unknown: " in markup
    assert "No limits read yet." in markup


def test_failed_probes_show_the_advice() -> None:
    """A probe that fails is told of with reason and advice, in the one row of what is unread."""
    failed = dataclasses.replace(
        FULL.probes["aio"], status="failed", detail="no \x1b access", advice="mount procfs"
    )
    text = Reader(rendered(changed(probes={**FULL.probes, "aio": failed}))).text

    assert "Cannot be read: 1 probe" in text
    assert f"1 of {len(FULL.probes)} probes failed" in text
    assert r"no \x1b access" in text
    assert "Next step: mount procfs" in text
