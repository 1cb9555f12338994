"""The daemon's own process, under the names every exporter uses."""

from __future__ import annotations

from typing import Final

import psutil

from xenwatch.exposition.text_format import Family, Kind

_SELF: Final = psutil.Process()


def own_process() -> list[Family]:
    """`process_*` of this process: CPU, memory, descriptors, threads, start time.

    Names and units: "Writing client libraries" of Prometheus. Empty where `/proc` cannot be read.
    """
    try:
        # Each for itself: within `oneshot` psutil 7.2 takes three times as long for these.
        cpu, memory = _SELF.cpu_times(), _SELF.memory_info()
        rows: tuple[tuple[str, Kind, str, float], ...] = (
            ("virtual_memory_bytes", "gauge", "Virtual memory size in bytes.", memory.vms),
            ("resident_memory_bytes", "gauge", "Resident memory size in bytes.", memory.rss),
            (
                "start_time_seconds",
                "gauge",
                "Start time of the process since unix epoch in seconds.",
                _SELF.create_time(),
            ),
            (
                "cpu_seconds_total",
                "counter",
                "Total user and system CPU time spent in seconds.",
                cpu.user + cpu.system,
            ),
            (
                "max_fds",
                "gauge",
                "Maximum number of open file descriptors.",
                _SELF.rlimit(psutil.RLIMIT_NOFILE)[0],
            ),
            ("open_fds", "gauge", "Number of open file descriptors.", _SELF.num_fds()),
            ("threads", "gauge", "Number of OS threads in the process.", _SELF.num_threads()),
        )
    except (psutil.Error, OSError):
        return []
    return [
        Family(f"process_{name}", kind, text, (), [((), value)]) for name, kind, text, value in rows
    ]
