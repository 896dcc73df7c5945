"""Reference semantics, explorers, verdicts and traces."""
