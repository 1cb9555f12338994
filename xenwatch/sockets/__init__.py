"""Sockets to listen on: those that systemd passes, and Unix sockets of our own."""
