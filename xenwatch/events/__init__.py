"""What becomes of the events of a source: which probes' event it is, and who is told."""
