"""Tests of xenwatch.explain."""
