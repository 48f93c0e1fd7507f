"""Virtual private clouds."""
