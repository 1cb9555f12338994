"""The queries of the shipped dashboards as Grafana asks them, with their variables filled."""

from __future__ import annotations

import functools
import itertools
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.e2e.programs import ROOT, get

FILES: Final = sorted((ROOT / "grafana/dashboards").glob("*.json"))
LABELS: Final = re.compile(r"label_values\((.*), (\w+)\)")
RESULT: Final = re.compile(r"query_result\((.*)\)")
SEVERAL: Final[Mapping[str, tuple[str, ...]]] = {
    "limit": ("event_channels", "file_system", "grant_frames"),
    "metric": (
        "xenwatch_dom0_vcpus",
        "xenwatch_dom0_oom_kills_total",
        "xenwatch_vm_start_seconds",
        "xenwatch_domain_vcpus",
        "xenwatch_qemu_wakeups_total",
    ),
}
"""Values that are tried for variables on which the unit or the kind of a metric depends."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of one panel, its variables filled."""

    board: str
    title: str
    ref: str
    expression: str


def fill(text: str, values: Mapping[str, str]) -> str:
    """A text with its variables replaced; one without a value is an error, a `$1` is PromQL's."""
    return re.sub(r"\$\{(\w+)\}|\$([a-z_]\w*)", lambda found: values[found[1] or found[2]], text)


def ask(prometheus: str, expression: str, time: float | None = None) -> list[dict[str, Any]]:
    """The result of an instant query."""
    query = {"query": expression} | ({} if time is None else {"time": f"{time}"})
    url = f"{prometheus}/api/v1/query?{urllib.parse.urlencode(query)}"
    found: list[dict[str, Any]] = get(url)["data"]["result"]
    return found


def _options(
    prometheus: str, variable: Mapping[str, Any], values: Mapping[str, str], time: float | None
) -> list[str]:
    """The values a variable can have, in order."""
    query = fill(variable["query"], values)
    if labels := LABELS.fullmatch(query):
        found = ask(prometheus, labels[1], time)
        return sorted({series["metric"][labels[2]] for series in found})
    result = RESULT.fullmatch(query)
    assert result, query
    regex = re.compile(variable["regex"].strip("/").replace("(?<", "(?P<"))
    written = [
        "{" + ",".join(f'{name}="{text}"' for name, text in sorted(series["metric"].items())) + "}"
        for series in ask(prometheus, result[1], time)
    ]
    matches = [match for match in map(regex.search, written) if match]
    return [match.groupdict().get("value", match[1]) for match in matches]


def chosen(
    prometheus: str, board: Mapping[str, Any], instance: str, time: float | None = None
) -> Iterator[dict[str, str]]:
    """What Grafana puts in place of the variables of a dashboard, for several choices."""
    variables = [each for each in board["templating"]["list"] if each["type"] == "query"]

    def after(values: dict[str, str], rest: list[Any]) -> Iterator[dict[str, str]]:
        if not rest:
            yield values
            return
        variable, *others = rest
        name = variable["name"]
        for value in _choices(name, variable, values):
            yield from after({**values, name: value}, others)

    def _choices(name: str, variable: Mapping[str, Any], values: dict[str, str]) -> Iterable[str]:
        if name == "instance" and not variable.get("multi"):
            return [instance]
        if name in SEVERAL:
            return SEVERAL[name]
        found = _options(prometheus, variable, values, time)
        if variable.get("includeAll"):
            escaped = "|".join(re.escape(value) for value in found).replace("\\", "\\\\")
            return [variable.get("allValue") or f"({escaped})"]
        return found if name == "vm" else found[:1]

    # Four scrapes of a second and more, as Grafana has it.
    yield from after({"__rate_interval": "5s", "__range": "300s"}, variables)


def queries(
    prometheus: str, file: Path, instance: str, time: float | None = None
) -> Iterator[list[Asked]]:
    """Every query of a dashboard with that host chosen; again for other values of variables."""
    board = json.loads(file.read_text())
    for values in chosen(prometheus, board, instance, time):
        yield [
            Asked(file.stem, panel["title"], target["refId"], fill(target["expr"], values))
            for panel in board["panels"]
            for target in panel.get("targets", ())
        ]


def shown(found: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a query has found a value there is a line or a cell for."""
    return any(result["value"][1] != "NaN" for result in found)


def shows(
    prometheus: str, instances: Iterable[str], time: float | None = None
) -> Mapping[tuple[str, str, str], bool]:
    """Whether each query of each panel, by board and title, shows something on one of the hosts."""
    found: dict[tuple[str, str, str], bool] = {}
    # Most queries are the same whatever is chosen.
    something = functools.cache(lambda expression: shown(ask(prometheus, expression, time)))
    for instance, file in itertools.product(list(instances), FILES):
        for asked in queries(prometheus, file, instance, time):
            for query in asked:
                key = (query.board, query.title, query.ref)
                if not found.get(key):
                    found[key] = something(query.expression)
    return found
