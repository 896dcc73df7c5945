"""Proofs that outlive the search which found them, and the checker that one has to trust."""
