"""The status of a host in one document, for page, terminal, checks and JSON."""
