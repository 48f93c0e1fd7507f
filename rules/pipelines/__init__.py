"""Rules about streams, jobs and workflows."""
