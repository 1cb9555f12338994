"""Law 9: a host read through the reader is the host."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings

from tests.captures import CAPTURES
from tests.hosts import LabSource
from tests.laws.hosts import small_dom0
from tests.laws.test_law_1 import machines, passed
from tests.laws.test_law_7 import heard
from tests.reader.serving import asking
from tests.sources.fakes import TableSource
from xenwatch.model.host import Machine
from xenwatch.model.presets import PRESETS
from xenwatch.model.source import ModelSource
from xenwatch.probes import PROBES
from xenwatch.probes.base import Pass, take
from xenwatch.sources.base import TOPICS, Source, SourceError
from xenwatch.sources.tree import TreeSource

CAPTURED: Final = Path(__file__).resolve().parent.parent / "hosts"


def _preset(name: str) -> Source:
    return ModelSource(PRESETS[name]())


HOSTS: Final[Mapping[str, Callable[[], Source]]] = {
    "small dom0": small_dom0,
    **{name: partial(_preset, name) for name in PRESETS},
    **{f"{path.parent.name}, {path.name}": partial(LabSource, path) for path in CAPTURES},
    **{
        f"{path.parent.name}, {path.name}, no hypercalls": partial(LabSource, path, False)
        for path in CAPTURES
    },
    **{
        name: partial(TreeSource, CAPTURED / name)
        for name in ("arm64-domaininfo", "qubes-driver-domain", "xsm-silo-eperm")
    },
}


@pytest.mark.parametrize("host", HOSTS)
def test_the_reader_says_what_the_host_says(host: str, tmp_path: Path) -> None:
    """Every probe reads and fares the same through the reader, which refuses no question."""
    with asking(HOSTS[host](), tmp_path) as remote:
        assert passed(remote) == passed(HOSTS[host]())
        assert remote.refused == {}


@settings(deadline=None, max_examples=10)
@given(machine=machines())
def test_random_hosts_are_the_same_through_the_reader(machine: Machine) -> None:
    """Two passes over a random host, of which the second one reads ahead, give the same."""
    with (
        tempfile.TemporaryDirectory() as directory,
        asking(ModelSource(machine), Path(directory)) as remote,
    ):
        assert twice(remote) == twice(ModelSource(machine))
        assert remote.refused == {}


def twice(source: Source) -> Mapping[str, object]:
    """The readings and memories of the second of two passes over a host that stands still."""
    first = take(source, PROBES, clock=lambda: 1.0)
    second = take(source, PROBES, clock=lambda: 1.0, before=Pass(first.snapshot, first.memories))
    readings = dataclasses.replace(second.snapshot, outcomes={})
    return {"readings": readings, "memories": second.memories}


@pytest.mark.parametrize("topic", TOPICS)
async def test_the_reader_tells_what_the_host_tells(topic: str, tmp_path: Path) -> None:
    """Events come through the reader in the same bytes and order, and so does what ends them."""
    said = [b"", bytes(range(256)), b"", b"\0" * 100_000]
    ended = SourceError("xenstored", "closed the connection", 7)
    host = TableSource(heard={topic: [*said, ended]})
    with asking(host, tmp_path) as remote:
        assert await heard(remote, topic, len(said)) == said
        with pytest.raises(SourceError) as caught:
            await heard(remote, topic, len(said) + 1)

    assert (caught.value.subject, caught.value.reason, caught.value.errno) == (
        "xenstored",
        "closed the connection",
        7,
    )
