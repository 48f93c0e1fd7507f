"""Jobs: transform, training and processing, as processes over the emulated S3."""
