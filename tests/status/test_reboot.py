"""What waits for a reboot, in words: in the status, on the page and in doctor's report."""

from __future__ import annotations

import dataclasses

import pytest

from tests.page.sample import IMAGE
from tests.page.test_html import Reader
from tests.page.test_page import rendered
from tests.status.test_host_status import of
from tests.support import full_snapshot
from xenwatch.cli import doctor
from xenwatch.readings.reboot_pending import Image, RebootPending
from xenwatch.readings.snapshot import Snapshot
from xenwatch.status.reboot import reboot_lines

NEWER = Image("6.1.0-18-amd64", "6.1.0-21-amd64", None)
SAME = Image("4.17.7", "4.17.7", None)
REPLACED = Image("4.17.7", "4.17.7", 1_790_000_000.0)


def of_images(*marks: tuple[str, tuple[str, ...]], **images: Image) -> Snapshot:
    """The full snapshot with these images and marks."""
    pending = RebootPending(images, dict(marks))
    return dataclasses.replace(full_snapshot(), reboot_pending=pending)


@pytest.mark.parametrize(
    ("snapshot", "lines"),
    [
        (of_images(xen=SAME), ()),
        (of_images(), ()),
        (
            of_images(kernel=NEWER, xen=SAME),
            ("kernel 6.1.0-21-amd64 is installed, 6.1.0-18-amd64 runs",),
        ),
        (
            of_images(xen=REPLACED),
            ("Xen 4.17.7 was replaced at 2026-09-21 14:13 UTC, after the boot",),
        ),
        (
            of_images(("/run/a", ("libc6", "dbus")), ("/run/b", ())),
            ("/run/a exists: libc6, dbus", "/run/b exists"),
        ),
        (Snapshot(), None),
    ],
)
def test_everything_that_waits_has_a_line(snapshot: Snapshot, lines: tuple[str, ...]) -> None:
    """What runs and what is installed are named; nothing is said of what does not wait."""
    assert reboot_lines(snapshot) == lines
    assert of(snapshot).reboot_pending == lines


def test_the_page_says_what_waits() -> None:
    """Below the facts of the host is what waits, as text; nothing where nothing does."""
    odd = of_images(("/run/reboot-required", (IMAGE,)), kernel=NEWER)
    text = Reader(rendered(of(odd))).text

    assert "Reboot pending: kernel 6.1.0-21-amd64 is installed" in text
    assert IMAGE in text
    for quiet in (of_images(xen=SAME), Snapshot()):
        assert "Reboot pending" not in Reader(rendered(of(quiet))).text


def test_doctor_says_what_waits() -> None:
    """The report ends with a line for each thing that waits."""
    report = doctor.report(of_images(("/run/a", ()), kernel=NEWER, xen=SAME), ())

    assert [line for line in report.splitlines() if "pending" in line] == [
        "Reboot pending: kernel 6.1.0-21-amd64 is installed, 6.1.0-18-amd64 runs",
        "Reboot pending: /run/a exists",
    ]
