"""A protocol as a Python package: pure steps that a reviewer reads beside the spec."""
