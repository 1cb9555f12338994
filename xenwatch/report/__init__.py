"""What happened in a time, made of the moments of a record: a timeline, and a report of it."""
