"""What the same protocol does with different numbers of processes, each figure computed or measured."""
