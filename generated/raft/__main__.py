"""Runs a node of raft: python -m PACKAGE node.toml

Emitted from raft.elect by Oneleader."""

import sys

from runtime.main import main

from . import node

sys.exit(main({"node": node.PROCESS}))
