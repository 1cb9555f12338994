"""How rules are written for a site: its job, its groups of hosts, what its program knows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from xenwatch.alerts.messages import JOB
from xenwatch.config import label_keys


@dataclass(frozen=True, slots=True)
class Grouping:
    """How rules are written for a site.

    `job` is the name of the job in Prometheus, `by` the labels that tell pools and sites apart;
    `keep_firing_for` is False for programs that do not know it, such as vmalert before 1.92.
    """

    job: str = JOB
    by: tuple[str, ...] = ()
    keep_firing_for: bool = True

    def promql(self, text: str) -> str:
        """An expression of the tables: its job, and its aggregations and joins, are the site's.

        Where the tables aggregate or join by job, they do by job and `by`: a pool that is full is
        not hidden by another with room, and hosts of one name at two sites are two hosts.
        """
        labels = ", ".join(("job", *self.by))
        text = text.replace(f'job="{JOB}"', f'job="{self.job}"')
        return re.sub(r"\b(by|on) \(job\b", rf"\1 ({labels}", text)

    def equal(self, labels: list[str]) -> list[str]:
        """The labels in which cause and symptom must agree: `by` too.

        An alert that has only the job, such as that no host is there, has no label of `by`.
        """
        return labels if labels == ["job"] else [*labels, *self.by]

    def summary(self, text: str) -> str:
        """A summary that begins with the values of `by`, of those that the alert has."""
        known = (f"{{{{ with $labels.{label} }}}}{{{{ . }}}} {{{{ end }}}}" for label in self.by)
        return "".join(known) + text


SHIPPED: Final = Grouping()
"""That of the rules in the repository."""


def labels(text: str) -> tuple[str, ...]:
    """The names of labels in a list such as `pool,site`. Raises `ValueError` with the reason."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if problem := label_keys.problem(name):
            raise ValueError(f"{name!r}: {problem}")
    return names
