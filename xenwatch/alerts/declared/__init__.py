"""The alerts that are not a limit's, one a module: `ALERT` in a module of the alert's name."""
