"""Maps the events of a source to events of probes, and runs the probes that wait for them."""
