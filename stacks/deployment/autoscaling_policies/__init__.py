"""One real-time endpoint under four scaling policies."""
