"""What retrains a model, and what deploys it once somebody has approved it."""
