"""The command line. stdout is data, stderr is talk."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

import structlog

from xenwatch import __version__, log, metrics, threads
from xenwatch.advice import qemu_wakeups, rendering
from xenwatch.cli import check, daemon_client, limits_table, plan
from xenwatch.cli.check import CheckError
from xenwatch.cli.daemon_client import Answer, AskError
from xenwatch.cli.doctor import report
from xenwatch.cli.source import choose, open_source, stands_still, synthetic
from xenwatch.config.key import Key
from xenwatch.config.keys import KEYS, LOG_FORMAT, LOG_LEVEL, ROOTFS, SOURCE
from xenwatch.config.settings import DEFAULT_FILE, ConfigError, Settings, load_settings
from xenwatch.display.text import printable
from xenwatch.exposition import text_format
from xenwatch.generate.command import add_parser as add_generate
from xenwatch.limits.states import Severity, assess
from xenwatch.passes.scheduler import one_pass
from xenwatch.planning import answer
from xenwatch.planning.capacity import fit_each
from xenwatch.planning.question import PlanError
from xenwatch.probes.qemu_causes import QEMU_WAKEUPS_BY_CAUSE
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.sources.base import Source, SourceError
from xenwatch.sources.recording import RecordingSource
from xenwatch.status import host_status
from xenwatch.status.host_status import Overview

MOST_PATIENT: Final = 3600.0
"""Seconds between two passes at most."""
CLOSE_DEADLINE: Final = 10.0
"""Seconds a recording has to be completed."""

COMMON: Final = (SOURCE, ROOTFS, LOG_LEVEL, LOG_FORMAT)
"""Keys whose options every command has."""


class _Parser(argparse.ArgumentParser):
    """A parser whose exit status for bad usage may be another than 2."""

    usage_status = 2

    def error(self, message: str) -> NoReturn:
        """Say how it is used and what was wrong, and exit."""
        self.print_usage(sys.stderr)
        self.exit(self.usage_status, f"{self.prog}: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit status: 0 well, 1 failed; 2 is bad usage."""
    parser = _parser()
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        getattr(options, "parser", parser).error(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        status: int = options.run(options)
    except ConfigError as error:
        _say(*error.problems)
        return 1
    except (SourceError, OSError) as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _write(text: str) -> bool:
    """Write data to stdout, always as UTF-8. Returns whether somebody took it."""
    if sys.stdout is None:
        _say("stdout is closed")
        return False
    try:
        sys.stdout.buffer.write(text.encode(errors="backslashreplace"))
        sys.stdout.buffer.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # a reader that has gone (`| head`) knows why
            _say(f"stdout: {error.strerror}")
        # What is left in the buffer must not fail again when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def _say(*lines: str) -> None:
    for line in lines:
        print(f"xenwatch: {printable(line)}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="xenwatch", description="Watches the limits of a Xen dom0.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"xenwatch {__version__}")
    _add_common(parser)
    commands: Any = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(run: Callable[[argparse.Namespace], int], text: str) -> _Parser:
        name = run.__name__.strip("_").replace("_", "-")
        added: _Parser = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        added.set_defaults(run=run, parser=added)
        _add_common(added)
        return added

    daemon = command(_run, "Run the daemon: read and serve metrics until stopped.")
    for key in KEYS:
        if key.flag and key not in COMMON:
            _add_key(daemon, key)
    once = command(_once, "Make one pass and print it.")
    once.add_argument("--format", choices=FORMATS, default="table", help="default: %(default)s")
    capture = command(_capture, "Make one pass and keep every answer of the source in DIR.")
    capture.add_argument("directory", metavar="DIR", type=Path, help="new or empty directory")
    command(_doctor, "Say what each probe reads, whether it can, and what to do.")
    command(_scenarios, "List what a synthetic host can play: --source synthetic:NAME.")
    plan.add_options(command(_plan, "Say how many more VMs fit, and which limit stops them."))
    _add_advise(command(_advise, "Rank VMs by the wakeups of their QEMU; say what to switch off."))
    checking = command(_check, "Check limits for Icinga and Nagios: one line and a status.")
    checking.usage_status = check.STATUS[Severity.UNKNOWN]
    check.add_options(checking)
    daemon_client.add_options(checking)
    watching = command(_top, "Show limits, room, alerts and broken VMs in a terminal; q quits.")
    daemon_client.add_options(watching)
    watching.add_argument(
        "--interval",
        metavar="SECONDS",
        type=daemon_client.seconds,
        default=5.0,
        help="time between two looks (default: %(default)g)",
    )
    command(_check_config, "Check the configuration.")
    add_generate(commands)
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    """The options that stand before the command or after it."""
    parser.add_argument(
        "--config.file",
        dest="config_file",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help=f"configuration (default: {DEFAULT_FILE})",
    )
    for key in COMMON:
        _add_key(parser, key)


def _add_key(parser: argparse.ArgumentParser, key: Key[Any]) -> None:
    """The option of a key. It is absent from the result unless it is given."""
    more: dict[str, Any] = {"metavar": key.name.upper()}
    if isinstance(key.default, bool):
        more = {"action": "store_true"}
    elif isinstance(key.default, tuple):
        more["action"] = "append"
    elif isinstance(key.default, int):
        more["type"] = int
    text = key.description.replace("%", "%%")
    parser.add_argument(key.flag, dest=key.path, default=argparse.SUPPRESS, help=text, **more)


def _settings(options: argparse.Namespace) -> Settings:
    paths = {key.path for key in KEYS}
    given = {name: value for name, value in vars(options).items() if name in paths}
    return load_settings(getattr(options, "config_file", None), given)


def _prepare(options: argparse.Namespace) -> tuple[Settings, Source]:
    """The settings, with the log set up by them, and the source they name."""
    settings = _settings(options)
    log.configure(settings[LOG_LEVEL], settings[LOG_FORMAT])
    return settings, open_source(settings[SOURCE], settings[ROOTFS])


def _run(options: argparse.Namespace) -> int:
    # aiohttp takes a third of a second to import; commands of one pass need none of it.
    from xenwatch.daemon.daemon import Daemon  # noqa: PLC0415
    from xenwatch.sources.events import host_streams  # noqa: PLC0415
    from xenwatch.sources.kept import raise_limit  # noqa: PLC0415
    from xenwatch.sources.tracefs import PollHistograms  # noqa: PLC0415

    settings, source = _prepare(options)
    rootfs = settings[ROOTFS]
    choice = choose(settings[SOURCE], rootfs)
    live = choice.spec == "host"
    streams = host_streams(rootfs) if live else {}
    tools = {QEMU_WAKEUPS_BY_CAUSE.name: PollHistograms(rootfs)} if live else {}
    raise_limit()

    async def serve() -> int:
        daemon = Daemon(settings, lambda: _settings(options), source, streams, tools=tools)
        return await daemon.run(choice)

    try:
        return asyncio.run(serve())
    except* Exception:  # noqa: BLE001 - the last word of the log says why
        structlog.get_logger().exception("the daemon ends by a defect")
    return 1


def _once(options: argparse.Namespace) -> int:
    settings, source = _prepare(options)
    snapshot = one_pass(source, settings.probes())
    written = _write(FORMATS[options.format](snapshot, settings))
    _say(*limits_table.failures(snapshot.outcomes).splitlines())
    return 0 if written and _succeeded(snapshot) else 1


def _capture(options: argparse.Namespace) -> int:
    settings, source = _prepare(options)
    directory: Path = options.directory
    recording = RecordingSource(source, directory)
    snapshot = one_pass(recording, settings.probes())
    threads.bounded(recording.close, CLOSE_DEADLINE, "close")
    _say(*limits_table.failures(snapshot.outcomes).splitlines())
    files = sum(path.is_file() for path in directory.rglob("*"))
    _say(f"{files} files saved in {directory}; read them with {SOURCE.flag} tree:{directory}")
    return 0 if _succeeded(snapshot) else 1


def _doctor(options: argparse.Namespace) -> int:
    settings, source = _prepare(options)
    probes = settings.probes()
    snapshot = one_pass(source, probes)
    written = _write(report(snapshot, probes))
    failed = any(it.status is Status.FAILED for it in snapshot.outcomes.values())
    return 0 if written and not failed else 1


def _plan(options: argparse.Namespace) -> int:
    try:
        plan.check(options)
        settings = _settings(options)
        log.configure(settings[LOG_LEVEL], settings[LOG_FORMAT])
        if options.platform is None:
            source = open_source(settings[SOURCE], settings[ROOTFS])
        else:
            source = synthetic(options.platform, empty=options.empty)
        snapshot = one_pass(source, settings.probes())
        obstacle = answer.obstacle(snapshot)
        if obstacle is not None:
            raise PlanError(obstacle)
        states = assess(snapshot, settings.thresholds())
        found = plan.plans(options, snapshot, states, settings.shapes())
    except (ConfigError, PlanError, SourceError, OSError) as error:
        # Status 1 says that VMs do not fit: nothing else may.
        _say(*str(error).splitlines())
        return plan.CANNOT_SAY
    render = {"table": lambda: plan.table(found), "json": lambda: answer.dumps(snapshot, found)}
    written = _write(render[options.format]())
    return plan.status(found) if written else plan.CANNOT_SAY


def _scenarios(options: argparse.Namespace) -> int:
    from xenwatch.model.scenario_source import load, names  # noqa: PLC0415

    width = max(map(len, names()))
    lines = (f"{name:<{width}}  {load(name).title}\n" for name in names())
    return 0 if _write("".join(lines)) else 1


def _add_advise(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--interval",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="time between the two passes the rates are made from; 0: one pass, ranked by all "
        "wakeups so far (default: %(default)g)",
    )
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--format", choices=ADVICE, default="table", help="default: %(default)s")
    forms.add_argument(
        "--script", dest="format", action="store_const", const="script", help="print a sh script"
    )


def _advise(options: argparse.Namespace) -> int:
    settings, source = _prepare(options)
    probes = [it for it in settings.probes() if it.name in qemu_wakeups.PROBES]
    earlier, now = None, one_pass(source, probes)
    still = stands_still(settings[SOURCE], settings[ROOTFS])
    if options.interval > 0 and not still:
        time.sleep(min(options.interval, MOST_PATIENT))
        earlier, now = now, one_pass(source, [it for it in probes if it.name == "qemus"], now)
    _say(*limits_table.failures(now.outcomes).splitlines())
    if now.qemus is None:
        _say("the QEMUs of the VMs could not be read: run as root in dom0, or see xenwatch doctor")
        return 1
    found = qemu_wakeups.advise(now, earlier)
    return 0 if _write(ADVICE[options.format](found, qemu_wakeups.toolstack(now))) else 1


def _look(options: argparse.Namespace) -> Callable[[], Answer]:
    """What asks the daemon for an overview, or makes a pass where a source is named."""
    if SOURCE.path not in vars(options):
        return lambda: daemon_client.ask(options.url or daemon_client.URL, options.timeout)
    if options.url is not None:
        raise AskError(f"--url and {SOURCE.flag} exclude each other")
    settings, source = _prepare(options)
    return lambda: Answer(_overview(one_pass(source, settings.probes()), settings), 0.0)


def _check(options: argparse.Namespace) -> int:
    try:
        asked = check.question(options)
        answer = _look(options)()
        status, line = check.judge(answer.overview, asked, answer.age)
    except (CheckError, AskError, ConfigError, SourceError, OSError) as error:
        status, line = check.unknown(str(error))
    except Exception as error:  # noqa: BLE001 - Python's own status, 1, would be a warning
        status, line = check.unknown(f"defect in xenwatch: {type(error).__name__}: {error}")
    return status if _write(line) else check.STATUS[Severity.UNKNOWN]


def _top(options: argparse.Namespace) -> int:
    try:
        from xenwatch.cli import top  # noqa: PLC0415 - rich is an extra
    except ModuleNotFoundError as error:
        _say(
            f"top needs {error.name}, which is not installed: {sys.executable} -m pip install rich"
        )
        return 1
    try:
        return top.run(_look(options), options.interval)
    except (top.TopError, AskError) as error:
        _say(str(error))
        return 1


def _check_config(options: argparse.Namespace) -> int:
    _settings(options)
    return 0


def _succeeded(snapshot: Snapshot) -> bool:
    return any(outcome.status is Status.OK for outcome in snapshot.outcomes.values())


def _prometheus(snapshot: Snapshot, settings: Settings) -> str:
    states = assess(snapshot, settings.thresholds())
    outlook = metrics.Outlook(fit_each(states, snapshot, settings.shapes().values()))
    return text_format.render(metrics.families(snapshot, states, None, outlook)).decode()


def _overview(snapshot: Snapshot, settings: Settings) -> Overview:
    states = assess(snapshot, settings.thresholds())
    plans = fit_each(states, snapshot, settings.shapes().values())
    return host_status.of(snapshot, states, plans, settings.probes())


def _json(snapshot: Snapshot, settings: Settings) -> str:
    return host_status.dumps(_overview(snapshot, settings))


def _table(snapshot: Snapshot, settings: Settings) -> str:
    return limits_table.table(assess(snapshot, settings.thresholds()))


ADVICE: Final = {
    "table": rendering.table, "json": rendering.document, "script": rendering.script
}  # fmt: skip
FORMATS: Final = {"table": _table, "json": _json, "prometheus": _prometheus}
