"""A cluster of real nodes in one terminal, for `oneleader demo`."""
