"""`xenwatch check-config`: whether the configuration is valid."""

from __future__ import annotations

import argparse
from typing import Final

from xenwatch.cli.options import settings_of
from xenwatch.cli.output import say
from xenwatch.config.keys import WEB_CONFIG
from xenwatch.web_config.load import load

HELP: Final = "Validate the configuration, and the web configuration file it names."


def add_options(_parser: argparse.ArgumentParser) -> None:
    """None but those every command has."""


def run(options: argparse.Namespace) -> int:
    """Exit status 0 where it is valid, with warnings too. Raises `ConfigError`: every problem."""
    settings = settings_of(options)
    say(*settings.warnings(), *load(settings[WEB_CONFIG]).warnings)
    return 0
