"""What happened, in words: a pure comparison of two looks at who leads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass
class Story:
    """Who is known to lead since when, and what of it was told. Times are in seconds from the beginning."""

    leading: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Token and since when, by node."""
    greatest: int = -1
    """The greatest token that any node has led with."""
    vacant: float | None = 0.0
    """Since when nobody leads."""

    def seen(self, tokens: Mapping[str, int | None], now: float) -> Iterator[str]:
        """The sentences about a new look: the token with which each node says that it leads."""
        for name, token in sorted(tokens.items(), key=lambda one: one[1] is not None):  # first who does not any more
            before = self.leading.get(name)
            if before is not None and token != before[0]:
                del self.leading[name]
                yield f"{name} is not known to lead any more; it led for {now - before[1]:.2f} s"
            if token is not None and (before is None or token != before[0]):
                self.leading[name] = (token, now)
                self.greatest = max(self.greatest, token)
                gap = f", {now - self.vacant:.2f} s after nobody did" if self.vacant is not None else ""
                yield f"{name} leads with token {token}{gap}"
                self.vacant = None
        if not self.leading and self.vacant is None:
            self.vacant = now

    def current(self) -> tuple[str, int, float] | None:
        """Who leads with the greatest token, and since when."""
        if not self.leading:
            return None
        name = max(self.leading, key=lambda one: self.leading[one][0])
        return name, *self.leading[name]
