"""Tables: a row for each set of labels, a column for each query, ranked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Final

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from xenwatch.generate.dashboards.panels import (
    BLUE,
    Link,
    Query,
    Style,
    Subject,
    fixed,
    refs,
    steps,
)
from xenwatch.values import dataclass

TEXT: Final = "string"
"""The unit of what is no number, also where it looks like one, as a domid does."""


@dataclass(frozen=True, slots=True)
class Label:
    """A column with a label: its heading, and what is written for its values.

    `colored` says that the words have colours, which fill the cell; `hidden` that links need the
    label and nobody else. `width` is in pixels, 0 for what is left.
    """

    title: str
    words: Sequence[models.ValueMapping] = ()
    link: Link | None = None
    colored: bool = False
    hidden: bool = False
    width: int = 0

    def properties(self) -> Iterator[DynamicConfigValue]:
        """How Grafana shows the column."""
        yield DynamicConfigValue("noValue", "")
        if self.words:
            yield DynamicConfigValue("mappings", list(self.words))
        if self.link:
            yield DynamicConfigValue("links", [self.link.value()])
        if self.colored:
            yield _cell("color-background", mode="basic")
        if self.hidden:
            yield DynamicConfigValue("custom.hidden", value=True)
        if self.width:
            yield DynamicConfigValue("custom.width", self.width)


@dataclass(frozen=True, slots=True)
class Column:
    """A column with the values of a query.

    `colors` are those of values, in the cell's text or, where `words` are written for the values,
    behind it. `bar` says that it is a bar from 0 to 1.
    """

    title: str
    expression: str
    unit: str = "none"
    decimals: int | None = None
    colors: ThresholdsConfig | None = None
    words: Sequence[models.ValueMapping] = ()
    bar: bool = False
    unknown: str = ""
    hidden: bool = False
    width: int = 0

    def properties(self) -> Iterator[DynamicConfigValue]:
        """How Grafana shows the column."""
        yield DynamicConfigValue("unit", self.unit)
        if self.decimals is not None:
            yield DynamicConfigValue("decimals", self.decimals)
        if self.words:
            yield DynamicConfigValue("mappings", list(self.words))
            yield _cell("color-background", mode="basic")
            # Grafana fills a cell without a value in the first of these colours, else green.
            yield DynamicConfigValue("thresholds", steps((None, "transparent")).build())
            yield DynamicConfigValue("custom.align", "left")
        elif self.colors:
            yield DynamicConfigValue("thresholds", self.colors.build())
            yield _cell("color-text")
        elif self.bar:
            yield from (DynamicConfigValue("min", 0), DynamicConfigValue("max", 1), fixed(BLUE))
            yield _cell("gauge", mode="basic", valueDisplayMode="text")
        # The panel's own word for nothing is a sentence, for when there is no row at all.
        yield DynamicConfigValue("noValue", self.unknown)
        if self.hidden:
            yield DynamicConfigValue("custom.hidden", value=True)
        if self.width:
            yield DynamicConfigValue("custom.width", self.width)


@dataclass(frozen=True, slots=True)
class Rows:
    """What a table shows: columns of labels and of values, by which it is sorted.

    `labels` are those of the queries' series; others are left out. `sort` are headings with whether
    the greatest comes first, the most important one first.
    """

    labels: Mapping[str, Label]
    columns: Sequence[Column]
    sort: Sequence[tuple[str, bool]] = ()
    first: Sequence[str] = field(default=())


def draw(style: Style, subject: Subject, rows: Rows) -> table.Panel:
    """A table as it is now."""
    asked = [Query(column.expression) for column in rows.columns]
    panel = style.dress(table.Panel(), subject, asked, instant=True)
    panel.unit(TEXT).show_header(True).span(12).height(8)
    one = len(asked) == 1
    names = {label: found.title for label, found in rows.labels.items()}
    values = {
        "Value" if one else f"Value #{ref}": column.title
        for ref, column in zip(refs(), rows.columns, strict=False)
    }
    titles = {**names, **values}
    order = list(rows.first or titles.values())
    place = {
        name: order.index(title) if title in order else len(order) for name, title in titles.items()
    }
    for name, options in (
        ("merge", {}),
        (
            "organize",
            {
                "excludeByName": dict.fromkeys(("Time", "job", "__name__"), True),
                "indexByName": place,
                "renameByName": titles,
            },
        ),
        # The last of several is the most important: each keeps the order of equals.
        *(
            ("sortBy", {"fields": {}, "sort": [{"field": heading, "desc": desc}]})
            for heading, desc in reversed(rows.sort)
        ),
    ):
        panel.with_transformation(models.DataTransformerConfig(id_val=name, options=options))
    every: tuple[Label | Column, ...] = (*rows.labels.values(), *rows.columns)
    for shown in every:
        properties = list(shown.properties())
        if properties:
            panel.override_by_name(shown.title, properties)
    return panel


def _cell(kind: str, **options: str) -> DynamicConfigValue:
    return DynamicConfigValue("custom.cellOptions", {"type": kind, **options})
