"""What looks into a real AWS account: before a deployment, and after one was destroyed."""
