"""Which product and release a host runs, resolved once, and the facts that follow from it."""
