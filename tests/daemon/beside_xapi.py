"""A daemon that tells a stand-in for xapi, for tests to start and stop.

The first argument is a directory: pages are written there, and what xapi has into `messages.json`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.messages.stand_in import Xapi, helper
from xenwatch import log
from xenwatch.cli.source import open_source
from xenwatch.config import xapi_keys
from xenwatch.config.settings import Settings
from xenwatch.config.web_keys import LISTEN
from xenwatch.daemon.daemon import Daemon
from xenwatch.sources.base import Choice, CommandOutput

SPEC = "synthetic:xcp-ng-8.3"


class Kept(Xapi):
    """xapi whose messages are in a file too."""

    directory = Path()

    def run(self, argv: Sequence[str], deadline: float) -> CommandOutput:
        """Run xe, and write down what xapi then has."""
        output = super().run(argv, deadline)
        new = self.directory / "messages.new"
        new.write_text(json.dumps(list(self.messages.values())))
        new.rename(self.directory / "messages.json")
        return output


async def main(directory: Path) -> int:
    """Serve a host on which a limit warns at once, at a port of the kernel's choice."""
    settings = Settings(
        {
            LISTEN.path: ("127.0.0.1:0",),
            "limits.domids.warning": 1e-9,
            "alerts.near_limit.for": 0.0,
            xapi_keys.MESSAGES.path: True,
            xapi_keys.DATA_SOURCES.path: True,
        }
    )
    xapi = Kept()
    xapi.directory = directory.parent
    log.configure("info", "json")
    daemon = Daemon(settings, lambda: settings, open_source(SPEC), helper=helper(xapi, directory))
    return await daemon.run(Choice(SPEC, "a test"))


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]))))
