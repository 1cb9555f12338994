"""A pool of a thousand hosts, made of a few that were played: some down, some full, most well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tests.grafana.hosts import JOB, Scrape, labelled, samples
from xenwatch.alerts.declared.down import ALERT as DOWN
from xenwatch.alerts.names import WARNING

HOSTS: Final = 1000
AGES: Final = (600, 300, 0)
"""Seconds before the end at which each host was scraped."""
DOWN_FOR: Final = 400
"""Seconds since a host that is down was last read."""
KINDS: Final[Mapping[str, int]] = {
    "down": 7,
    "gone": 3,
    "stale": 2,
    "dead": 4,
    "full": 31,
    "maintained": 5,
}
"""How many hosts are not well, and how.

`gone` are no longer among Prometheus's targets, `maintained` are down while they are worked on.
"""
MAINTENANCE: Final = "xenwatch_maintenance_end_timestamp_seconds"


@dataclass(frozen=True, slots=True)
class Member:
    """One host of the pool: its address, and which of `KINDS` it is, or healthy."""

    instance: str
    kind: str


def members() -> Iterator[Member]:
    """The hosts of the pool; those that are not well are spread over it."""
    kinds = [kind for kind, count in KINDS.items() for _ in range(count)]
    kinds += ["healthy"] * (HOSTS - len(kinds))
    for number in range(HOSTS):
        kind = kinds[number * 389 % HOSTS]  # 389 and 1,000 have no common factor
        yield Member(f"dom0-{number:04}.example:10730", kind)


def pool(played: Mapping[str, list[Scrape]], asked: frozenset[str]) -> Iterator[str]:
    """The samples of the metrics `asked` for of every host, from the last scrapes of each kind."""
    lines: dict[tuple[str, int], list[str]] = {}
    for kind, scrapes in played.items():
        for age in AGES:
            (scrape,) = (each for each in scrapes if each.time == scrapes[-1].time - age)
            lines[kind, age] = [
                line for line in samples(scrape, "INSTANCE") if line.partition("{")[0] in asked
            ]
    for age in AGES:
        for member in members():
            yield from _of(member, age, lines)


def _of(member: Member, age: int, lines: Mapping[tuple[str, int], list[str]]) -> Iterator[str]:
    like = member.kind if member.kind in {"dead", "full"} else "healthy"
    away = member.kind in {"down", "gone", "maintained"} and age < DOWN_FOR
    if member.kind == "maintained" and not away:
        time = float(lines[like, age][0].rpartition(" ")[2])
        target = f'job="{JOB}",instance="{member.instance}"'
        yield f"{MAINTENANCE}{{{target}}} {time + 3600:.0f} {time:.3f}"
    for line in lines[like, age]:
        up = line.startswith("up{")
        old = member.kind == "stale" and line.startswith("xenwatch_snapshot_timestamp_seconds{")
        text = line.replace("INSTANCE", member.instance)
        if old:
            series, value, at = text.rsplit(" ", 2)
            yield f"{series} {float(value) - age_of_stale(age):.0f} {at}"
        elif not away:
            yield text
        elif up and member.kind != "gone":
            series, _, at = text.rsplit(" ", 2)
            yield f"{series} 0 {at}"
            if not age:
                yield _down(series, at)


def _down(up: str, at: str) -> str:
    """What Prometheus's rules say of a host that is down, by its series `up`."""
    firing = f'alertname="{DOWN.title}",alertstate="firing",severity="{WARNING}"'
    return f"{labelled(up, firing).replace('up{', 'ALERTS{', 1)} 1 {at}"


def age_of_stale(age: int) -> int:
    """How old the readings of a stale daemon are when it is scraped: they stopped at the start."""
    return AGES[0] - age
