"""Advice on what wakes the QEMUs of idle VMs."""
