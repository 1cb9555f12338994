"""Tests of xenwatch.passes."""
