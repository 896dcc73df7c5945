"""Whether what was made of a protocol is that protocol: emitted Python, read back and proved equal."""
