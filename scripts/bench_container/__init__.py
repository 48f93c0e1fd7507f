"""The inference container against a service that many would write, measured in turn."""
