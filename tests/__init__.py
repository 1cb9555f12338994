"""Tests, as the package is laid out."""
