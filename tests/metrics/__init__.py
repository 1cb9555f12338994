"""Tests of xenwatch.metrics."""
