"""What happened in a period, from the moments of a record: a timeline, and a report."""
