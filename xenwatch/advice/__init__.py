"""Advice on how to reduce the QEMU wakeups of idle VMs."""
