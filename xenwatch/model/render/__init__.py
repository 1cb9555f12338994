"""Renderers: the inverse of each parser, from values to the bytes of the kernel or of Xen."""
