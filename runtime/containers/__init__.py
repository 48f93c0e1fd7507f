"""Images that run inside AWS, each folder one image."""
