"""Answers of XENMEM_get_pod_target."""

from __future__ import annotations

from xenwatch.parse.pod import POD_TARGET, PodTarget


def render_pod_target(target: PodTarget) -> bytes:
    """The block of a `pod_target_call` as Xen leaves it."""
    return POD_TARGET.pack(0, target.pages, target.cache, target.entries, target.domid)
