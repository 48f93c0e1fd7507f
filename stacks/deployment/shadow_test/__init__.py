"""A shadow variant, and the comparison of its answers."""
