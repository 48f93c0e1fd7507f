"""How CloudWatch computes: statistics, metric math, the state of an alarm. Nothing runs here."""
