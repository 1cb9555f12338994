"""Answers of the xen_version hypercall (xen/include/public/version.h)."""

from __future__ import annotations


def render_version(version: tuple[int, int]) -> int:
    """The result of XENVER_version."""
    return version[0] << 16 | version[1]


def render_text(call: bytes, text: str) -> bytes:
    """The block of a call that asks for text, as Xen fills it: ended by NUL, cut to fit."""
    return text.encode()[: len(call) - 1].ljust(len(call), b"\0")
