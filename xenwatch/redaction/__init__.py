"""Redaction: a capture with other names and addresses, of which a replay has the same numbers."""
