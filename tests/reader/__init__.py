"""Tests of the reader and of the source that asks it."""
