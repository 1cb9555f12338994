"""The page of a VM: found by any of its names, and with everything that is known of it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.page.test_html import Reader
from tests.page.test_page import GUEST, LINKS, changed
from xenwatch.page import vm as vm_page
from xenwatch.status.host_status import AlertRow, LimitRow
from xenwatch.status.vm import Device, Disk, Interface, Share, Step, Transfer, VmStatus, Wakeups

OWN = LimitRow("grant_frames", "frames", "domid", "7", "", 60, 64, "x", 0.94, 4, "ok", 0.8, 0.95)
ALERT = AlertRow(
    "XenwatchX", {"uuid": "u", "name": "web"}, "critical", "firing", "VM 'web' (u) fails", 0.0, "/x"
)
FULL = VmStatus(
    row=GUEST,
    own=(OWN,),
    shares=(Share("tasks", "tasks of dom0", "", 25, 100), Share("x", "blind", "", None, None)),
    alerts=(ALERT,),
    devices=(Device("vif 0", 0, "Closed", "28 no space"), Device("vbd 768", 3, "Connected", "")),
    wakeups=Wakeups(("usb",), 12_345, 18.25, 11.5, None, 0.125),
    disks=(
        Disk(768, "tapdisk", None, Transfer(4.0, 4096.0, 0.0025), Transfer(0.0, 0.0, None), 3, 130),
    ),
    interfaces=(Interface("vif7.0", False, None, 2, 10, 20, None),),
    steps=(Step("usb", "xe vm-param-set usb", "No USB"),),
    kept="USB is kept",
)


def text_of(found: VmStatus, **more: Any) -> str:
    """The text of the page."""
    status = changed(domains=(GUEST,))
    return Reader(vm_page.render(status, found, (), LINKS, **more).decode()).text


@pytest.mark.parametrize(
    "words",
    [
        *("VM web fails", "60 of 64 used", "25.0 %", "28 no space", "Closed", "domain 3"),
        *("18.2/s, 12,345 since", "11.5/s", "12.5% of one", "xe vm-param-set usb", "No USB"),
        *("4.0/s, 4.0 KiB/s", "2.5 ms", "3, none answered for 130 s", "down", "vif7.0"),
        *("USB is kept", "domain 7, hvm, running", "UUID u"),
    ],
)
def test_everything_known_is_there(words: str) -> None:
    """Limits, devices with their faults, wakeups, disks, network and advice."""
    assert words in text_of(FULL)


def test_what_is_not_known_is_said() -> None:
    """Nothing that was not read is a number, or is said to be well."""
    blind = VmStatus(
        dataclasses.replace(GUEST, disks=None, vifs=None), (), (), (), (), None, (), (), (), ""
    )
    text = text_of(blind)

    assert "Its devices could not be read." in text
    assert "No QEMU of this VM was read." in text
    assert "unknown" in text_of(FULL)  # the share nobody knows, and the cause by descriptors


@settings(deadline=None, max_examples=40)
@given(st.text())
def test_no_name_adds_markup(name: str) -> None:
    """Whatever the VM, its storage and its devices are called, the page has the same elements."""
    odd = dataclasses.replace(
        FULL,
        row=dataclasses.replace(GUEST, name=name or "x"),
        disks=(dataclasses.replace(FULL.disks[0], storage=name),),
        devices=(dataclasses.replace(FULL.devices[0], fault=name or "x"),),
    )
    plain = dataclasses.replace(
        FULL, disks=(dataclasses.replace(FULL.disks[0], storage="x"),), devices=FULL.devices[:1]
    )
    status = changed(domains=(GUEST,))

    def elements(found: VmStatus) -> list[str]:
        markup = vm_page.render(status, found, (), LINKS).decode()
        return [tag for tag, _ in Reader(markup).tags]

    assert elements(odd) == elements(plain)
    assert Reader(vm_page.missing(name, status, LINKS).decode()).text.count("No VM here") == 1


def test_an_alert_fires_since_it_fired() -> None:
    """Not since its condition holds: that is when it became pending."""
    fired = dataclasses.replace(FULL, alerts=(dataclasses.replace(ALERT, fired=300.0),))

    assert "firing since 1970-01-01 00:05:00 UTC" in text_of(fired)
