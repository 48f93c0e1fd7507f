"""Inference servers that stand for containers of which nobody has the image here."""
