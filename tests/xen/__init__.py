"""Tests that need a real Xen: a dom0 with guests, booted under QEMU's software emulation."""
