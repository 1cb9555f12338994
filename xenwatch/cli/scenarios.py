"""`xenwatch scenarios`: what a synthetic host can be, and what it can play."""

from __future__ import annotations

import argparse
import json
from typing import Final

from xenwatch.cli.exit_status import OK, UNKNOWN, USAGE
from xenwatch.cli.output import write

EXITS: Final = {OK: "printed", USAGE: "bad usage", UNKNOWN: "stdout cannot be written"}
PRESET: Final = "a preset: a host that does not change"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "--format", choices=("table", "json"), default="table", help="default: %(default)s"
    )


def run(options: argparse.Namespace) -> int:
    """Print a line for each preset and scenario, or an array."""
    from xenwatch.model.presets import PRESETS  # noqa: PLC0415 - the model is large
    from xenwatch.model.scenario_source import load, names  # noqa: PLC0415

    titles = dict.fromkeys(PRESETS, PRESET) | {name: load(name).title for name in names()}
    width = max(map(len, titles))
    text = "".join(f"{name:<{width}}  {title}\n" for name, title in titles.items())
    if options.format == "json":
        found = [{"name": name, "title": title} for name, title in titles.items()]
        text = json.dumps(found, indent=2) + "\n"
    return OK if write(text) else UNKNOWN
