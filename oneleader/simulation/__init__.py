"""Simulated runs of the code that is emitted, each step held against the model."""
