"""What every reference architecture is and what a learner must know of it; imports no aws_cdk."""
