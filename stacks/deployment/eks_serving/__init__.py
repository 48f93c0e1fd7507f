"""The inference container on EKS Auto Mode."""
