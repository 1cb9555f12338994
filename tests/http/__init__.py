"""Tests of xenwatch.http."""
