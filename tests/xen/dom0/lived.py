"""In dom0: passes over the host, and between the second and the third a command.

Usage: lived.py DIRECTORY COMMAND, by the Python that has xenwatch. The snapshots are pickled into
DIRECTORY/snapshots, and recorded into DIRECTORY/record as the daemon records its own.
"""

from __future__ import annotations

import dataclasses
import pickle
import subprocess
import sys
import time
from pathlib import Path

from xenwatch import metrics
from xenwatch.alerts.states import Alerts
from xenwatch.assessment import Rules, assess_pass, with_alerts
from xenwatch.config.settings import Settings
from xenwatch.probes import PROBES
from xenwatch.probes.base import Pass, take
from xenwatch.record.past import Encoder, header
from xenwatch.record.store import Store
from xenwatch.sources.host import HostSource

PASSES, FIRST = 4, 2
EVERY = [dataclasses.replace(probe, enabled=True) for probe in PROBES]
RULES = Rules(policy=Settings({}).alerts())

directory, command = Path(sys.argv[1]), sys.argv[2]
directory.mkdir()
source, alerts, before = HostSource(), Alerts(), None
found: Pass | None = None
store, encoder = Store(directory / "record", 1 << 30, 1e6), Encoder()
snapshots = []
for number in range(PASSES):
    if number == FIRST:
        subprocess.run(command, shell=True, check=True)
    moment = time.time()
    found = take(source, EVERY, lambda: moment, found)  # noqa: B023
    assessment = assess_pass(found.snapshot, RULES, before)
    before = with_alerts(assessment, metrics.by_name(assessment), alerts)
    alerts = before.alerts or alerts
    store.append(encoder.moment(before, marked=False), header(found.snapshot.origin))
    snapshots.append(found.snapshot)
store.close()
(directory / "snapshots").write_bytes(pickle.dumps(snapshots))
