"""What runs in a cluster: manifests, in which `$name` stands for what is known when they are applied."""
