"""The panels of the shipped dashboards on hosts that have what they show."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.panels import shows
from tests.e2e.programs import Host, Prometheus, free_port, program, until
from tests.e2e.test_alerts import AT_ONCE
from tests.planning.learnt_support import Host as LearningHost
from xenwatch.model.platforms.xapi import XCP_NG_8_3
from xenwatch.planning import learnt_file
from xenwatch.planning.learning import Learning
from xenwatch.planning.shapes import BUILT_IN
from xenwatch.probes import PROBES

pytestmark = pytest.mark.timeout(120)

DAEMONS: Final = {
    "debian": ("xenwatch", "run", "--source=synthetic:debian-12", "--config.file="),
    "busy": ("tests.e2e.busy", ""),
}
"""Daemons scraped beside one on which every probe reads something: module and its arguments, to
the last of which the path of the configuration is appended."""
OFTEN: Final = AT_ONCE.replace("warning = 0.8", "warning = 0.0001") + "".join(
    f"[probes.{probe.name}]\nenabled = true\ninterval = 1\n" for probe in PROBES
)
"""Each probe at each look, and a limit of which anything is used has reached its warning."""


def taught() -> Learning:
    """What a host has learnt of five VMs that came one after the other."""
    host = LearningHost(XCP_NG_8_3)
    host.wait()
    for _ in range(5):
        host.start(BUILT_IN["windows"])
        host.wait(2)
    return host.learning


@contextlib.contextmanager
def synthetic(directory: Path, name: str) -> Iterator[str]:
    """The address of one of `DAEMONS`."""
    target = f"127.0.0.1:{free_port()}"
    config = directory / f"{name}.toml"
    learnt = directory / "learnt.json"
    learnt.write_text(learnt_file.dumps(taught()))
    plan = f'[plan]\nlearnt = "{learnt}"\n'
    config.write_text(f'[web]\nlisten_addresses = ["{target}"]\n{plan}[alerts]\n{OFTEN}')
    module, *options, last = DAEMONS[name]
    argv = (sys.executable, "-m", module, *options, f"{last}{config}")
    with program(f"http://{target}/-/ready", directory / f"{name}.log", *argv):
        yield target


def test_every_panel_shows_something(tmp_path: Path) -> None:
    """Each query of each panel returns data of a host that has what the panel shows."""
    storm = Host(tmp_path, "table", AT_ONCE)
    storm.turn("storm")
    with contextlib.ExitStack() as running:
        running.enter_context(storm.running())
        targets = [
            storm.target,
            *(running.enter_context(synthetic(tmp_path, name)) for name in DAEMONS),
        ]
        prometheus = Prometheus(tmp_path, storm.config, *targets)
        running.enter_context(prometheus.running())
        until(lambda: len(prometheus.query("xenwatch_build_info")) == len(targets), "a scrape")

        seen: set[tuple[str, str, str]] = set()

        def empty() -> set[tuple[str, str, str]]:
            """Queries that have not shown anything yet: what happens to a VM lasts a moment."""
            found = shows(prometheus.url, targets)
            assert found
            seen.update(key for key, something in found.items() if something)
            return found.keys() - seen

        with contextlib.suppress(AssertionError):
            until(lambda: not empty(), "every panel")
        assert empty() == set(), "empty panels"
