"""Every command of the runbooks works on every host it is meant for."""

from __future__ import annotations

import re
import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.runbooks.blocks import Block, chosen
from tests.runbooks.layouts import LAYOUTS, Layout
from tests.runbooks.rendered import RenderedHost
from tests.runbooks.shell import failure

_ASKED = re.compile(r"(?m)(?:^|[|&(;] *)xenwatch ((?:[^|;&>()\n\\]|\\\n)+)")


def asked(blocks: list[Block]) -> set[tuple[str, ...]]:
    """What blocks ask xenwatch."""
    return {
        tuple(shlex.split(arguments))
        for block in blocks
        for arguments in _ASKED.findall(block.text)
    }


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_the_commands_of_the_runbooks_work(layout: Layout, tmp_path: Path) -> None:
    """A block ends well and prints something; what it writes, the real tools would accept."""
    rendered = RenderedHost(layout, tmp_path)
    metrics = rendered.ask_xenwatch("once", "--format", "prometheus")
    reading = list(chosen(layout, metrics, writes=False))
    for arguments in asked(reading) - {("once", "--format", "prometheus")}:
        rendered.ask_xenwatch(*arguments)
    with ThreadPoolExecutor(2) as pool:
        read = list(pool.map(lambda block: failure(block, rendered), reading))
    # Only now: they change files of the rendered host.
    writing = list(chosen(layout, metrics, writes=True))
    written = [failure(block, rendered) for block in writing]

    assert [
        f"{block.runbook}: {block.text}    {why}"
        for block, why in zip(reading + writing, read + written, strict=True)
        if why is not None
    ] == []
