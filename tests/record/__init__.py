"""Tests of the record of the past."""
