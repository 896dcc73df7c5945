"""Whether what is wanted can still happen, and whether it has to."""
