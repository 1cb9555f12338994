"""Tests of the units of systemd and what belongs to them."""
