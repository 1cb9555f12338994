"""The HTTP server: metrics, status page, JSON, health checks."""
