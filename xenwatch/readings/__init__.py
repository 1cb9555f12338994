"""What the probes read, as frozen values: one module a subject, and the snapshot of all."""
