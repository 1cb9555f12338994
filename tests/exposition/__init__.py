"""Tests of xenwatch.exposition."""
