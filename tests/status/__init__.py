"""Tests of xenwatch.status."""
