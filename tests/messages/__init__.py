"""Tests of xenwatch.messages."""
