"""The daemon: it schedules probes, publishes what they read, and minds systemd."""
