"""Tests of xenwatch.limits."""
