"""The max of a driver domain's event channels, which nobody can ask Xen for."""

from __future__ import annotations

import dataclasses

import pytest

from tests.support import full_snapshot
from xenwatch.limits.driver_domain_event_channels import maximum, used
from xenwatch.readings.event_channels import DriverDomains, EventChannels
from xenwatch.readings.processes import Daemons
from xenwatch.readings.snapshot import Snapshot

HIGHEST = {3: 1023, 4: 1024, 5: 4095, 6: 4096}
"""The highest port in use by driver domain."""


def on(**host: object) -> Snapshot:
    """The full snapshot with these driver domains, on a host with these facts, without xapi."""
    full = full_snapshot()
    assert full.host is not None
    channels = {
        domid: EventChannels({"interdomain": 900 + domid}, {}, None, port, "hypercall")
        for domid, port in HIGHEST.items()
    }
    return dataclasses.replace(
        full,
        host=dataclasses.replace(full.host, **host),  # type: ignore[arg-type]
        driver_domains=DriverDomains(channels),
        daemons=Daemons({}),
    )


def test_every_driver_domain_has_its_own() -> None:
    """What is used comes by the domid that serves the devices."""
    assert used(on()) == {"3": 903, "4": 904, "5": 905, "6": 906}


@pytest.mark.parametrize(
    ("platform", "is_dom0", "expected"),
    [
        ("debian", True, {"3": 1023}),
        ("qubes", True, {"3": 1023}),
        ("xcp-ng", True, {"6": 131071}),
        ("debian", False, {}),
    ],
)
def test_a_max_is_of_the_toolstack(platform: str, is_dom0: bool, expected: dict[str, int]) -> None:
    """xl's default is the max unless a higher port is in use; xapi sets none but the ABI's."""
    found = maximum(on(platform=platform, is_dom0=is_dom0))

    assert {domid: most.value for domid, most in found.items()} == expected


def test_a_default_is_said_to_be_one() -> None:
    """The operator may have configured more."""
    assert "not confirmed" in maximum(on())["3"].origin
