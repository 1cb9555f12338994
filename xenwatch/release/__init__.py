"""The product and release of a host, resolved once, and the facts that depend on it."""
