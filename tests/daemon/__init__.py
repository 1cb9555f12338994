"""Tests of xenwatch.daemon."""
