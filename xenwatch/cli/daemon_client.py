"""Where `top` and `explain` get the status of a host: from a running daemon, or by a pass."""

from __future__ import annotations

import argparse
import dataclasses
import http
import math
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

from xenwatch import metrics
from xenwatch.alerts.maintenance import Maintenance
from xenwatch.alerts.states import Alerts, Policy
from xenwatch.assessment import assess_pass, with_alerts
from xenwatch.cli import daemon_request
from xenwatch.cli.configured import rules
from xenwatch.cli.daemon_address import Address
from xenwatch.cli.daemon_request import DEADLINE, NOT_XENWATCH, place_of, refused, unanswered
from xenwatch.cli.maintenance import said
from xenwatch.cli.options import is_given
from xenwatch.cli.passes import Live, Replayed, prepare_passes
from xenwatch.config.common_keys import SOURCE
from xenwatch.config.settings import Settings
from xenwatch.fence import OPEN, Fence, Part
from xenwatch.passes.one_pass import one_pass
from xenwatch.probes.base import Pass
from xenwatch.status import activity, host_status
from xenwatch.status.activity import Activity, ActivityError
from xenwatch.status.host_status import HostStatus, StatusError
from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of a host, and how many seconds old it is by the daemon's own clock.

    `activity` is that of its VMs, `None` if not asked for or not served by the daemon.
    """

    status: HostStatus
    age: float
    activity: Activity | None = None


def look(
    options: argparse.Namespace, *, alerts: bool = False, fence: Fence = OPEN
) -> Callable[[], Answer]:
    """A function that queries the daemon for the status, or makes a pass if a source is named.

    The daemon's status has its alerts; that of a pass has them with `alerts`: what holds in one
    pass fires, for there is no time it could have held for. What raises within `fence` is unknown.
    Raises `AskError` and `ConfigError`.
    """
    if not is_given(options, SOURCE):
        place = place_of(options)
        return lambda: ask(place, options.timeout or DEADLINE)
    settings, passes = prepare_passes(options, one_pass)
    return assessed(settings, passes, alerts=alerts, fence=fence)


def assessed(
    settings: Settings, passes: Live | Replayed, *, alerts: bool = False, fence: Fence = OPEN
) -> Callable[[], Answer]:
    """A function that makes a pass, each with what the one before knew; as `look`."""
    probes = settings.probes()
    judged = rules(settings)
    if alerts:
        judged = dataclasses.replace(judged, policy=at_once(settings.alerts()))
    before: Pass | None = None

    def make_pass() -> Answer:
        nonlocal before
        now = dataclasses.replace(judged, maintenance=_maintenance(settings))
        before = passes.take(probes, before)
        assessment = assess_pass(before.snapshot, now, fence=fence)
        assessment = with_alerts(assessment, metrics.by_name(assessment), Alerts())
        assessment = passes.judged(assessment)
        status = host_status.host_status(assessment, probes)
        done = fence(Part.FINDING, "activity", lambda: activity.activity(assessment.snapshot), None)
        return Answer(status, 0.0, done)

    return make_pass


def _maintenance(settings: Settings) -> tuple[Maintenance, ...]:
    """What is said of maintenance; as for the daemon, a file that cannot be read says nothing."""
    try:
        return said(settings)
    except (OSError, ValueError):
        return settings.maintenance()


def at_once(policy: Policy) -> Policy:
    """The policy with which an alert fires in the pass in which its condition holds.

    What only time makes critical does not get so: one pass cannot tell how long it has lasted.
    """
    return dataclasses.replace(
        policy,
        seconds=dict.fromkeys(policy.seconds, 0.0),
        critical_seconds=dict.fromkeys(policy.critical_seconds, math.inf),
    )


def ask(place: Address, deadline: float = DEADLINE, *, activity_too: bool = False) -> Answer:
    """The status of the daemon at `place`, with `activity_too` also the activity of its VMs.

    Raises `AskError`, which tells its problem too.
    """
    response = daemon_request.get(place, host_status.PATH, deadline)
    if response.code != http.HTTPStatus.OK:
        raise refused(place, response)
    try:
        found = host_status.loads(response.body)
    except StatusError as error:
        raise unanswered(place, str(error)) from None
    try:
        now = parsedate_to_datetime(response.date).timestamp() if response.date else time.time()
    except (ValueError, OverflowError):
        raise unanswered(place, NOT_XENWATCH) from None
    done = _activity(place, deadline) if activity_too else None
    return Answer(found, now - found.time, done)


def _activity(place: Address, deadline: float) -> Activity | None:
    """The activity of the VMs of a daemon's host, `None` if the daemon does not serve it."""
    response = daemon_request.get(place, activity.PATH, deadline)
    if response.code == http.HTTPStatus.NOT_FOUND:
        return None
    if response.code != http.HTTPStatus.OK:
        raise refused(place, response)
    try:
        return activity.loads(response.body)
    except ActivityError as error:
        raise unanswered(place, str(error)) from None
