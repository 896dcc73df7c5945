"""A node of a demonstration that is asked at random for the inputs and actions that need no arguments, as nobody else
asks for them: python -P asking.py PACKAGE NODE.TOML

It imports nothing of Oneleader, so that it is the emitted package that runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sys
from collections.abc import AsyncIterator
from importlib import import_module
from random import Random
from typing import Any

SECONDS = 1.0
"""Between two questions, on average."""
OWN = 3
"""So many arguments the runtime gives by itself: who it is, who is there, and the state."""


async def ask(node: Any, process: Any, random: Random) -> None:
    """Asks again and again; not everything can be done at any moment."""
    functions = {**process.inputs, **process.actions}
    plain = sorted(name for name, each in functions.items() if len(inspect.signature(each).parameters) == OWN)
    while plain:
        await asyncio.sleep(random.expovariate(1.0 / SECONDS))
        node.ask(random.choice(plain))


def main() -> int:
    """The package's own command, with nodes that are asked. Its exit status."""
    package = sys.argv.pop(1)
    command = import_module(f"{package}.runtime.main")
    opened = command.open_node

    @contextlib.asynccontextmanager
    async def asked(settings: Any, process: Any, *rest: Any) -> AsyncIterator[Any]:
        async with opened(settings, process, *rest) as node:
            task = asyncio.create_task(ask(node, process, Random()))
            try:
                yield node
            finally:
                task.cancel()

    vars(command)["open_node"] = asked
    status: int = import_module(f"{package}.__main__").run()
    return status


if __name__ == "__main__":
    sys.exit(main())
