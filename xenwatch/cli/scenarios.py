"""`xenwatch scenarios`: what a synthetic host can play."""

from __future__ import annotations

import argparse
from typing import Final

from xenwatch.cli.output import write

HELP: Final = "List the scenarios of the synthetic host: --source synthetic:NAME."


def add_options(_parser: argparse.ArgumentParser) -> None:
    """None but those every command has."""


def run(_options: argparse.Namespace) -> int:
    """Print a line for each scenario."""
    from xenwatch.model.scenario_source import load, names  # noqa: PLC0415 - the model is large

    width = max(map(len, names()))
    lines = (f"{name:<{width}}  {load(name).title}\n" for name in names())
    return 0 if write("".join(lines)) else 1
