"""Real processes with real faults: killed, stopped, cut off, at random from a seed."""
