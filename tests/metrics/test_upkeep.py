"""Metrics of what expires and what waits for a reboot."""

from __future__ import annotations

import dataclasses

from tests.support import full_snapshot, labelled
from xenwatch.assessment import assess_pass
from xenwatch.exposition.text_format import render
from xenwatch.metrics import families
from xenwatch.readings.reboot_pending import Image, RebootPending
from xenwatch.readings.snapshot import Snapshot

PENDING = "xenwatch_reboot_pending"


def page(snapshot: Snapshot) -> bytes:
    """The metrics of a snapshot."""
    return render(families(assess_pass(snapshot)))


def test_certificates_are_told_by_what_they_are_for() -> None:
    """Each certificate has its time, its file and its name."""
    assert labelled("xenwatch_certificate_not_after_timestamp_seconds", page(full_snapshot())) == {
        ("xapi", "/etc/xensource/xapi-ssl.pem"): 4e9,
        ("xapi-pool", "/etc/xensource/xapi-pool-tls.pem"): 4.1e9,
    }


def test_what_is_pending_is_told_by_component() -> None:
    """A newer kernel and a mark are pending, Xen is not; versions stand beside it."""
    found = page(full_snapshot())

    assert labelled(PENDING, found) == {("kernel",): 1, ("xen",): 0, ("mark",): 1}
    assert labelled("xenwatch_installed_info", found) == {
        ("kernel", "6.1.0-21-amd64", "6.1.0-18-amd64"): 1,
        ("xen", "4.17.5", "4.17.5"): 1,
    }


def test_a_replaced_file_is_pending_and_what_is_unknown_is_absent() -> None:
    """A version that stayed the same is pending if its file was replaced; no file, no sample."""
    replaced = RebootPending({"xen": Image("4.17.7", "4.17.7", 5.0)}, {})
    found = page(dataclasses.replace(full_snapshot(), reboot_pending=replaced))
    unread = page(dataclasses.replace(full_snapshot(), reboot_pending=None, certificates=None))

    assert labelled(PENDING, found) == {("xen",): 1, ("mark",): 0}
    assert labelled(PENDING, unread) == {}
    assert labelled("xenwatch_certificate_not_after_timestamp_seconds", unread) == {}
