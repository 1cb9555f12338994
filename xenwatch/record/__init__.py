"""What the daemon has read, kept on disk: moments of the past, each as it was known then."""
