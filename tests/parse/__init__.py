"""Parsers: examples from real hosts, and every parser against its renderer."""
