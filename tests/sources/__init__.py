"""The edge: what sources answer."""
