"""Tests of xenwatch.assessment."""
