"""Sockets to listen on: those that systemd passes, and unix sockets of our own."""
