"""The targets of a Prometheus: hosts of the same `instance` at several sites or in several jobs."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from xenwatch.values import dataclass

INSTANCE: Final = "instance"
NO_INSTANCE: Final = "(no instance)"
MOST: Final = 64
"""Labels of targets that are compared."""
_NAME: Final = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]{0,63}")
"""A label that a query can name as it is, and a target can have."""

Labels = Mapping[str, str]
Key = tuple[str, ...]
"""The instance, and the value of each label that tells hosts apart; empty without the label."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Hosts by their labels: `names` are those in which hosts with the same instance differ."""

    names: tuple[str, ...] = ()

    def grouped(self, query: str) -> str:
        """A query that groups by `instance`, so that it groups by these labels too."""
        return query.replace(f"({INSTANCE}", ", ".join((f"({INSTANCE}", *self.names)))

    def key(self, labels: Labels) -> Key:
        """Whose series it is."""
        name = labels.get(INSTANCE, NO_INSTANCE)
        return (name, *(labels.get(each, "") for each in self.names))

    def titles(self, keys: Iterable[Key]) -> dict[Key, str]:
        """What hosts are called: the instance, and where several share it how they differ."""
        sharing: defaultdict[str, list[Key]] = defaultdict(list)
        for key in keys:
            sharing[key[0]].append(key)
        return {
            key: f"{instance} ({', '.join(self._differing(key, those))})"
            if len(those) > 1
            else instance
            for instance, those in sharing.items()
            for key in those
        }

    def _differing(self, key: Key, those: list[Key]) -> Iterable[str]:
        for place, name in enumerate(self.names, 1):
            if len({each[place] for each in those}) > 1:
                yield f"{name}={key[place]}" if key[place] else f"no {name}"


def targets(*answers: Iterable[Labels]) -> Targets:
    """Those of series without labels of their own; the first answer with any has all the names.

    The series of one host may have labels in one answer that they lack in another, such as those of
    `web.telemetry_labels`, which `up` lacks: they tell no host from another then.
    """
    found = [list(answer) for answer in answers]
    every = {name for labels in next(filter(None, found), ()) for name in labels}
    known = sorted(name for name in every - {INSTANCE} if _NAME.fullmatch(name))[:MOST]
    names: set[str] = set()
    for answer in found:
        first: dict[str, Labels] = {}
        for labels in answer:
            other = first.setdefault(labels.get(INSTANCE, NO_INSTANCE), labels)
            names |= {name for name in known if labels.get(name) != other.get(name)}
    return Targets(tuple(sorted(names)))
