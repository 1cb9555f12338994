"""The attacks of docs/reliability.md, shorter."""

from __future__ import annotations

import re

import pytest

from tests.benchmarks import strangers


async def test_idle_connections_refuse_nobody() -> None:
    """Beside a thousand silent connections, and many more, every fresh scrape is answered."""
    with strangers.small() as ours:
        for every in (strangers.FOREVER, 0.001):
            with strangers.flooded(ours.address, strangers.SILENT, every):
                found = await strangers.fresh(ours.address, ("/metrics", "/-/healthy"), 2)
            assert found.refused == 0
            assert found.answered


async def test_bad_requests_are_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Hundreds of bad requests and abandoned ones are a few lines in the log, none a traceback."""
    await strangers.bad(200)
    assert re.search(
        r"log [\d,]{3,5} bytes, [23] lines, 0 tracebacks$", capsys.readouterr().out.strip()
    )
