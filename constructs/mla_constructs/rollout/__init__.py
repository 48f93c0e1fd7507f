"""Traffic that moves from one model to the next, and back."""
