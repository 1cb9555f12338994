"""`xenwatch check-config`: whether the configuration is valid."""

from __future__ import annotations

import argparse
from typing import Final

from xenwatch.cli.options import settings_of
from xenwatch.cli.output import say

HELP: Final = "Validate the configuration."


def add_options(_parser: argparse.ArgumentParser) -> None:
    """None but those every command has."""


def run(options: argparse.Namespace) -> int:
    """Exit status 0 where it is valid, with warnings too. Raises `ConfigError`: every problem."""
    say(*settings_of(options).warnings())
    return 0
