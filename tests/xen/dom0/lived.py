"""In dom0: passes over the host, and between the second and the third a command.

Usage: lived.py FILE COMMAND, by the Python that has xenwatch. The snapshots are pickled into FILE.
"""

from __future__ import annotations

import dataclasses
import pickle
import subprocess
import sys
import time
from pathlib import Path

from xenwatch.probes import PROBES
from xenwatch.probes.base import Pass, take
from xenwatch.sources.host import HostSource

PASSES, FIRST = 4, 2
EVERY = [dataclasses.replace(probe, enabled=True) for probe in PROBES]

file, command = Path(sys.argv[1]), sys.argv[2]
source = HostSource()
found: Pass | None = None
snapshots = []
for number in range(PASSES):
    if number == FIRST:
        subprocess.run(command, shell=True, check=True)
    moment = time.time()
    found = take(source, EVERY, lambda: moment, found)  # noqa: B023
    snapshots.append(found.snapshot)
file.write_bytes(pickle.dumps(snapshots))
