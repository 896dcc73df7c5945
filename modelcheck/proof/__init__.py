"""Proofs: that a property holds in every reachable state, with no bound on numbers, steps or messages."""
