"""Tests of xenwatch.page."""
