"""Tests of xenwatch.terminal."""
