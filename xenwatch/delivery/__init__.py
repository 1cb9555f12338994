"""Delivery of alerts to Alertmanagers, webhooks and commands."""
