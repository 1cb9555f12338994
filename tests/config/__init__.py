"""Tests of xenwatch.config."""
