"""Pure parsers of the formats of Linux and Xen, one module a subject."""
