"""`xenwatch generate`: writes the generated files, or says which are stale."""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from xenwatch.alerts.states import Policy
from xenwatch.config import alert_keys, state_file
from xenwatch.config.document import DEFAULT_FILE
from xenwatch.config.errors import ConfigError
from xenwatch.config.settings import load_settings
from xenwatch.display.progress import progress
from xenwatch.display.say import say
from xenwatch.display.why import why
from xenwatch.generate import grouping
from xenwatch.generate.grouping import Grouping

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 # argparse names it no other way


T = TypeVar("T")


def _documents() -> Mapping[str, str]:
    """The documents."""
    # They fill the synthetic host: a fifth of what the daemon needs the CPU for until it is ready.
    from xenwatch.generate.documents import documents  # noqa: PLC0415

    return documents()


def _rules(policy: Policy, grouping: Grouping) -> Mapping[str, str]:
    """The rules for Prometheus."""
    from xenwatch.generate.rules import rule_files  # noqa: PLC0415 - the daemon needs none of them

    return rule_files(policy, grouping)


def _dashboards(policy: Policy) -> Mapping[str, str]:
    """The dashboards. Raises `ConfigError` where what they are built with is not installed."""
    try:
        # Only who changes the tables needs the SDK; the daemon never does.
        from xenwatch.generate.dashboards import dashboard_files  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != SDK:
            raise
        text = f"the module {SDK} is missing; in the repository: pip install --group generate"
        raise ConfigError([text]) from error
    return dashboard_files(policy)


SDK: Final = "grafana_foundation_sdk"
"""What the dashboards are built with: no dependency of the package."""
DOCS: Final = "docs"
DASHBOARDS: Final = "dashboards"
RULES: Final = "rules"
WHAT: Final[Mapping[str, Callable[[Policy, Grouping], Mapping[str, str]]]] = {
    DOCS: lambda _policy, _grouping: _documents(),
    DASHBOARDS: lambda policy, _grouping: _dashboards(policy),
    RULES: _rules,
}
"""What can be generated, from what is configured of alerts and for which groups of hosts."""


def stale(directory: Path, texts: Mapping[str, str]) -> list[str]:
    """The paths under `directory` that are missing or hold something else than they must."""
    return [
        name
        for name, text in texts.items()
        if not (directory / name).is_file() or (directory / name).read_bytes() != text.encode()
    ]


def _option(convert: Callable[[str], T]) -> Callable[[str], T]:
    """A converter for argparse, which then shows why a value is rejected."""

    def converted(text: str) -> T:
        try:
            return convert(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return converted


def _configuration(path: str) -> str:
    """Which configuration the rules are of; without one, whether the host has one."""
    if path != os.devnull:
        return f"configuration: {path}"
    if os.path.exists(DEFAULT_FILE):
        return f"{DEFAULT_FILE} was not read; to use it: --config.file {DEFAULT_FILE}"
    return "configuration: none, the defaults"


def run(arguments: argparse.Namespace) -> int:
    """Write what is stale, or with `check` only name it. Returns the exit status.

    Raises `ConfigError`.
    """
    of_rules = (arguments.job, arguments.by, not arguments.keep_firing_for)
    if arguments.what != RULES and any(of_rules):
        arguments.parser.error("--job, --by and --no-keep-firing-for are options of rules")
    path = getattr(arguments, "config_file", None)
    if arguments.what == DOCS and (arguments.scheme or path is not None):
        arguments.parser.error("--scheme and --config.file are options of rules and dashboards")
    path = os.devnull if path is None else path
    settings = load_settings(path, {})
    if arguments.what == RULES and arguments.keep_firing_for:
        for warning in settings.warnings():
            say(warning)
    job = arguments.job or settings[alert_keys.JOB]
    policy = dataclasses.replace(settings.alerts(), scheme=arguments.scheme or "http")
    grouping = Grouping(job, arguments.by, arguments.keep_firing_for)
    with progress(f"generating {arguments.what}"):
        texts = WHAT[arguments.what](policy, grouping)
    if arguments.what == RULES:
        say(_configuration(path))
    names = stale(arguments.directory, texts)
    for name in names:
        path = arguments.directory / name
        if arguments.check:
            say(f"{path} is stale; run the same command without --check")
        else:
            _write(path, texts[name])
            say(f"wrote {path}")
    return 1 if arguments.check and names else 0


def _write(path: Path, text: str) -> None:
    """Replace a file. Raises `OSError`, which names it and what to do."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Never written into: it may be a link to elsewhere that somebody else has made.
        state_file.replace(str(path), text, state_file.PUBLIC)
    except OSError as error:
        problem = f"{path}: {why(error)}; remove it, or choose another --directory"
        raise OSError(problem) from None


def add_parser(subparsers: Subparsers, text: str) -> argparse.ArgumentParser:
    """Add `generate` to the command line. The parsed arguments hold the function as `run`."""
    parser = subparsers.add_parser("generate", help=text, description=text)
    parser.add_argument(
        "what",
        metavar=f"{{{','.join(WHAT)}}}",  # else an error about it names its variable
        choices=tuple(WHAT),
        help="docs: documents; dashboards: Grafana dashboards; rules: Prometheus rules and "
        "Alertmanager configuration, with the alert durations of the configuration",
    )
    parser.add_argument(
        "--config.file",
        dest="config_file",
        metavar="FILE",
        default=argparse.SUPPRESS,  # so that one before the command counts
        help="configuration (default: none; the files match those of the repository)",
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if a file is stale"
    )
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path(),
        help="directory to write to (default: current directory)",
    )
    parser.add_argument(
        "--scheme",
        choices=("http", "https"),
        help="scheme of links to the daemons in rules and dashboards: https if they serve TLS "
        "(default: http)",
    )
    of_rules = parser.add_argument_group("options of rules")
    of_rules.add_argument(
        "--job",
        type=_option(alert_keys.job),
        metavar="NAME",
        help="job in Prometheus (default: alerts.job of the configuration)",
    )
    of_rules.add_argument(
        "--by",
        type=_option(grouping.labels),
        default=(),
        metavar="LABEL[,LABEL...]",
        help="labels that tell pools or sites apart, as in --by pool,site: each pool has its own "
        "alerts, and hosts of the same name are different hosts",
    )
    of_rules.add_argument(
        "--no-keep-firing-for",
        dest="keep_firing_for",
        action="store_false",
        help="leave out keep_firing_for, which vmalert before 1.92 rejects",
    )
    parser.set_defaults(run=run, parser=parser)
    return parser
