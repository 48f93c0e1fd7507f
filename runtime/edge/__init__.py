"""What runs on devices, outside of AWS."""
