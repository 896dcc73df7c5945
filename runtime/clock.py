"""What a process needs of an event loop: the time, and to be called later. asyncio's loops have it, and so has a
simulated one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Call(Protocol):
    """Something that is to be called."""

    def cancel(self) -> None: ...

    def when(self) -> float: ...


class Clock(Protocol):
    """A monotonic clock, in seconds."""

    def time(self) -> float: ...

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any) -> Call: ...
