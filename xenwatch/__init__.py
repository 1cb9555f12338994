"""Watches the limits of a Xen dom0 before the next VM hits them."""

__version__ = "0.1.0"
