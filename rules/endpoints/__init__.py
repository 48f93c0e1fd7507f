"""Rules about endpoints and their configurations."""
