"""Whether the host is a control domain, and what of Xen applies elsewhere."""

from __future__ import annotations

import dataclasses

import pytest

from tests.probes.support import (
    DOM0,
    GUEST,
    NO_XEN,
    NO_XENFS,
    FakeHost,
    Files,
    denied,
    failure_of,
    outcome_of,
)
from tests.support import full_snapshot
from xenwatch.probes import PROBES
from xenwatch.probes.base import NotApplicable, Probe
from xenwatch.probes.devices import DIRECTORY
from xenwatch.probes.xen import FEATURES, is_dom0, list_optional, read_optional, require_dom0
from xenwatch.readings.snapshot import Status
from xenwatch.sources.base import SourceError

XEN_ONLY = [
    probe
    for probe in PROBES
    if probe.name
    in {
        "domains",
        "xenstore",
        "event_channels",
        "grants",
        "maptrack",
        "backends",
        "xenstore_devices",
        "driver_domains",
        "daemons",
    }
]
ASKS_XEN = [probe for probe in XEN_ONLY if probe.name in {"domains", "xenstore", "event_channels"}]


@pytest.mark.parametrize("files", NO_XEN.values(), ids=NO_XEN.keys())
@pytest.mark.parametrize("probe", XEN_ONLY, ids=lambda probe: probe.name)
def test_probes_of_xen_apply_to_dom0_alone(probe: Probe, files: Files) -> None:
    """Elsewhere a probe of Xen is not applicable, and asks neither Xen nor xenstore."""
    source = FakeHost(files=files)

    assert outcome_of(probe, source).status is Status.NOT_APPLICABLE
    assert set(source.asked) <= {
        "/proc/xen/capabilities",
        "/sys/hypervisor/type",
        DIRECTORY,  # with devices on it a guest is a driver domain
    }


def test_a_host_that_was_read_as_dom0_is_not_asked_again() -> None:
    """Every probe of Xen would ask otherwise, in every pass."""
    source, known = FakeHost(), full_snapshot()
    assert known.host is not None
    guest = dataclasses.replace(known.host, is_dom0=False)

    require_dom0(source, known)
    assert source.asked == []

    with pytest.raises(NotApplicable):
        require_dom0(source, dataclasses.replace(known, host=guest))
    assert source.asked != []


@pytest.mark.parametrize("probe", ASKS_XEN, ids=lambda probe: probe.name)
def test_without_xenfs_a_probe_tries_and_fails_loudly(probe: Probe) -> None:
    """Where only sysfs says that there is Xen, the probe tries, and what it lacks is named."""
    detail = failure_of(probe, FakeHost(files=NO_XENFS, store=None))

    assert "/dev/xen/privcmd" in detail or "xenstored" in detail


def test_a_guest_is_told_that_it_is_one() -> None:
    """The reason tells a guest of Xen from a machine without Xen."""
    with pytest.raises(NotApplicable, match="a Xen guest, not the control domain"):
        require_dom0(FakeHost(files=GUEST))
    with pytest.raises(NotApplicable, match="not a Xen host: no /proc/xen/capabilities, no"):
        require_dom0(FakeHost())


@pytest.mark.parametrize(
    ("features", "expected"),
    [(b"00002f7f\n", True), (b"00002705\n", False), (None, True), (b"many\n", True)],
)
def test_without_xenfs_the_kernels_features_tell_dom0(
    features: bytes | None, expected: bool
) -> None:
    """XENFEAT_dom0 is Xen's own word; where it cannot be read, a Xen host is taken for dom0."""
    files = NO_XENFS if features is None else {**NO_XENFS, FEATURES: features}

    assert is_dom0(FakeHost(files=files)) is expected


def test_capabilities_that_cannot_be_read_are_a_failure() -> None:
    """That a file may not be read is not that there is no Xen."""
    path = "/proc/xen/capabilities"
    with pytest.raises(SourceError, match="Permission denied"):
        require_dom0(FakeHost(files=DOM0, errors={path: denied(path)}))


def test_what_is_optional_may_be_missing_and_no_more() -> None:
    """A file or directory that is not there is `None`; one that cannot be read is an error."""
    source = FakeHost(errors={"/closed": denied("/closed")})

    assert read_optional(source, "/nowhere") is None
    assert list_optional(source, "/nowhere") is None
    with pytest.raises(SourceError, match="/closed: Permission denied"):
        read_optional(source, "/closed")
    with pytest.raises(SourceError, match="/closed: Permission denied"):
        list_optional(source, "/closed")
