"""Tests of xenwatch.web_config."""
