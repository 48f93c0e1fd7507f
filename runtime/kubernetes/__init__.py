"""What runs in a cluster: manifests; `$name` is filled in when they are applied."""
