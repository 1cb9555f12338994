"""Every command of the runbooks works on every host it is meant for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.runbooks.blocks import chosen
from tests.runbooks.layouts import LAYOUTS, Layout
from tests.runbooks.rendered import RenderedHost
from tests.runbooks.shell import failure


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_the_commands_of_the_runbooks_work(layout: Layout, tmp_path: Path) -> None:
    """A block ends well and prints something; what it writes, the real tools would accept."""
    with RenderedHost(layout, tmp_path) as rendered, ThreadPoolExecutor(2) as pool:
        metrics = rendered.metrics()
        # Those that write come last: they change files of the rendered host.
        wrong = [
            f"{block.runbook}: {block.text}    {why}"
            for writes in (False, True)
            for block, why in pool.map(
                lambda block: (block, failure(block, rendered)),
                list(chosen(layout, metrics, writes=writes)),
            )
            if why is not None
        ]

    assert wrong == []
