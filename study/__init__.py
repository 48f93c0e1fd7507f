"""The `mla` command: the architectures as study material."""
