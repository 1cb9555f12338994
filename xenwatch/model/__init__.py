"""The synthetic host: devices and domains, rendered in the formats of the kernel and of Xen."""
