"""What CloudFormation cannot do itself."""
