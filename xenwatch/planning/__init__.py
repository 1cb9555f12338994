"""How many more VMs fit, and when limits fill up."""
