"""`xenwatch report`: what happened in a period, as one document."""

from __future__ import annotations

import argparse
import os
import secrets
import socket
import time
from pathlib import Path
from typing import Final

from xenwatch import __version__
from xenwatch.cli.configured import configured
from xenwatch.cli.exit_status import OK, UNKNOWN, USAGE
from xenwatch.cli.faults import Faults
from xenwatch.cli.option_values import filled
from xenwatch.cli.output import write
from xenwatch.cli.passes import DIRECTORY
from xenwatch.cli.recorded import known, nothing_in, record_of, say_damaged, span_of
from xenwatch.config.settings import Settings
from xenwatch.display.progress import progress
from xenwatch.display.say import say
from xenwatch.display.why import why
from xenwatch.readings.snapshot import Snapshot
from xenwatch.record.past import Past
from xenwatch.record.record import Record
from xenwatch.record.times import FORMS
from xenwatch.report import html, markdown
from xenwatch.report.content import Report, content, mapped
from xenwatch.report.gather import Gathered
from xenwatch.report.moments import seen
from xenwatch.report.redactor import Redactor
from xenwatch.report.timeline import at

EXITS: Final = {
    OK: "written",
    USAGE: "bad usage, configuration rejected, or no such record",
    UNKNOWN: "nothing was recorded then, or the output cannot be written",
}
FORMATS: Final = {"html": html.render, "markdown": markdown.render}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--from", metavar="TIME", required=True, help=f"the first moment: {FORMS}")
    parser.add_argument("--to", metavar="TIME", help="the last moment (default: the newest)")
    parser.add_argument("--format", choices=FORMATS, default="html", help="default: %(default)s")
    parser.add_argument(
        "--redact",
        action="store_true",
        help="replace names, UUIDs and addresses, and leave out free text, so that the report can "
        "be shared",
    )
    parser.add_argument(
        "--output", metavar="FILE", type=filled, help="a new file with mode 0600 (default: stdout)"
    )


def run(options: argparse.Namespace) -> int:
    """Exit status `UNKNOWN` where nothing was recorded in that period."""
    settings = configured(options)
    begin, end = span_of(options, "from", "to")
    record = record_of(options, "from")
    faults = Faults()
    redactor = redactor_of(record, begin, end, secrets.token_bytes(32)) if options.redact else None
    made = report(settings, record, (begin, end), redactor, faults)
    faults.say()
    say_damaged(record)
    if made is None:
        say(nothing_in(record, begin, end))
        return UNKNOWN
    text = FORMATS[options.format](made)
    if options.output is None:
        return OK if write(text) else UNKNOWN
    try:
        save(Path(options.output), text.encode(errors="backslashreplace"))
    except OSError as error:
        say(f"--output: {options.output}: {_next_step(options.output, error)}")
        return UNKNOWN
    return OK


def redactor_of(record: Record, begin: float, end: float, key: bytes) -> Redactor:
    """The redactor for a period of a record. Raises `SourceError`."""
    moments = known(record, (record.load(one) for one in record.kept(begin, end)[:1]))
    hosts = (past.snapshot.host for past in moments)
    releases = [host.kernel_release for host in hosts if host is not None]
    return Redactor(key, [socket.gethostname()], releases)


def report(
    settings: Settings,
    record: Record,
    span: tuple[float, float],
    redactor: Redactor | None,
    faults: Faults,
) -> Report | None:
    """The report of a period, `None` where nothing was recorded. Raises `SourceError`."""

    def changed(past: Past) -> Past:
        return past if redactor is None else redactor.past(past)

    def look(moment: float) -> Snapshot:
        [found] = known(record, [record.load(record.at(moment))])
        return changed(found).snapshot

    gathered = Gathered()
    with progress("reading the record") as tell:
        moments = map(changed, known(record, record.between(*span)))
        for one in seen(moments, settings.thresholds(), time.time(), faults.fence):
            tell(f"reading the record, {at(one.past.snapshot.time)}")
            gathered.add(one)
        if not gathered.moments:
            return None
        own = record.path == DIRECTORY and redactor is None
        hostname = socket.gethostname() if own else ""
        made = content(
            gathered, look, version=__version__, hostname=hostname, damaged=len(record.damaged)
        )
    if redactor is None:
        return made
    changed_report: Report = mapped(made, redactor.text)
    return changed_report


def _next_step(path: str, error: OSError) -> str:
    """Why nothing could be saved there, with what to do."""
    above = os.path.dirname(path) or "."
    if os.path.isdir(path):
        return "is a directory; name a file in it"
    if isinstance(error, FileExistsError):
        return f"{why(error)}; name a new file, or remove this one"
    if isinstance(error, FileNotFoundError) and not os.path.isdir(above):
        return f"{why(error)}; create {above}"
    return why(error)


def save(path: Path, data: bytes) -> None:
    """Write a new file that only its owner can read. Raises `OSError`, also if it exists."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
