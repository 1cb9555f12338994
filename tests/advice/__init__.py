"""Tests of xenwatch.advice."""
