"""What systemd gives a service that it starts."""
