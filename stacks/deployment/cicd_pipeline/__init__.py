"""CI/CD for a model: from a push to production, through tests, staging and approval."""
