"""A Prometheus that serves what was played: its blocks are made by promtool, nothing is scraped."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.e2e.programs import free_port, program
from tests.tools import tool


@contextlib.contextmanager
def serving(directory: Path, samples: Iterable[str]) -> Iterator[str]:
    """The address of a Prometheus that has these lines of OpenMetrics.

    See prometheus.io, Storage, "Backfilling from OpenMetrics format".
    """
    text, blocks = directory / "samples.txt", directory / "tsdb"
    with text.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in samples)
        file.write("# EOF\n")
    making = [tool("promtool"), "tsdb", "create-blocks-from", "openmetrics", str(text), str(blocks)]
    made = subprocess.run(making, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    text.unlink()
    configuration = directory / "prometheus.yml"
    configuration.write_text("global: {scrape_interval: 1m}\n")
    address = f"127.0.0.1:{free_port()}"
    with program(
        f"http://{address}/-/ready",
        directory / "prometheus.log",
        tool("prometheus"),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={blocks}",
        # What is served is from a fixed time, so that pictures are the same each day.
        "--storage.tsdb.retention.time=100y",
        # What has ended ends with the next scrape: promtool writes no marks of staleness.
        "--query.lookback-delta=90s",
        f"--web.listen-address={address}",
    ):
        yield f"http://{address}"
