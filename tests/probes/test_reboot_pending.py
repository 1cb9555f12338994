"""What waits for a reboot: newer versions, files replaced since the boot, and marks of programs."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.probes.support import (
    NO_XEN,
    FakeHost,
    Files,
    denied,
    dom0,
    failure_of,
    outcome_of,
    value_of,
)
from xenwatch.model.render.text import render_stat_line
from xenwatch.probes.reboot_pending import BOOT, MARKS, REBOOT_PENDING
from xenwatch.readings.reboot_pending import Image, RebootPending
from xenwatch.readings.snapshot import Status

BOOTED = 1_790_000_000
BEFORE, AFTER = BOOTED - 5000, BOOTED + 5000
DEBIAN = {"vmlinuz-6.1.0-18-amd64": BEFORE, "xen-4.17-amd64.gz": BEFORE, "grub": BEFORE}
XCP_NG = {"vmlinuz-4.19.0+1": BEFORE, "vmlinuz-fallback": BEFORE, "xen-4.17.6-1.gz": BEFORE}
LINKS = {"vmlinuz-4.19-xen": "vmlinuz-4.19.0+1", "xen.gz": "xen-4.17.6-1.gz"}


def host(
    boot: Mapping[str, int],
    links: Mapping[str, str] | None = None,
    files: Files | None = None,
    xen: str = ".7",
    **parts: str,
) -> FakeHost:
    """A dom0 with these files in /boot, each put there at a time, and links."""
    version = {"major": b"4\n", "minor": b"17\n", "extra": f"{xen}\n".encode()}
    return dom0(
        {
            "/proc/stat": f"cpu  1 2\nbtime {BOOTED}\n".encode(),
            **{f"/sys/hypervisor/version/{name}": text for name, text in version.items()},
            **(files or {}),
        },
        directories={BOOT: tuple(sorted({*boot, *(links or {})}))},
        stats={
            f"{BOOT}/{name}": render_stat_line(7, at * 1_000_000_000) for name, at in boot.items()
        },
        targets={f"{BOOT}/{name}": target for name, target in (links or {}).items()},
        **parts,
    )


def images(source: FakeHost) -> Mapping[str, Image]:
    """What is read of the images."""
    found = value_of(REBOOT_PENDING, source)
    assert isinstance(found, RebootPending)
    return found.images


def xcp_ng(boot: Mapping[str, int], **links: str) -> FakeHost:
    """An XCP-ng with these files; links are named without hyphens."""
    changed = {"xen.gz": links["xen"]} if links else {}
    return host(boot, LINKS | changed, xen=".6-1", kernel="4.19.0+1")


def test_nothing_is_pending_after_a_boot() -> None:
    """What runs is what is installed: on Debian by names, on XCP-ng by links."""
    assert value_of(REBOOT_PENDING, host(DEBIAN)) == RebootPending(
        {
            "kernel": Image("6.1.0-18-amd64", "6.1.0-18-amd64", None),
            "xen": Image("4.17.7", "4.17.7", None),
        },
        {},
    )
    assert images(xcp_ng(XCP_NG)) == {
        "kernel": Image("4.19.0+1", "4.19.0+1", None),
        "xen": Image("4.17.6-1", "4.17.6-1", None),
    }


def test_the_newest_kernel_of_the_flavour_counts() -> None:
    """Of several newer kernels the newest is told; older ones and other flavours are no updates."""
    others = ("6.1.0-21-amd64", "6.1.0-9-amd64", "6.12.9-rt-amd64", "6.1.0-20-amd64")
    boot = DEBIAN | {f"vmlinuz-{release}": AFTER for release in others}

    found = images(host(boot))["kernel"]

    assert found == Image("6.1.0-18-amd64", "6.1.0-21-amd64", None)
    assert found.pending
    after_boot = host(dict.fromkeys(boot, BEFORE), kernel="6.1.0-21-amd64")
    assert not images(after_boot)["kernel"].pending


def test_a_kernel_replaced_under_its_name_is_pending() -> None:
    """An update that keeps the name shows by the inode, which has changed since the boot."""
    found = images(host(DEBIAN | {"vmlinuz-6.1.0-18-amd64": AFTER}))

    assert found["kernel"] == Image("6.1.0-18-amd64", "6.1.0-18-amd64", float(AFTER))
    assert found["kernel"].pending
    assert not found["xen"].pending


def test_a_kernel_beside_that_of_the_link_is_booted_by_hand() -> None:
    """On XCP-ng an alternative kernel is no update, and the file behind the link is looked at."""
    alternative = XCP_NG | {"vmlinuz-4.19.316+1": AFTER}
    updated = XCP_NG | {"vmlinuz-4.19.0+1": AFTER}

    assert not images(xcp_ng(alternative))["kernel"].pending
    assert images(xcp_ng(updated))["kernel"].replaced == AFTER


def test_the_xen_of_the_link_is_installed() -> None:
    """On XCP-ng the boot loader takes the target of the link, whatever else lies there."""
    boot = XCP_NG | {"xen-4.17.6-2.gz": AFTER}

    assert images(xcp_ng(boot))["xen"] == Image("4.17.6-1", "4.17.6-1", None)
    assert images(xcp_ng(boot, xen="xen-4.17.6-2.gz"))["xen"] == Image("4.17.6-1", "4.17.6-2", None)
    older = xcp_ng(XCP_NG | {"xen-4.17.5-9.gz": AFTER}, xen="xen-4.17.5-9.gz")
    assert images(older)["xen"] == Image("4.17.6-1", "4.17.5-9", None)


def test_a_name_without_the_last_number_shows_by_its_inode() -> None:
    """Debian's Xen has the same name after every update; another major version has another."""
    assert images(host(DEBIAN | {"xen-4.17-amd64.gz": AFTER}))["xen"].replaced == AFTER
    assert images(host(DEBIAN | {"xen-4.17-amd64.efi": AFTER}))["xen"].replaced == AFTER
    assert images(host(DEBIAN | {"xen-4.20-amd64.gz": AFTER}))["xen"] == Image(
        "4.17.7", "4.20", None
    )


def test_a_xen_without_a_version_shows_by_its_inode() -> None:
    """Where xen.gz is a file, or leads to an odd name, its change is all there is to see."""
    odd = host({"xen": AFTER}, {"xen.gz": "xen"})
    assert images(odd)["xen"].replaced == AFTER
    assert images(host({"xen.gz": BEFORE}))["xen"] == Image("4.17.7", "4.17.7", None)
    assert images(host({"xen.gz": AFTER}))["xen"].replaced == AFTER


def test_what_runs_from_elsewhere_is_unknown() -> None:
    """A host whose kernel and Xen are not in /boot is not said to be up to date."""
    found = value_of(REBOOT_PENDING, host({"grub": BEFORE}))

    assert found == RebootPending({}, {})


def test_a_file_that_goes_away_meanwhile_is_no_failure() -> None:
    """A package that is being installed renames files between two questions."""
    source = host(DEBIAN)
    source.stats = {}

    assert not any(image.pending for image in images(source).values())


def test_marks_of_programs_are_told() -> None:
    """A mark is there by its file alone; packages and updates that name themselves are named."""
    packages = b"linux-image-6.1.0-21-amd64\nlibc6\nlibc6\n\n\x1b[1m\n"
    found = value_of(
        REBOOT_PENDING,
        host(
            DEBIAN,
            files={
                "/run/reboot-required": b"*** System restart required ***\n",
                "/run/reboot-required.pkgs": packages,
                "/var/run/nonpersistent/xapi/host-requires-reboot": b"",
            },
        ),
    )

    assert found.marks == {
        "/run/reboot-required": ("linux-image-6.1.0-21-amd64", "libc6", "\\x1b[1m"),
        "/var/run/nonpersistent/xapi/host-requires-reboot": (),
    }


def test_an_update_of_xenserver_is_named() -> None:
    """A hotfix that wants a reboot leaves its UUID, and few of many are told."""
    uuids = [f"0d7c0b5e-{number:04}" for number in range(50)]
    files = {"/run/reboot-required.hfxs": "\n".join(uuids).encode()}

    assert value_of(REBOOT_PENDING, host(DEBIAN, files=files)).marks == {
        "/run/reboot-required.hfxs": tuple(uuids[:10])
    }


@pytest.mark.parametrize("path", ["/proc/stat", f"{BOOT}/xen-4.17-amd64.gz", *MARKS])
def test_what_may_not_be_read_is_a_failure(path: str) -> None:
    """Nothing is said to be up to date that could not be looked at."""
    source = host(DEBIAN)
    source.errors = {path: denied(path)}

    assert failure_of(REBOOT_PENDING, source) == f"{path}: Permission denied"


def test_a_link_that_may_not_be_read_is_a_failure() -> None:
    """A link that cannot be read is not taken for a file."""
    source = xcp_ng(XCP_NG)
    source.errors = {f"{BOOT}/xen.gz": denied(f"{BOOT}/xen.gz")}

    assert failure_of(REBOOT_PENDING, source) == "/boot/xen.gz: Permission denied"


def test_a_kernel_without_a_boot_time_is_a_failure() -> None:
    """Without the row there is nothing to compare with."""
    source = host(DEBIAN, files={"/proc/stat": b"cpu  1 2\n"})

    assert failure_of(REBOOT_PENDING, source).startswith("/proc/stat: row btime is missing")


@pytest.mark.parametrize("files", NO_XEN.values(), ids=NO_XEN)
def test_elsewhere_it_does_not_apply(files: Files) -> None:
    """Without Xen, and in a guest, it is another tool's business."""
    assert outcome_of(REBOOT_PENDING, FakeHost(files=files)).status is Status.NOT_APPLICABLE


def test_without_a_boot_directory_it_does_not_apply() -> None:
    """A dom0 that is booted over the network has no /boot."""
    assert outcome_of(REBOOT_PENDING, dom0()).detail == "no /boot"
