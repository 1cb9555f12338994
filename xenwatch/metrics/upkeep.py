"""The metrics of what expires, and of what waits for a reboot."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from xenwatch.metrics.base import Metric, Readings, Row

MARK: Final = "mark"
_INSTALLED: Final = (
    "uname(2), /sys/hypervisor/version; names, links and change times in /boot; /proc/stat, btime"
)


def _not_after(readings: Readings) -> Iterable[Row]:
    found = readings.snapshot.certificates
    by_name = found.by_name if found else {}
    return (((name, each.path), each.not_after) for name, each in by_name.items())


def _pending(readings: Readings) -> Iterable[Row]:
    found = readings.snapshot.reboot_pending
    if found is not None:
        yield from (((name,), int(image.pending)) for name, image in found.images.items())
        yield (MARK,), int(bool(found.marks))


def _versions(readings: Readings) -> Iterable[Row]:
    found = readings.snapshot.reboot_pending
    images = found.images if found else {}
    return (((name, image.running, image.installed), 1) for name, image in images.items())


UPKEEP_METRICS: Final = (
    Metric(
        "xenwatch_certificate_not_after_timestamp_seconds",
        "gauge",
        "When the certificate expires; of several in a file, the first that does. xapi is what "
        "xapi serves to its clients, xapi-pool what it serves to the other hosts of the pool.",
        "/etc/xensource/xapi-ssl.pem, /etc/xensource/xapi-pool-tls.pem: notAfter",
        _not_after,
        ("certificate", "path"),
    ),
    Metric(
        "xenwatch_reboot_pending",
        "gauge",
        "1 if a reboot would run another kernel or Xen: a newer one is installed, or the file of "
        "what runs was replaced since the boot. mark is 1 if a program asks for a reboot.",
        f"{_INSTALLED}; /run/reboot-required and the like",
        _pending,
        ("component",),
    ),
    Metric(
        "xenwatch_installed_info",
        "info",
        "The version of the kernel or Xen that runs, and the newest that is installed.",
        _INSTALLED,
        _versions,
        ("component", "running", "installed"),
    ),
)
"""The metrics of the probes `certificates` and `reboot_pending`."""
