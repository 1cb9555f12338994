"""What a dashboard must not do, whatever it shows: a linter for all panels.

Its rules are those of Grafana's dashboard-linter, and some for mistakes that it does not know.
"""

from __future__ import annotations

import itertools
import json
import re
import urllib.parse
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.generate.boards import (
    BOARDS,
    columns,
    every_panel,
    expressions,
    links,
    metrics_of,
    overrides,
    panels_of,
    selectors,
)
from tests.rules.test_rules import promtool
from xenwatch.generate.rules import HOST_RECORDS, RECORDS
from xenwatch.metrics import METRICS

MAX_PANELS: Final = 60
SOURCE: Final = {"type": "prometheus", "uid": "$datasource"}
UNITS: Final = {
    "none", "short", "string", "percentunit", "s", "bytes", "Bps", "cps", "pps", "reqps",
}  # fmt: skip
"""Units of Grafana (grafana-data, valueFormats/categories.ts) that panels may have."""
OF_UNITS: Final = {
    r"rate\(xenwatch_\w+_bytes_total": "Bps",
    r"rate\(xenwatch_\w+_seconds_total": "percentunit",
    r"rate\(xenwatch_\w+_packets_total": "pps",
    r"rate\(xenwatch_\w+_requests_total": "reqps",
    r"(?<!rate\()xenwatch_(?!uplink_speed)\w+_bytes\{": "bytes",
    r"(?<!rate\()xenwatch_\w+_seconds\{": "s",
    r"(?<!rate\()xenwatch_\w+_ratio\{": "percentunit",
}
"""The unit of a value by what it is read from."""
LESS_IS_WORSE: Final = re.compile(
    r"xenwatch_(limit_)?vm_headroom|xenwatch_limit_seconds_to_full|_not_after_timestamp_seconds"
)
GOOD, BAD = "green", {"red", "dark-red"}
EVERY: Final = list(every_panel())


def each_panel(check: Callable[[str, Any], None]) -> Callable[[str], None]:
    """A test of a board from a check of each of its panels; what fails names the panel."""

    def test(board: str) -> None:
        for panel in panels_of(BOARDS[board]):
            try:
                check(board, panel)
            except AssertionError as error:
                error.add_note(f"{board}: {panel['title']}")
                raise

    test.__doc__ = check.__doc__
    parametrized: Callable[[str], None] = pytest.mark.parametrize("board", BOARDS)(test)
    return parametrized


def test_there_are_not_too_many_panels() -> None:
    """All boards together have at most sixty panels: nobody looks at more."""
    assert len(EVERY) <= MAX_PANELS


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_lets_choose_source_job_and_host(name: str) -> None:
    """The data source, the job and the host are variables, asked again with the time shown."""
    variables = {variable["name"]: variable for variable in BOARDS[name]["templating"]["list"]}

    assert variables["datasource"]["query"] == "prometheus"
    asked = {key: found for key, found in variables.items() if key != "datasource"}
    assert asked.keys() >= {"job", "instance"}
    assert {key for key, found in asked.items() if found["refresh"] != 2} == set()
    assert {key for key, found in asked.items() if found["datasource"] != SOURCE} == set()


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_says_what_it_is(name: str) -> None:
    """A board has a description, is read-only, and draws the alerts over time."""
    board = BOARDS[name]
    (alerts,) = board["annotations"]["list"]

    assert board["description"].endswith(".")
    assert board["editable"] is False
    assert alerts["enable"]
    assert alerts["datasource"] == SOURCE
    assert re.search('alertstate=~?"firing"', alerts["expr"])
    assert alerts["titleFormat"] == "{{alertname}}"


@pytest.mark.parametrize("name", BOARDS)
def test_titles_are_unique(name: str) -> None:
    """No two panels or rows of a board have one title."""
    titles = Counter((panel["type"] == "row", panel["title"]) for panel in BOARDS[name]["panels"])

    assert {title for title, count in titles.items() if count > 1} == set()


@each_panel
def test_a_panel_says_what_it_is(name: str, panel: Any) -> None:
    """A panel has a title, a description in sentences, and words for when there is nothing."""
    assert panel["title"].strip()
    assert len(panel["description"]) > len(panel["title"])
    assert panel["description"].endswith(".")
    assert len(panel["fieldConfig"]["defaults"]["noValue"]) > 10


@each_panel
def test_a_panel_asks_the_chosen_source(name: str, panel: Any) -> None:
    """A panel has queries, all of the data source that is a variable."""
    assert panel["datasource"] == SOURCE
    assert panel["targets"]
    assert all(target.get("datasource", SOURCE) == SOURCE for target in panel["targets"])


@each_panel
def test_every_selector_is_of_the_chosen_job_and_host(name: str, panel: Any) -> None:
    """Nothing of another job or another host gets into a panel."""
    one = 'instance="$instance"'
    for expression in expressions(panel):
        found = selectors(expression)
        assert found
        for selector in found:
            assert 'job=~"$job"' in selector
            assert one in selector or (name == "xenwatch-pool" and 'instance=~"$in' in selector)
            # A VM that is gone has no domid, and no label is what is empty.
            assert 'domid=~"$domid"' not in selector or 'domid!=""' in selector


@each_panel
def test_rates_are_over_what_grafana_says(name: str, panel: Any) -> None:
    """A rate is over `$__rate_interval`, whatever the scrape interval is."""
    for expression in expressions(panel):
        assert set(re.findall(r"\[([^\]]*)\]", expression)) <= {"$__rate_interval", "$__range"}
        assert "[$__range]" not in re.sub(r"last_over_time\([^()]*\)", "", expression)
        for name_of in re.findall(r"(\w+_total)\b\{", expression):
            assert re.search(rf"(?:rate|increase)\({name_of}\{{", expression), name_of


@each_panel
def test_units_are_those_of_the_metric(name: str, panel: Any) -> None:
    """Every number has a unit, and bytes are bytes: the unit follows from the metric."""
    default = panel["fieldConfig"]["defaults"]["unit"]
    assert default in UNITS
    if panel["type"] == "table":
        fields = overrides(panel)
        found = [(fields[title]["unit"], text) for title, text in columns(panel).items()]
    else:
        assert default != "string"
        found = [(default, expression) for expression in expressions(panel)]
    for unit, expression in found:
        assert unit in UNITS
        plain = re.sub(r"on \([^)]*\).*|and on .*|count .*|time\(\) - .*", "", expression)
        if not re.search(r" [/*] |state|histogram", plain):
            expected = {right for text, right in OF_UNITS.items() if re.search(text, plain)}
            assert expected <= {unit}, expression


def colored(panel: Any) -> list[tuple[str, Any]]:
    """The thresholds of a panel with the expressions they are for."""
    asked = " ".join(expressions(panel))
    found = [(asked, panel["fieldConfig"]["defaults"].get("thresholds"))]
    titles = columns(panel) if panel["type"] == "table" else {}
    found += [
        (titles.get(title, asked), properties.get("thresholds"))
        for title, properties in overrides(panel).items()
    ]
    return [(expression, thresholds) for expression, thresholds in found if thresholds]


@each_panel
def test_thresholds_have_the_right_direction(name: str, panel: Any) -> None:
    """Where little is left it is red below, elsewhere above; never by Grafana's default of 80."""
    for expression, thresholds in colored(panel):
        steps = thresholds["steps"]
        colors = [step["color"] for step in steps]
        values = [step["value"] for step in steps[1:]]
        assert steps[0]["value"] is None
        assert values == sorted(set(values))
        if len(steps) > 1 and "count" not in expression:
            assert bool(LESS_IS_WORSE.search(expression)) == (colors[-1] == GOOD), expression
            assert (colors[0] == GOOD) != (colors[-1] == GOOD)
    if panel["type"] in {"stat", "bargauge"}:
        defaults = panel["fieldConfig"]["defaults"]
        fixed = all(
            "color" in found or "thresholds" in found for found in overrides(panel).values()
        )
        assert "thresholds" in defaults or "mappings" in defaults or fixed


@each_panel
def test_a_column_with_colours_has_its_own_thresholds(name: str, panel: Any) -> None:
    """No cell is coloured by a default: it has thresholds, words with colours, or one colour."""
    for title, properties in overrides(panel).items():
        if "custom.cellOptions" in properties:
            kind = properties["custom.cellOptions"]["type"]
            wanted = {"color-background": "mappings", "color-text": "thresholds", "gauge": "color"}
            assert wanted[kind] in properties, title


@each_panel
def test_legends_name_the_series(name: str, panel: Any) -> None:
    """Every line and bar has a legend that is not left to Grafana."""
    if panel["type"] != "table":
        for target in panel["targets"]:
            assert target["legendFormat"] not in {"", "__auto"}
        names = [target["legendFormat"] for target in panel["targets"]]
        plain = [legend for legend in names if "{{" not in legend]
        assert len(set(plain)) == len(plain)


@each_panel
def test_a_range_is_ranked_once(name: str, panel: Any) -> None:
    """`topk` over time is of the end, or each step would have its own: a legend of all of them."""
    for target in panel["targets"]:
        if not target.get("instant"):
            for found in re.finditer(r"\b(?:topk|bottomk|sort_desc)\b", target["expr"]):
                rest = target["expr"][found.end() :]
                assert "@ end()" in rest


MANY: Final = {"domid", "device", "uuid", "name", "order", "cpu"}


@each_panel
def test_what_can_be_many_is_ranked_and_limited(name: str, panel: Any) -> None:
    """What has a series for each VM, device or CPU is summed up, limited, or of one VM."""
    labels = {metric.name: set(metric.labels) for metric in METRICS}
    if name == "xenwatch-domains":
        return
    for expression in expressions(panel):
        many = {m for m in metrics_of(expression) if labels[m] & MANY}
        if many and '__name__="$metric"' not in expression:
            limited = re.search(
                r"topk|bottomk|(?:sum|max|min|count)(?: by \([^)]*\))? ?\(", expression
            )
            assert limited, (expression, many)


@each_panel
def test_a_table_is_sorted(name: str, panel: Any) -> None:
    """A table of several rows is sorted by one of its columns."""
    if panel["type"] == "table":
        titles = {*columns(panel), *panel["transformations"][1]["options"]["renameByName"].values()}
        sorts = [step for step in panel["transformations"] if step["id"] == "sortBy"]
        keys = {key["field"] for step in sorts for key in step["options"]["sort"]}
        assert sorts or panel["title"] in {"This VM", "This dom0"}
        assert keys <= titles


@each_panel
def test_a_click_leads_on(name: str, panel: Any) -> None:
    """Each panel links to something, and what is a dashboard exists, with what it needs."""
    found = links(panel)
    assert found
    for url in found:
        if not url.startswith("http"):
            parts = urllib.parse.urlsplit(url)
            target = Path(parts.path).name
            variables = {each["name"] for each in BOARDS[target]["templating"]["list"]}
            given = set(re.findall(r"var-(\w+)=|\$\{(\w+):queryparam\}", parts.query))
            assert {one or other for one, other in given} <= variables
            assert "${__url_time_range}" in parts.query


def test_the_way_down_is_pool_host_vm() -> None:
    """A click in the pool leads to a host, and one on the host to a VM, each as the chosen one."""
    to_host = [url for name, panel in EVERY if name == "xenwatch-pool" for url in links(panel)]
    to_vm = [url for name, panel in EVERY if name == "xenwatch-host" for url in links(panel)]

    assert [url for url in to_host if "/xenwatch-host?var-instance=${__value.raw" in url]
    assert [url for url in to_vm if "/xenwatch-domains?var-vm=${__" in url]


def test_no_panel_needs_the_rules() -> None:
    """Panels ask for what the daemons export: without the recording rules none is empty."""
    text = json.dumps(BOARDS)

    assert [name for name in (*RECORDS, *HOST_RECORDS) if name in text] == []


def test_every_query_is_promql(tmp_path: Path) -> None:
    """Prometheus's own parser takes every query, its variables filled."""
    filled = [
        re.sub(
            r"\$__(?:rate_interval|range)", "5m", re.sub(r"\$\{?(?!__)(\w+)\}?", "x", expression)
        )
        for expression in itertools.chain(
            *(expressions(panel) for _, panel in EVERY),
            ([board["annotations"]["list"][0]["expr"] for board in BOARDS.values()]),
        )
    ]
    rules = [{"record": f"x:{number}", "expr": text} for number, text in enumerate(filled)]
    file = tmp_path / "rules.json"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "all", "rules": rules}]}))

    checked = promtool("check", "rules", str(file))
    assert checked.returncode == 0, checked.stderr + checked.stdout


@pytest.mark.parametrize("name", BOARDS)
def test_rows_have_panels(name: str) -> None:
    """No row is empty, and none hides its panels."""
    panels = sorted(BOARDS[name]["panels"], key=lambda panel: panel["gridPos"]["y"])

    for row, following in itertools.pairwise(panels):
        assert not (row["type"] == "row" and following["type"] == "row")
    assert panels[-1]["type"] != "row"
    assert not [row for row in panels if row["type"] == "row" and row.get("collapsed")]
    assert len(list(panels_of(BOARDS[name]))) >= 10
