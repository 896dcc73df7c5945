"""What an emitted node stands on; it knows nothing of the checker."""
