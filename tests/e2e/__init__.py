"""The daemon with the real Prometheus and Alertmanager."""
