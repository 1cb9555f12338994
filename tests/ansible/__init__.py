"""The role of contrib/ansible: its syntax, its lint, its variables; tests/packages runs it."""
