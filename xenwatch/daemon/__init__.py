"""The daemon: it runs the scheduler, the publisher, the web server, and talks to systemd."""
