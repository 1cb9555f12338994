"""Alerts: one table, evaluated by the daemon on its page and by Prometheus as rules."""
