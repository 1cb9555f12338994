"""`xenwatch once`: one pass, printed."""

from __future__ import annotations

import argparse
from typing import Final

from xenwatch import metrics
from xenwatch.assessment import Assessment, assess_pass
from xenwatch.cli import limits_table
from xenwatch.cli.configured import rules
from xenwatch.cli.exit_status import OK, UNKNOWN, USAGE
from xenwatch.cli.faults import Faults
from xenwatch.cli.outcomes import any_ok, failures
from xenwatch.cli.output import headed, write
from xenwatch.cli.passes import prepare_passes
from xenwatch.config.settings import Settings
from xenwatch.display.say import say
from xenwatch.exposition import text_format
from xenwatch.status import host_status
from xenwatch.status.notices import NO_XEN, notices

EXITS: Final = {
    OK: "printed",
    USAGE: "bad usage, or configuration rejected",
    UNKNOWN: "no probe succeeded, no Xen here, or stdout cannot be written",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: %(default)s")


def run(options: argparse.Namespace) -> int:
    """Exit status `UNKNOWN` where no probe succeeded, or there is no Xen to read."""
    settings, passes = prepare_passes(options)
    snapshot = passes.take(settings.probes()).snapshot
    faults = Faults()
    assessment = passes.judged(assess_pass(snapshot, rules(settings), fence=faults.fence))
    no_xen = NO_XEN in notices(snapshot)
    written = write(FORMATS[options.format](assessment, settings))
    say(*([NO_XEN] if no_xen else []), *failures(snapshot.outcomes).splitlines())
    faults.say()
    return OK if written and any_ok(snapshot.outcomes) and not no_xen else UNKNOWN


def _table(assessment: Assessment, _settings: Settings) -> str:
    said = notices(assessment.snapshot)
    if NO_XEN in said:  # limits of plain Linux, all ok, would say that a dom0 is
        return headed((notice for notice in said if notice != NO_XEN), "")
    return headed(said, limits_table.table(assessment.states, assessment.fence))


def _json(assessment: Assessment, settings: Settings) -> str:
    return host_status.dumps(host_status.host_status(assessment, settings.probes()))


def _prometheus(assessment: Assessment, settings: Settings) -> str:
    families, labels = metrics.families(assessment), settings.metric_labels()
    said = notices(assessment.snapshot)
    text = text_format.render(families, labels=labels, fence=assessment.fence).decode()
    return headed(said, text, comment="# ")


FORMATS: Final = {"table": _table, "json": _json, "prometheus": _prometheus}
