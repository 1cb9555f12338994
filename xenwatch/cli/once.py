"""`xenwatch once`: one pass, printed."""

from __future__ import annotations

import argparse
from typing import Final

from xenwatch import metrics
from xenwatch.assessment import Assessment, assess_pass
from xenwatch.cli import limits_table
from xenwatch.cli.options import prepare, rules
from xenwatch.cli.outcomes import any_ok, failures
from xenwatch.cli.output import say, write
from xenwatch.config.settings import Settings
from xenwatch.exposition import text_format
from xenwatch.passes.scheduler import one_pass
from xenwatch.status import host_status

HELP: Final = "Make one pass and print it."


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: %(default)s")


def run(options: argparse.Namespace) -> int:
    """Exit status 1 where no probe succeeded."""
    settings, source = prepare(options)
    snapshot = one_pass(source, settings.probes()).snapshot
    assessment = assess_pass(snapshot, rules(settings))
    written = write(FORMATS[options.format](assessment, settings))
    say(*failures(snapshot.outcomes).splitlines())
    return 0 if written and any_ok(snapshot.outcomes) else 1


def _table(assessment: Assessment, _settings: Settings) -> str:
    return limits_table.table(assessment.states)


def _json(assessment: Assessment, settings: Settings) -> str:
    return host_status.dumps(host_status.host_status(assessment, settings.probes()))


def _prometheus(assessment: Assessment, settings: Settings) -> str:
    families = text_format.labelled(metrics.families(assessment), settings.metric_labels())
    return text_format.render(families).decode()


FORMATS: Final = {"table": _table, "json": _json, "prometheus": _prometheus}
