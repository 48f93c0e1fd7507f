"""Code and artifacts that run inside AWS, each with its own requirements."""
