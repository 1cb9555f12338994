"""The labels of a site: which names and values are accepted, and what is said of the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.config.test_settings import refusal, settings
from xenwatch.alerts.base import Alert, Watch
from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.config import label_keys
from xenwatch.metrics import METRICS


def test_labels_are_as_configured(tmp_path: Path) -> None:
    """Labels are on alerts, by name; an empty one is none, and metrics have them by option."""
    text = '[labels]\nsite = "b"\npool = "p 1"\nrow = ""\n'
    some = settings(tmp_path, text)
    both = settings(tmp_path, text + "[web]\ntelemetry_labels = true\n")

    assert list(some.labels().items()) == [("pool", "p 1"), ("site", "b")]
    assert some.metric_labels() == {}
    assert both.metric_labels() == both.labels() == some.labels()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('my-site = "x"', "must be letters, digits and _, as in my_site"),
        ('"9" = "x"', "must be letters, digits and _, as in site"),
        ('"" = "x"', "must be letters, digits and _, as in site"),
        ('"\\u00e9" = "x"', "must be letters, digits and _, as in site"),
        ('__rack = "x"', "__ is reserved by Prometheus; use rack"),
        ('domid = "x"', "of xenwatch or Prometheus itself; use another name, as in site_domid"),
        ('severity = "x"', "use another name, as in site_severity"),
        ('instance = "x"', "set alerts.instance instead"),
        ('job = "x"', "set alerts.job instead"),
        ("site = 1", "1 must be a string"),
        ('site = "a\\nb"', "must be at most 200 printable characters"),
        (f'site = "{"a" * 201}"', "must be at most 200 printable characters"),
        ('site.a = "b"', "must be a string"),
    ],
)
def test_a_label_that_cannot_be_one_is_refused(tmp_path: Path, line: str, reason: str) -> None:
    """A bad name or value is refused with file, line, key and what to write."""
    said = refusal(tmp_path, f"[labels]\n{line}\n")

    assert said.startswith("xenwatch.toml:")
    assert ": labels." in said
    assert reason in said
    assert said.isprintable()


def test_a_job_that_queries_cannot_name_is_refused(tmp_path: Path) -> None:
    """A job with a quote, backquote or backslash, or without a name, is refused."""
    for name in ("", 'a"b', "a\\b", "a`b"):
        assert "alerts.job" in refusal(tmp_path, f"[alerts]\njob = '{name}'\n")


def test_no_own_label_can_be_taken() -> None:
    """Every label of a metric or an alert is refused: a series would have it twice."""
    rules: tuple[Alert | Watch, ...] = (*ALERTS, *WATCHES)
    own = {label for metric in METRICS for label in metric.labels}
    own |= {label for rule in rules for label in rule.labels}

    assert {name for name in own if not label_keys.problem(name)} == set()
    assert not label_keys.problem("pool")
    assert not label_keys.problem("site")


@given(st.text(max_size=60))
def test_what_is_suggested_is_accepted(name: str) -> None:
    """Of any name that is refused for its characters, the suggestion is a name that is accepted."""
    said = label_keys.problem(name)
    if "as in" in said or "; use" in said:
        assert not label_keys.problem(said.rpartition(" ")[2])
