"""Upgrades: the alerts that a daemon of an earlier release has saved.

The files are of daemons of 0.1.0 on the synthetic hosts leak-dying-domains@200, whose webhook was
told of everything, and leak-blktap-ids@7200, whose webhook did not answer.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.programs import Receiver, until
from tests.running import xenwatch
from xenwatch.alerts.messages import Sender
from xenwatch.delivery.outbox import Outbox
from xenwatch.delivery.saved import Value
from xenwatch.readings.moment import Moment

HERE = Path(__file__).parent
SAVED = HERE / "alerts-0.1.0.json"
UNDELIVERED = HERE / "undelivered-0.1.0.json"
AT_ONCE = """
[alerts.near_limit]
for = 0
[alerts.zombie_domain]
for = 0
[limits.file_system]
warning = 0.01
critical = "never"
"""


def fired(document: dict[str, Any], name: str) -> dict[str, float]:
    """When each alert of a name began to fire, by mount point or domid."""
    return {
        one["labels"].get("mountpoint") or one["labels"]["domid"]: one["fired"]
        for one in document["active"]
        if one["alert"] == name
    }


@pytest.mark.timeout(120)
def test_saved_alerts_of_0_1_0_are_taken_over(tmp_path: Path) -> None:
    """What fires keeps its start and is not told again; what has other labels now is told anew."""
    receiver, kept, config = Receiver(), tmp_path / "alerts.json", tmp_path / "xenwatch.toml"
    shutil.copy(SAVED, kept)
    config.write_text(
        f'[alerts]\nstate_file = "{kept}"\n[webhook]\nurl = "{receiver.url}"\n{AT_ONCE}'
    )
    with (
        receiver.running(),
        xenwatch(f"--config.file={config}", "--source=synthetic:leak-dying-domains@200") as daemon,
    ):
        until(lambda: bool(receiver.got), "the webhook is told")
        assert daemon.stop() == 0
    events = [alert for document in receiver.got for alert in document["alerts"]]
    before, after = json.loads(SAVED.read_text()), json.loads(kept.read_text())

    assert [line for line in daemon.log if line["event"] == "restoring saved alerts failed"] == []
    assert {event["labels"]["alertname"] for event in events} == {"XenwatchZombieDomain"}
    resolved = {event["labels"]["domid"] for event in events if event["status"] == "resolved"}
    assert resolved == fired(before, "zombie_domain").keys()
    assert all("uuid" in event["labels"] for event in events if event["status"] == "firing")
    files = fired(before, "file_system_near_limit")
    assert files.keys() == {"/", "/var/log"}
    assert fired(after, "file_system_near_limit") == {
        name: round(time, 3) for name, time in files.items()
    }


def test_what_0_1_0_has_not_delivered_is_delivered() -> None:
    """Its events wait for the webhook as they were."""
    document = json.loads(UNDELIVERED.read_text())
    box = Outbox(Sender("host1", "r/"), ["webhook"])
    now = Moment(document["saved"] + 1, 10.0)
    box.restore(Value(document), now, 240.0)

    assert len(document["queues"]["webhook"]) == 3
    assert [each.document(now) for each in box.queues["webhook"]] == document["queues"]["webhook"]
    assert len(box.alerts.firing) == len(document["active"])
