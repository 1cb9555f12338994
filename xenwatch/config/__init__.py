"""The configuration: keys, files, settings."""
