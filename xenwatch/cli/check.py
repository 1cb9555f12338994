"""`xenwatch check`: one line, an exit status and performance data for Icinga and Nagios.

The daemon judges: a check that is run every minute on every host imports no more than it must.
"""

from __future__ import annotations

import argparse
import dataclasses
import http
import json
from typing import Any, Final
from urllib.parse import urlencode

from xenwatch.cli import daemon_request
from xenwatch.cli.daemon_request import AskError, place_of, refused, unanswered
from xenwatch.cli.options import is_given
from xenwatch.cli.output import write
from xenwatch.cli.parser import Parser
from xenwatch.config.common_keys import SOURCE
from xenwatch.config.errors import ConfigError
from xenwatch.display import plugin
from xenwatch.display.text import printable
from xenwatch.display.why import where_and_why
from xenwatch.http.paths import CHECK
from xenwatch.readings.origin import Origin
from xenwatch.status import from_json
from xenwatch.values import dataclass

EXITS: Final = {status: state for state, status in plugin.STATUS.items()}
_NO_CHECK: Final = (
    f"{{}}: HTTP status 404: no xenwatch there; give its URL without /api or another page. Or the "
    f"daemon is older than this command: systemctl restart xenwatch; until then: {SOURCE.flag} host"
)


class CheckError(Exception):
    """A check that has no verdict; the text says why."""


@dataclass(frozen=True, slots=True)
class _Finding:
    name: str
    state: str
    text: str


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What a daemon says: the fields of `plugin.document`, and the line."""

    state: str
    exit_status: int
    text: str
    source: Origin | None
    findings: tuple[_Finding, ...]
    line: str


def add_options(parser: Parser) -> None:
    """The options of the command."""
    parser.usage_status = plugin.STATUS[plugin.UNKNOWN]
    parser.add_argument(
        "--limit",
        metavar="NAME",
        action="append",
        default=[],
        help="only this limit, and no alert; repeatable",
    )
    parser.add_argument(
        "--exclude",
        metavar="NAME",
        action="append",
        default=[],
        help="not this limit or alert, such as zombie_domain; repeatable",
    )
    for name in ("warning", "critical"):
        parser.add_argument(
            f"--{name}",
            metavar="LIMIT=RATIO",
            action="append",
            default=[],
            help=f"used ratio at which the check is {name}; repeatable (default: the daemon's)",
        )
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="default: %(default)s"
    )
    daemon_request.add_options(parser)


def run(options: argparse.Namespace) -> int:
    """Exit status as plugins have it; unknown also for an error."""
    try:
        if problem := daemon_request.conflict(options):
            raise CheckError(problem)
        found = _here(options) if is_given(options, SOURCE) else _asked(options)
    except (CheckError, AskError, ConfigError, OSError) as error:
        found = _unknown(where_and_why(error))
    except Exception as error:  # noqa: BLE001 - Python's own status, 1, would be a warning
        found = _unknown(f"bug in xenwatch: {type(error).__name__}: {error}")
    line = found.pop("line")
    text = line if options.format == "text" else json.dumps(found, indent=2) + "\n"
    status: int = found["exit_status"] if write(text) else plugin.STATUS[plugin.UNKNOWN]
    return status


def _unknown(reason: str) -> dict[str, Any]:
    state = plugin.UNKNOWN
    return {**plugin.document(state, reason), "line": plugin.line(state, reason)}


def _given(options: argparse.Namespace) -> dict[str, list[str]]:
    """What is asked, by name of parameter."""
    found = {name: getattr(options, name) for name in plugin.PARAMETERS}
    return {name: values for name, values in found.items() if values}


def _asked(options: argparse.Namespace) -> dict[str, Any]:
    """The verdict of a daemon. Raises `CheckError`, `AskError`, `ConfigError`."""
    place = place_of(options)
    query = urlencode(_given(options), doseq=True, errors="surrogateescape")
    path = f"{CHECK}?{query}" if query else CHECK
    response = daemon_request.get(place, path, options.timeout or daemon_request.DEADLINE)
    if response.code == http.HTTPStatus.NOT_FOUND:
        raise AskError(_NO_CHECK.format(place.url))
    found = _document(response.body)
    if response.code == http.HTTPStatus.BAD_REQUEST and isinstance(found.get("error"), str):
        raise CheckError(found["error"])
    if response.code != http.HTTPStatus.OK:
        raise refused(place, response)
    try:
        verdict = from_json.read(_Verdict, found)
    except (TypeError, KeyError, ValueError):
        raise unanswered(place, daemon_request.NOT_XENWATCH) from None
    state, line = verdict.state, verdict.line.rstrip("\n")
    if plugin.STATUS.get(state) != verdict.exit_status or not line.startswith(plugin.head(state)):
        raise unanswered(place, daemon_request.NOT_XENWATCH)
    return {**dataclasses.asdict(verdict), "line": f"{printable(line)}\n"}


def _document(body: bytes) -> dict[str, Any]:
    """The object of a response, an empty one where it is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _here(options: argparse.Namespace) -> dict[str, Any]:
    """The verdict on a pass of this process. Raises `CheckError`, `ConfigError`, `OSError`."""
    from xenwatch.cli import daemon_client  # noqa: PLC0415 - a pass needs nearly everything
    from xenwatch.cli.faults import Faults  # noqa: PLC0415
    from xenwatch.sources.base import SourceError  # noqa: PLC0415
    from xenwatch.status import check  # noqa: PLC0415

    faults = Faults()
    try:
        given = _given(options)
        check.question(given)  # before anything is read
        found = daemon_client.look(options, alerts=True, fence=faults.fence)()
        return check.answer(given, found.status, found.age, faults.fence)
    except (check.CheckError, SourceError) as error:
        raise CheckError(where_and_why(error)) from None
    finally:
        faults.say()
