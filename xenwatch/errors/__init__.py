"""Error messages: the form they have in the tables, and how lines of logs are matched with it."""
