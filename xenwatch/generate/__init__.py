"""Documents and files made from the tables, so that nothing is written down twice."""
