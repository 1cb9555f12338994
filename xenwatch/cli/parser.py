"""The parser of command lines: its words go where they can be written, or its status tells."""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from xenwatch.cli.exit_status import UNKNOWN, USAGE
from xenwatch.cli.output import write
from xenwatch.display import plugin
from xenwatch.display.text import hint, meant, printable, shown


class Parser(argparse.ArgumentParser):
    """A parser that fails where its text cannot be written; `usage_status` is for bad usage.

    A time before now, such as -15m, is the value of an option as negative numbers are.
    """

    usage_status = USAGE

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._negative_number_matcher = re.compile(r"-[0-9]+[smhd]?\Z|-[0-9]*\.[0-9]+\Z")

    def unrecognized(self, words: Sequence[str]) -> NoReturn:
        """Exit because of unrecognized words; suggest the option most like the first."""
        flag = words[0].partition("=")[0]
        near = hint(flag, self._option_string_actions) if flag.startswith("-") else ""
        self.error(f"unrecognized arguments: {' '.join(words)}{near}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Reject a value that is not a choice: suggest the closest, or list all."""
        if action.choices is not None and value not in action.choices:
            near = meant(str(value), map(str, action.choices))
            raise argparse.ArgumentError(action, f"invalid choice: {shown(value)}{near}")

    def error(self, message: str) -> NoReturn:
        """Print the usage and what was wrong, of a plugin its line too, and exit."""
        if self.usage_status == plugin.STATUS[plugin.UNKNOWN]:
            write(plugin.line(plugin.UNKNOWN, message))
        if sys.stderr is not None:  # argparse would print to stdout, which is data
            self.print_usage(sys.stderr)
            self._print_message(f"{self.prog}: error: {printable(message)}\n", sys.stderr)
        sys.exit(self.usage_status)

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print help, version and errors; argparse ignores that stdout cannot be written."""
        if file is None or file is sys.stdout:
            if not write(message):
                sys.exit(UNKNOWN)
        else:
            with contextlib.suppress(OSError):
                file.write(message)
