"""What an architecture of ours has left in an account: found by finders, removed on demand."""
