"""Keys of a terminal, one at a time, while the event loop runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import get_args

from oneleader.demonstration.script import Act, Verb

VERBS: dict[str, Verb] = {"k": "kill", "p": "pause", "r": "resume", "s": "restart", "c": "cut", "h": "heal"}


class Quit(Exception):
    """The person has seen enough."""


def pressed(pending: Verb | None, key: str, size: int) -> tuple[Verb | None, Act | None]:
    """What is still open after a key, and what is to be done. Raises Quit."""
    if key == "q":
        raise Quit
    if pending is not None and key == "a":
        return None, Act(pending, "all")
    if pending is not None and key.isdecimal() and 1 <= int(key) <= size:
        return None, Act(pending, int(key))
    return VERBS.get(key), None


@contextlib.contextmanager
def listening(heard: Callable[[str], None]) -> Iterator[None]:
    """Hands over each key that is pressed; the terminal is as before when the context ends."""
    import termios
    import tty

    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)
    loop = asyncio.get_running_loop()

    def read() -> None:
        for key in os.read(handle, 64).decode(errors="ignore"):
            heard(key)

    tty.setcbreak(handle)
    loop.add_reader(handle, read)
    try:
        yield
    finally:
        loop.remove_reader(handle)
        termios.tcsetattr(handle, termios.TCSADRAIN, before)


assert set(VERBS.values()) == set(get_args(Verb))
