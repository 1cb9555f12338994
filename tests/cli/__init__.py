"""Tests of xenwatch.cli."""
