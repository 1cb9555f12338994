"""In dom0: a pass over the host, recorded into DIRECTORY/capture, and what it saw, pickled.

Usage: recorded.py DIRECTORY, by the Python that has xenwatch.
"""

from __future__ import annotations

import pickle
import sys
import time
from pathlib import Path

from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.sources.host import HostSource
from xenwatch.sources.recording import RecordingSource

directory = Path(sys.argv[1])
directory.mkdir()
# One moment for both: times of messages in logs are counted back from it.
moment = time.time()
recording = RecordingSource(HostSource(), directory / "capture", clock=lambda: moment)
snapshot = take(recording, PROBES, clock=lambda: moment).snapshot
recording.close()
(directory / "snapshot").write_bytes(pickle.dumps(snapshot))
