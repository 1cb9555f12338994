"""The alert XenwatchMaintenance as the daemon delivers it itself.

It has the labels that the rule gives it, and lasts as long as that: in Alertmanager it inhibits the
host's other alerts, also those that fired before, where no Prometheus evaluates the rule.
"""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.declared.maintenance import ALERT
from xenwatch.alerts.maintenance import Maintenance
from xenwatch.alerts.messages import Message, Sender
from xenwatch.alerts.wording import Texts, begin
from xenwatch.values import dataclass

DESCRIPTION: Final = (
    "Alerts of this host that start firing until then notify nobody; those whose condition still "
    "holds then are delivered then."
)


@dataclass(frozen=True, slots=True)
class Notice:
    """The alert while it fires, at most until the instant `expires`.

    `over` is when the maintenance was first seen to have ended (`None`: it lasts).
    """

    message: Message
    expires: float
    over: float | None = None


def message(found: Maintenance, since: float, sender: Sender) -> Message:
    """The message of a maintenance that was first seen at the instant `since`."""
    words = Texts(str(found), f"{DESCRIPTION} {begin(ALERT)}")
    return sender.message(ALERT, ALERT.severity, {}, words, since)
