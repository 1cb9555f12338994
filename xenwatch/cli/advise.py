"""`xenwatch advise`: which emulated devices to disable in which VM, to reduce QEMU wakeups."""

from __future__ import annotations

import argparse
import time
from typing import Final

from xenwatch.advice import qemu_wakeups, rendering
from xenwatch.cli.exit_status import OK, UNKNOWN, USAGE
from xenwatch.cli.faults import Faults
from xenwatch.cli.option_values import seconds
from xenwatch.cli.outcomes import failures
from xenwatch.cli.output import write
from xenwatch.cli.passes import Replayed, prepare_passes
from xenwatch.cli.source import stands_still
from xenwatch.config.common_keys import ROOTFS, SOURCE
from xenwatch.display.progress import progress
from xenwatch.display.say import say
from xenwatch.status.notices import notices

EXITS: Final = {
    OK: "printed",
    USAGE: "bad usage, or configuration rejected",
    UNKNOWN: "the QEMUs could not be read, or stdout cannot be written",
}
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
        type=seconds(0, MAX_INTERVAL),
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
    """Exit status `UNKNOWN` where the QEMUs could not be read."""
    settings, passes = prepare_passes(options)
    probes = [probe for probe in settings.probes() if probe.name in qemu_wakeups.PROBES]
    first = passes.take(probes)
    earlier, now = None, first.snapshot
    if options.interval > 0 and isinstance(passes, Replayed):
        earlier = passes.earlier(options.interval)
    elif options.interval > 0 and not stands_still(settings[SOURCE], settings[ROOTFS]):
        with progress(f"waiting {options.interval:g} s for the second pass"):
            time.sleep(options.interval)
        again = [probe for probe in probes if probe.name == "qemus"]
        earlier, now = now, passes.take(again, first).snapshot
    say(*failures(now.outcomes).splitlines())
    if now.qemus is None:
        say("the QEMUs of the VMs could not be read: run as root in dom0, or see xenwatch doctor")
        return UNKNOWN
    faults = Faults()
    found = qemu_wakeups.advise(now, earlier, faults.fence)
    text = FORMATS[options.format](found, qemu_wakeups.toolstack(now), notices(now))
    faults.say()
    return OK if write(text) else UNKNOWN
