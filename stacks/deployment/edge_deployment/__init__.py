"""Model on devices."""
