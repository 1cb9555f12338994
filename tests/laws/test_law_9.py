"""Law 9: a host read through the reader is the host."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.captures import CAPTURES
from tests.hosts import LabSource
from tests.laws.hosts import captured, readings, small_dom0
from tests.laws.test_law_1 import machines, passed
from tests.laws.test_law_7 import heard
from tests.reader.serving import asking
from tests.sources.fakes import TableSource
from xenwatch.model.host import Machine
from xenwatch.model.presets import PRESETS
from xenwatch.model.source import ModelSource
from xenwatch.sources.base import TOPICS, Source
from xenwatch.sources.tree import TreeSource

TREES = ("arm64-domaininfo", "qubes-driver-domain", "xsm-silo-eperm")
HOSTS = {
    "small dom0": small_dom0,
    **{name: lambda make=make: ModelSource(make()) for name, make in PRESETS.items()},
    **{path.name: lambda path=path: LabSource(path) for path in CAPTURES},
    **{name: lambda name=name: TreeSource(Path("tests/hosts") / name) for name in TREES},
}


@pytest.mark.parametrize("host", HOSTS)
def test_the_reader_says_what_the_host_says(host: str, tmp_path: Path) -> None:
    """Every probe reads the same through the reader, and fares the same, as without it."""
    with asking(HOSTS[host](), tmp_path) as remote:
        assert passed(remote) == passed(HOSTS[host]())
        assert remote.refused == {}
