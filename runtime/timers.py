"""The timers of a process, on the event loop's clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from runtime.clock import Call, Clock
from runtime.process import Timer


class Timers:
    """Each timer runs for a duration that is drawn anew at every reset. `fired` is called when one has run out; it is
    not armed any more then.

    A timer that is reset again and again costs one call of the loop for each time that it would have run out, not one
    for each reset: the loop is told of the first deadline only, and asks then whether it still is one."""

    def __init__(self, timers: Mapping[str, Timer], loop: Clock, random: Random, fired: Callable[[str], None]) -> None:
        self._timers = timers
        self._loop = loop
        self._random = random
        self._fired = fired
        self._deadlines: dict[str, float] = {}
        self._begun: dict[str, float] = {}
        self._calls: dict[str, Call] = {}

    def reset(self, name: str, now: float, since: str | None = None) -> None:
        """Lets a timer count from now on, or from when another one was reset that is armed."""
        timer = self._timers[name]
        begun = now if since is None else self._begun[since]
        self._begun[name] = begun
        self._arm(name, begun + self._random.uniform(timer.shortest, timer.longest))

    def hasten(self, name: str, deadline: float) -> None:
        """Lets an armed timer run out earlier, if it would not anyway."""
        if deadline < self._deadlines.get(name, float("-inf")):
            self._arm(name, deadline)

    def stop(self, name: str) -> None:
        self._deadlines.pop(name, None)

    def deadline(self, name: str) -> float | None:
        """When a timer runs out; None where it is not armed."""
        return self._deadlines.get(name)

    def close(self) -> None:
        """Stops all timers for good."""
        self._deadlines.clear()
        for call in self._calls.values():
            call.cancel()
        self._calls.clear()

    def _arm(self, name: str, deadline: float) -> None:
        self._deadlines[name] = deadline
        call = self._calls.get(name)
        if call is not None:
            if call.when() <= deadline:
                return
            call.cancel()
        self._calls[name] = self._loop.call_at(deadline, self._due, name)

    def _due(self, name: str) -> None:
        del self._calls[name]
        deadline = self._deadlines.get(name)
        if deadline is None:
            return
        # What the loop calls a little early, by the resolution of its clock, is due.
        if deadline > self._loop.time() + 1e-3:
            self._calls[name] = self._loop.call_at(deadline, self._due, name)
            return
        del self._deadlines[name]
        self._fired(name)
