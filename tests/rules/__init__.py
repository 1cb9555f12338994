"""The rules and inhibitions, by Prometheus's and Alertmanager's own tools."""
