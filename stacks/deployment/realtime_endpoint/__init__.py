"""Real-time endpoint on instances."""
