"""What expires and what waits for a reboot, in a real dom0 under the unit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from tests.xen.daemon import PROGRAM, Daemon, Page
from tests.xen.hazards import alerting
from tests.xen.report import Report
from tests.xen.suite import SUITE
from tests.xen.vm import Vm
from xenwatch.model.render.certificate import render_certificate, render_pem

DOM0_ARGS: Final = ""

PROBES: Final = ("certificates", "reboot_pending")
PENDING: Final = "xenwatch_reboot_pending"
INSTALLED: Final = "xenwatch_installed_info"
ARCHITECTURE: Final = SUITE.architecture.name
XEN: Final = f"/boot/xen-{SUITE.xen}-{ARCHITECTURE}"
NEWER: Final = f"99.1.0-1-{ARCHITECTURE}"
MARK: Final = "/run/reboot-required"
PEM: Final = "/etc/xensource/xapi-ssl.pem"


def page_of(daemon: Daemon) -> Page:
    """A page with a new answer; certificates, of which Debian's dom0 has none, are never read."""
    return daemon.fresh(probes=["reboot_pending"])


def pending(page: Page) -> dict[str, float]:
    """What is pending by component."""
    return page.by(PENDING, "component")


@pytest.fixture
def updated(vm: Vm) -> Iterator[None]:
    """A newer kernel, another file of Xen, and a mark, as packages leave them."""
    vm.run(f"touch /boot/vmlinuz-{NEWER} {MARK}; echo linux-image > {MARK}.pkgs")
    vm.run(f"file=$(ls {XEN} {XEN}.gz 2>/dev/null); cp -p $file $file.new && mv $file.new $file")
    yield
    vm.run(f"rm -f /boot/vmlinuz-{NEWER} {MARK} {MARK}.pkgs")


def test_a_dom0_that_was_booted_waits_for_what_is_installed_later(
    vm: Vm, daemon: Daemon, report: Report, request: pytest.FixtureRequest
) -> None:
    """Nothing is pending after the boot; a newer kernel, a replaced Xen and a mark are."""
    before = page_of(daemon)
    request.getfixturevalue("updated")
    after = page_of(daemon)
    versions = {
        labels["component"]: (labels["running"], labels["installed"])
        for labels in map(dict, after.of(INSTALLED))
    }
    cpu = after.get("xenwatch_probe_cpu_seconds", probe="reboot_pending") or 0
    report.note("CPU time of the probe reboot_pending", cpu)

    assert not before.failed() & set(PROBES)
    # Where the machine has been through this before, Xen's file stays the replaced one.
    assert {**pending(before), "xen": 0} == {"kernel": 0, "xen": 0, "mark": 0}
    assert pending(after) == {"kernel": 1, "xen": 1, "mark": 1}
    assert versions["kernel"] == (vm.run("uname -r").strip(), NEWER)
    assert versions["xen"] == (vm.run("xl info xen_version").strip(),) * 2
    said = vm.run(f"{PROGRAM} doctor || true", deadline=300)
    assert f"Reboot pending: kernel {NEWER} is installed" in said
    assert f"Reboot pending: {MARK} exists: linux-image" in said


def test_a_certificate_of_root_is_read_without_its_key(vm: Vm, daemon: Daemon) -> None:
    """The unit reads a file of mode 0400, warns in time, and a capture has no key."""
    ends = float(vm.run("date +%s")) + 5 * 86400
    pem = render_pem("xapi", render_certificate("xapi", 0, ends))
    vm.run(f"mkdir -p /etc/xensource; cat > {PEM}; chmod 400 {PEM}", stdin=pem)
    try:
        page = daemon.fresh(probes=["certificates"])
        vm.run(f"rm -rf /root/keys; {PROGRAM} capture /root/keys", deadline=300)
        keys = vm.run("grep -rl 'PRIVATE KEY' /root/keys || true").strip()
        certificates = vm.run("grep -rl 'BEGIN CERTIFICATE' /root/keys || true").strip()
    finally:
        vm.run(f"rm -rf {PEM} /root/keys")

    assert page.by("xenwatch_certificate_not_after_timestamp_seconds", "path") == {PEM: int(ends)}
    assert alerting(page, "XenwatchCertificateExpiring") == {"warning"}
    assert (keys, bool(certificates)) == ("", True)
