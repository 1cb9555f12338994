"""The reader: the part of xenwatch that runs as root, and answers a list of questions."""
