"""How long a stack lives."""
