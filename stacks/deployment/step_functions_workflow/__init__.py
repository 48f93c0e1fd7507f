"""The same training workflow in Step Functions."""
