"""Runs a node of lease: python -m PACKAGE node.toml

Emitted from lease.elect by Oneleader."""

import sys

from runtime.main import main

from . import client, lock_service, storage


def run() -> int:
    """The status with which the command ends."""
    return main({"client": client.PROCESS, "lock_service": lock_service.PROCESS, "storage": storage.PROCESS})


if __name__ == "__main__":
    sys.exit(run())
