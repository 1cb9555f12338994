"""How rules are written for a site: its job, its groups of hosts, its version of vmalert."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from xenwatch.alerts.messages import JOB
from xenwatch.config import label_keys
from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Grouping:
    """How rules are written for a site.

    `job` is the name of the job in Prometheus, `by` the labels that tell pools and sites apart;
    `keep_firing_for` is False for programs that reject it, such as vmalert before 1.92.
    """

    job: str = JOB
    by: tuple[str, ...] = ()
    keep_firing_for: bool = True

    def rule(self, rule: Mapping[str, Any]) -> dict[str, Any]:
        """A rule of the tables, alerting or recording, as the site needs it.

        A summary begins with the values of `by`, of those that the alert has.
        """
        found = {**rule, "expr": self._promql(rule["expr"])}
        if not self.keep_firing_for:
            found.pop("keep_firing_for", None)
        if words := rule.get("annotations"):
            where = "".join(
                f"{{{{ with $labels.{name} }}}}{{{{ . }}}} {{{{ end }}}}" for name in self.by
            )
            found["annotations"] = {
                **words,
                "summary": f"{where}{words['summary']}",
                "runbook_url": self._promql(words["runbook_url"]),
            }
        return found

    def inhibition(self, rule: Mapping[str, Any]) -> dict[str, Any]:
        """An inhibition of the tables: cause and symptom must agree in `by` too.

        An alert that has only the job, such as that no host is there, has no label of `by`.
        """
        equal = rule["equal"]
        return {**rule, "equal": equal if equal == ["job"] else [*equal, *self.by]}

    def _promql(self, text: str) -> str:
        """Queries of the tables with the job of the site, and `by` wherever they name the job.

        Where the tables aggregate or join by job, these do by job and `by`: a pool that is full is
        not hidden by another with room, and hosts of one name at two sites are two hosts.
        """
        labels = ", ".join(("job", *self.by))
        text = re.sub(r"\b(by|on) \(job\b", rf"\1 ({labels}", text)
        return text.replace(f'job="{JOB}"', f'job="{self.job}"')


SHIPPED: Final = Grouping()
"""That of the rules in the repository."""


def labels(text: str) -> tuple[str, ...]:
    """The names of labels in a list such as `pool,site`. Raises `ValueError` with the reason."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if problem := label_keys.problem(name):
            raise ValueError(f"{name!r}: {problem}")
    return names
