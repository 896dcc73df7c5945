"""The specification language: text in, an immutable typed Protocol out."""
