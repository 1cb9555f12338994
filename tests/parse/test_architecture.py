"""Architectures by the machine of uname(2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenwatch.parse.architecture import architecture


@pytest.mark.parametrize(
    ("machine", "name", "ports", "legacy_irqs"),
    [
        ("x86_64", "x86", 4096, 16),
        ("i386", "x86", 1024, 16),
        ("i686", "x86", 1024, 16),
        ("aarch64", "arm", 4096, 0),
        ("armv7l", "arm", 4096, 16),
    ],
)
def test_the_architectures(machine: str, name: str, ports: int, legacy_irqs: int) -> None:
    """Records are those of x86 or Arm; Xen's word has 64 bits but in a 32-bit dom0 of x86."""
    found = architecture(machine)

    assert found is not None
    assert (found.name, found.two_level_ports, found.legacy_irqs) == (name, ports, legacy_irqs)


@given(st.text() | st.sampled_from(["x86", "armv6l", "armv8l", "aarch64_be", "riscv64", "i686\n"]))
def test_another_machine_is_unknown(machine: str) -> None:
    """No architecture is taken for another one like it."""
    assert architecture(machine) is None
