"""`xenwatch advise`: which emulated devices to disable in which VM, to reduce QEMU wakeups."""

from __future__ import annotations

import argparse
import time
from typing import Final

from xenwatch.advice import qemu_wakeups, rendering
from xenwatch.cli.options import prepare
from xenwatch.cli.outcomes import failures
from xenwatch.cli.output import say, write
from xenwatch.cli.source import stands_still
from xenwatch.config.keys import ROOTFS, SOURCE
from xenwatch.passes.scheduler import one_pass

HELP: Final = "Rank VMs by QEMU wakeups, with the emulated devices to disable."
MAX_INTERVAL: Final = 3600.0
"""Max seconds between the two passes."""
FORMATS: Final = {
    "table": rendering.table,
    "json": rendering.document,
    "script": rendering.script,
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "--interval",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="time between the two passes that the rates are computed from; 0: one pass, ranked by "
        "total wakeups (default: %(default)g)",
    )
    formats = parser.add_mutually_exclusive_group()
    formats.add_argument("--format", choices=FORMATS, default="table", help="default: %(default)s")
    formats.add_argument(
        "--script", dest="format", action="store_const", const="script", help="print a shell script"
    )


def run(options: argparse.Namespace) -> int:
    """Exit status 1 where the QEMUs could not be read."""
    settings, source = prepare(options)
    probes = [probe for probe in settings.probes() if probe.name in qemu_wakeups.PROBES]
    first = one_pass(source, probes)
    earlier, now = None, first.snapshot
    still = stands_still(settings[SOURCE], settings[ROOTFS])
    if options.interval > 0 and not still:
        time.sleep(min(options.interval, MAX_INTERVAL))
        again = [probe for probe in probes if probe.name == "qemus"]
        earlier, now = now, one_pass(source, again, first).snapshot
    say(*failures(now.outcomes).splitlines())
    if now.qemus is None:
        say("the QEMUs of the VMs could not be read: run as root in dom0, or see xenwatch doctor")
        return 1
    found = qemu_wakeups.advise(now, earlier)
    return 0 if write(FORMATS[options.format](found, qemu_wakeups.toolstack(now))) else 1
