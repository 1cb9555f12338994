"""`xenwatch advise`: what to switch off in which VM, so that its QEMU wakes dom0 less often."""

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

HELP: Final = "Rank VMs by the wakeups of their QEMU, with the emulated devices to switch off."
MAX_INTERVAL: Final = 3600.0
"""Seconds between the two passes at most."""
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
        help="time between the two passes the rates are computed from; 0: one pass, ranked by all "
        "wakeups so far (default: %(default)g)",
    )
    formats = parser.add_mutually_exclusive_group()
    formats.add_argument("--format", choices=FORMATS, default="table", help="default: %(default)s")
    formats.add_argument(
        "--script", dest="format", action="store_const", const="script", help="print a sh script"
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
