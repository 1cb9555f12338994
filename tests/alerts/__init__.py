"""Tests of xenwatch.alerts."""
