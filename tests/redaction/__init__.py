"""Tests of xenwatch.redaction."""
