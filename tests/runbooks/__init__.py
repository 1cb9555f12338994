"""The runbooks: every command they show is run on the hosts it is meant for, or against stubs."""
