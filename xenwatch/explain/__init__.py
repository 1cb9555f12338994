"""From an error message to what it means: the resource, its runbook, or what to look at."""
