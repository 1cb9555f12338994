"""Tests of the files that call `xenwatch check` for other monitoring systems."""
