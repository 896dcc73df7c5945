"""Tests of an emitted package, for whoever receives it."""
