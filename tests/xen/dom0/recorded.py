"""In dom0: a pass over the host, recorded into DIRECTORY/capture, and what it saw, pickled.

Usage: recorded.py DIRECTORY, by the Python that has xenwatch.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.sources.host import HostSource
from xenwatch.sources.recording import RecordingSource

directory = Path(sys.argv[1])
directory.mkdir()
recording = RecordingSource(HostSource(), directory / "capture")
snapshot = take(recording, PROBES).snapshot
recording.close()
(directory / "snapshot").write_bytes(pickle.dumps(snapshot))
