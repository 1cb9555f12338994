"""The dashboards as generated, and what tests ask of their panels."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from xenwatch.config.settings import Settings
from xenwatch.generate.dashboards import dashboard_files
from xenwatch.metrics import METRICS

POLICY: Final = Settings().alerts()
BOARDS: Final[Mapping[str, Any]] = {
    Path(name).stem: json.loads(text) for name, text in dashboard_files(POLICY).items()
}
PREFIX: Final = re.compile(r"[a-z_:]*(?:xenwatch_|\bup\b)[a-z_0-9:]*")


def panels_of(board: Any) -> Iterator[Any]:
    """The panels of a dashboard that ask something."""
    return (panel for panel in board["panels"] if panel["type"] != "row")


def every_panel() -> Iterator[tuple[str, Any]]:
    """Each panel that asks something, with the name of its board."""
    return ((name, panel) for name, board in BOARDS.items() for panel in panels_of(board))


def expressions(panel: Any) -> list[str]:
    """The queries of a panel."""
    return [target["expr"] for target in panel["targets"]]


def selectors(expression: str) -> list[str]:
    """What stands in the braces of an expression."""
    plain = re.sub(r"\$\{(\w+)\}", r"$\1", expression)
    return re.findall(r"\{([^{}]*)\}", plain)


def patterns(expression: str) -> Iterator[re.Pattern[str]]:
    """The patterns by which an expression names metrics; a variable may be anything."""
    for selector in selectors(expression):
        for text in re.findall(r'__name__=~?"([^"]*)"', selector):
            yield re.compile(re.sub(r"\(?\$\w+?(?=_|\)|$)\)?", ".+", text))


def metrics_of(expression: str) -> set[str]:
    """The declared metrics an expression asks for, by name or by a pattern."""
    plain = re.sub(r'"[^"]*"', "", expression)
    words = set(PREFIX.findall(plain))
    found = {
        metric.name
        for metric in METRICS
        if words & {metric.name, *(f"{metric.name}_{end}" for end in ("bucket", "count", "sum"))}
    }
    by_name = list(patterns(expression))
    return found | {m.name for m in METRICS if any(p.fullmatch(m.name) for p in by_name)}


def overrides(panel: Any) -> Mapping[str, Mapping[str, Any]]:
    """What is set for the fields of a panel, by their name."""
    return {
        override["matcher"]["options"]: {
            each["id"]: each["value"] for each in override["properties"]
        }
        for override in panel["fieldConfig"]["overrides"]
    }


def columns(panel: Any) -> Mapping[str, str]:
    """The expressions of a table by the heading of their column."""
    (organized,) = (
        step["options"]["renameByName"]
        for step in panel["transformations"]
        if step["id"] == "organize"
    )
    one = len(panel["targets"]) == 1
    return {
        organized["Value" if one else f"Value #{target['refId']}"]: target["expr"]
        for target in panel["targets"]
    }


def links(panel: Any) -> list[str]:
    """The addresses a panel links to, from its corner and from its values."""
    found = [*panel.get("links", ()), *panel["fieldConfig"]["defaults"].get("links", ())]
    for properties in overrides(panel).values():
        found += properties.get("links", ())
    return [link["url"] for link in found]
