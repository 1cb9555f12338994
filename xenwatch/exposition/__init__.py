"""Prometheus's exposition formats."""
