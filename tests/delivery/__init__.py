"""Tests of xenwatch.delivery."""
