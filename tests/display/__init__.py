"""Tests of xenwatch.display."""
