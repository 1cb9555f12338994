"""Tests of xenwatch.planning."""
