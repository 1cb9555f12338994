"""The edge: sources of raw bytes, live, captured and recorded."""
