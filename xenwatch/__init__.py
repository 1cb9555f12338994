"""Warns before the next VM hits a limit of a Xen dom0."""

__version__ = "0.2.0"
