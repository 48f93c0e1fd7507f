"""Models on Kubernetes."""
