"""`xenwatch support`: what a bug report needs, as one redacted archive."""

from __future__ import annotations

import argparse
import io
import math
import platform
import re
import secrets
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Final

from xenwatch import __version__
from xenwatch.cli import doctor
from xenwatch.cli.capture import capture, is_live, own_names, summary
from xenwatch.cli.configured import prepare
from xenwatch.cli.exit_status import OK, UNKNOWN, USAGE
from xenwatch.cli.faults import Faults
from xenwatch.cli.option_values import filled
from xenwatch.cli.outcomes import any_ok, failures
from xenwatch.cli.output import write
from xenwatch.cli.passes import DIRECTORY
from xenwatch.cli.recorded import nothing_in, say_damaged, time_of
from xenwatch.cli.report import report
from xenwatch.config.errors import ConfigError
from xenwatch.config.keys import KEYS
from xenwatch.config.settings import Settings
from xenwatch.display.progress import progress
from xenwatch.display.say import say
from xenwatch.display.why import where_and_why
from xenwatch.readings.snapshot import Snapshot
from xenwatch.record.past import Past
from xenwatch.record.record import Record
from xenwatch.record.times import FORMS
from xenwatch.report import html, markdown
from xenwatch.report.redactor import Redactor
from xenwatch.sources import commands
from xenwatch.sources.base import Source, SourceError
from xenwatch.sources.output import OutputDirectory

EXITS: Final = {
    OK: "written",
    USAGE: "bad usage, configuration rejected, or DIR cannot be used",
    UNKNOWN: "no probe succeeded, or the archive could not be written",
}
SPAN: Final = 6 * 3600.0
"""Seconds before now that report and log begin, by default."""
LOG_MAX: Final = 4 << 20
"""Max bytes of the daemon's log, from its end."""
LOG_LINES: Final = 20_000
LOG_DEADLINE: Final = 20.0
"""Seconds in which journalctl has to answer."""
UNITS: Final = ("xenwatch", "xenwatch-reader", "xenwatch-messages")
_REQUIRED: Final = re.compile(r"[\w.-]+")
README: Final = """\
Made by xenwatch support. Names of VMs, networks and storage, UUIDs and addresses are replaced,
consistently in all files. Review the files before you post them: logs are free text.

report.html, report.md  what happened, from the daemon's record
doctor.txt              the result of every probe just now
configuration.txt       the keys that are set; strings and secrets are not shown
versions.txt            xenwatch, Python and the libraries it uses
log.txt                 the daemon's log
capture                 every answer of the host: xenwatch once --source tree:capture
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("directory", metavar="DIR", type=filled, help="new or empty directory")
    parser.add_argument(
        "--from", metavar="TIME", help=f"start of report and log: {FORMS} (default: 6h)"
    )
    parser.add_argument(
        "--record",
        metavar="PATH",
        type=filled,
        help=f"the record to report on (default: {DIRECTORY})",
    )


def run(options: argparse.Namespace) -> int:
    """Exit status `UNKNOWN` where no probe succeeded."""
    settings, source = prepare(options)
    now = time.time()
    begin = time_of(options, "from", now - SPAN)
    try:
        record = Record(options.record) if options.record else None
    except SourceError as error:
        raise ConfigError([f"--record: {error}"]) from None
    try:
        output = OutputDirectory(options.directory)
    except SourceError as error:
        raise ConfigError([f"DIR: {error}"]) from None
    faults, key = Faults(), secrets.token_bytes(32)
    try:
        with tempfile.TemporaryDirectory(prefix="xenwatch-") as temporary:
            below = Path(temporary) / "capture"
            snapshot, redacted = capture(settings, source, below, key)
            redactor = _redactor(snapshot, source, key)
            files = {
                "README.txt": README,
                **_reports(settings, record, begin, redactor, faults),
                "doctor.txt": redactor.text(doctor.report(snapshot, settings.probes())),
                "configuration.txt": configuration(settings),
                "versions.txt": "".join(f"{line}\n" for line in versions(snapshot)),
                "log.txt": _log(source, begin, redactor),
            }
            with progress("packing"):
                packed = archive(files, below, now)
        name = f"xenwatch-support-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(now))}.tar.gz"
        output.write(name.encode(), packed)
    finally:
        output.close()
    faults.say()
    say(*failures(snapshot.outcomes).splitlines())
    if redacted is not None:
        say(*summary(redacted))
    written = write(f"{Path(options.directory) / name}\n")
    return OK if written and any_ok(snapshot.outcomes) else UNKNOWN


def _redactor(snapshot: Snapshot, source: Source, key: bytes) -> Redactor:
    """The redactor with the capture's key, which has learnt the names of the snapshot."""
    releases = [snapshot.host.kernel_release] if snapshot.host else []
    redactor = Redactor(key, own_names(source.origin), releases)
    redactor.past(Past(snapshot, None, {}, {}, None))
    return redactor


def _reports(
    settings: Settings, record: Record | None, begin: float, redactor: Redactor, faults: Faults
) -> dict[str, str]:
    """The report in both formats, or why there is none, which is said too."""
    try:
        record = record or Record(DIRECTORY)
        made = report(settings, record, (begin, math.inf), redactor, faults)
        say_damaged(record)
        if made is not None:
            return {"report.html": html.render(made), "report.md": markdown.render(made)}
        reason = nothing_in(record, begin, math.inf)
    except SourceError as error:
        reason = str(error)
    say(f"no report is in the archive: {reason}")
    return {"report.txt": redactor.text(f"no report: {reason}\n")}


def configuration(settings: Settings) -> str:
    """The keys that differ from their default, strings without their value."""
    lines = [
        f"{key.path} = {_value(settings[key])}\n" for key in KEYS if settings[key] != key.default
    ]
    return "".join(lines) or "no key is set\n"


def _value(value: object) -> str:
    """A number as it is; a text may be a name or a secret."""
    if isinstance(value, bool | int | float) or value is None:
        return str(value).lower()
    return "(set)"


def versions(snapshot: Snapshot) -> Iterator[str]:
    """What runs, a line each."""
    yield f"xenwatch {__version__}"
    yield f"Python {platform.python_version()}"
    if snapshot.host is not None:
        host = snapshot.host
        yield f"{host.platform} {host.platform_version}, Xen {host.xen_version or 'none'}"
        yield f"Linux {host.kernel_release} {host.machine}"
    try:
        required = metadata.requires("xenwatch") or []
    except metadata.PackageNotFoundError:
        yield f"xenwatch is not installed as a package, it runs from {sys.executable}"
        return
    for name in sorted({found[0] for line in required if (found := _REQUIRED.match(line))}):
        try:
            yield f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            yield f"{name} is not installed"


def _log(source: Source, begin: float, redactor: Redactor) -> str:
    """The end of the daemon's log, or why it could not be read."""
    if not is_live(source.origin):
        return f"not read: the source is not this host ({source.origin.kind})\n"
    argv = ["journalctl", "--no-pager", "--quiet", "--output=short-iso-precise"]
    argv += [f"--lines={LOG_LINES}", f"--since=@{begin:.0f}"]
    argv += [f"--unit={unit}" for unit in UNITS]
    try:
        with progress("reading the log"):
            found = commands.run(argv, LOG_DEADLINE)
    except SourceError as error:
        return f"could not be read: {where_and_why(error)}\n"
    if found.status:
        said = found.stderr[:1000].decode(errors="replace")
        return redactor.text(f"could not be read: journalctl ended with {found.status}: {said}\n")
    said = found.stdout[-LOG_MAX:].decode(errors="replace")
    return redactor.journal(said) or "journalctl has nothing of that time\n"


def archive(files: Mapping[str, str], capture: Path, now: float) -> bytes:
    """The files and a directory as a compressed archive without the name of who made it."""
    packed = io.BytesIO()
    below = "xenwatch-support"
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:

        def add(name: str, content: bytes) -> None:
            entry = tarfile.TarInfo(f"{below}/{name}")
            entry.size, entry.mode, entry.mtime = len(content), 0o600, int(now)
            tar.addfile(entry, io.BytesIO(content))

        for name, text in files.items():
            add(name, text.encode(errors="backslashreplace"))
        for path in sorted(capture.rglob("*")):
            if path.is_file():
                add(f"capture/{path.relative_to(capture)}", path.read_bytes())
    return packed.getvalue()
