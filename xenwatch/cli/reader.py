"""`xenwatch reader`: the part that runs as root, and answers the questions of a front.

It imports nothing that listens on a network, delivers, draws or parses a configuration, so
`xenwatch.__main__` starts it without the other commands.
"""

from __future__ import annotations

import argparse
import os
import signal
from typing import TYPE_CHECKING, Any, Final

from xenwatch import threads
from xenwatch.cli.commands import HELP
from xenwatch.cli.exit_status import OK, UNKNOWN, USAGE, epilog
from xenwatch.cli.option_values import filled
from xenwatch.cli.parser import Parser
from xenwatch.cli.source import choose, open_source, rootfs_problem
from xenwatch.display.say import say
from xenwatch.sources.base import SourceError
from xenwatch.sources.frames import SOCKET

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 # argparse names it no other way

NAME: Final = "reader"
SOURCE: Final = "--source"
ROOTFS: Final = "--path.rootfs"
EXITS: Final = {
    OK: "stopped by a signal",
    USAGE: "bad usage",
    UNKNOWN: "cannot listen, the host is read by another daemon, or there is no such source",
}


def add_parser(commands: Subparsers, text: str) -> argparse.ArgumentParser:
    """The command, whose options are its own: it reads no configuration."""
    parser = commands.add_parser(
        NAME, help=text, description=text, epilog=epilog(EXITS), allow_abbrev=False
    )
    parser.set_defaults(run=run, parser=parser)
    parser.add_argument(
        SOURCE,
        metavar="KIND",
        default="host",
        help="what to serve: host, synthetic[:NAME] or tree:DIR (default: %(default)s)",
    )
    parser.add_argument(
        ROOTFS,
        dest="rootfs",
        metavar="ROOTFS",
        help="root of the host's files (default: /)",
    )
    parser.add_argument(
        "--socket",
        metavar="PATH",
        type=filled,
        default=SOCKET,
        help="where to listen, unless systemd passes a socket (default: %(default)s)",
    )
    return parser


def main(arguments: list[str]) -> int:
    """Run the command without the others; the first argument is its name."""
    parser = Parser(prog="xenwatch", allow_abbrev=False)
    commands: Any = parser.add_subparsers()
    add_parser(commands, HELP[NAME])
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        options.parser.unrecognized(unknown)
    try:
        return run(options)
    except (SourceError, OSError) as error:
        say(str(error))
        return UNKNOWN
    except KeyboardInterrupt:
        return 130


def run(options: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT. Raises `SourceError` and `OSError`."""
    from xenwatch.reader.listener import listening  # noqa: PLC0415 - other commands need none of it
    from xenwatch.reader.server import Server  # noqa: PLC0415
    from xenwatch.sources import host_lock  # noqa: PLC0415
    from xenwatch.sources.kept import raise_limit  # noqa: PLC0415
    from xenwatch.sources.tracefs import PollHistograms  # noqa: PLC0415

    rootfs, given = options.rootfs or "/", options.rootfs is not None
    if problem := rootfs_problem(options.source, rootfs, (ROOTFS, SOURCE), given=given):
        options.parser.error(problem)
    spec = choose(options.source, rootfs).spec
    if spec.startswith(NAME):
        raise SourceError(spec, "a reader cannot read from another reader")
    source = open_source(spec, rootfs)
    if spec == "host":
        host_lock.hold(rootfs)
    histograms = PollHistograms(rootfs) if spec == "host" else None
    raise_limit()
    threads.keep()
    with listening(options.socket, os.environ) as listener:
        server = Server(source, listener, serves=spec, say=say, histograms=histograms)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: server.stop())
        say(f"serving {spec} on {listener.getsockname()}")
        server.run()
    return OK
