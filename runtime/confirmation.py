"""Whether a leader knows that it leads: a quorum has answered what it sent, lately enough.

What the protocol calls a leader may have been replaced without having heard of it. It is confirmed until the shortest
election timeout after it *sent* something that a quorum has answered: whoever answered had not given up on it then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

NEVER = float("-inf")
REMEMBERED = 4096
"""So many messages that were sent are remembered at most; an answer to an older one confirms nothing."""


@dataclass
class Confirmed:
    """What one leadership, with one token, has been told. Times are seconds of the monotonic clock."""

    me: int
    lasts: float
    is_quorum: Callable[[frozenset[int]], bool]
    _sent: dict[int, float] = field(default_factory=dict)
    _order: deque[int] = field(default_factory=deque)
    _answered: dict[int, float] = field(default_factory=dict)
    until: float = NEVER
    """When the leader will not know any more that it leads, unless more is answered."""

    def begin(self) -> None:
        """Another leadership: nothing that was answered before counts."""
        self._sent.clear()
        self._order.clear()
        self._answered.clear()
        self.until = NEVER

    def sent(self, numbers: Iterable[int], at: float) -> None:
        for number in numbers:
            self._sent[number] = at
            self._order.append(number)
        while self._order and (len(self._order) > REMEMBERED or self._sent[self._order[0]] < at - self.lasts):
            del self._sent[self._order.popleft()]

    def answered(self, by: int, number: int) -> None:
        """That a process has answered a message with what confirms."""
        at = self._sent.get(number)
        if at is None or at <= self._answered.get(by, NEVER):
            return
        self._answered[by] = at
        if at + self.lasts > self.until:
            self.until = max(self.until, self._latest() + self.lasts)

    def _latest(self) -> float:
        """The latest moment such that a quorum has answered something that was sent then or later."""
        ordered = sorted(self._answered.items(), key=lambda one: one[1], reverse=True)
        heard = {self.me}
        if self.is_quorum(frozenset(heard)):
            return ordered[0][1] if ordered else NEVER
        for process, at in ordered:
            heard.add(process)
            if self.is_quorum(frozenset(heard)):
                return at
        return NEVER
