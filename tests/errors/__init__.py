"""Tests of xenwatch.errors."""
