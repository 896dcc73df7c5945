"""Runs a node of raft: python -m PACKAGE node.toml

Emitted from raft.elect by Oneleader."""

import sys

from runtime.main import main

from . import node


def run() -> int:
    """The status with which the command ends."""
    return main({"node": node.PROCESS})


if __name__ == "__main__":
    sys.exit(run())
