"""A log that cannot be flooded: what goes on and on is written once in a while, with how often it was left out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable


class Notices:
    """Writes to a logger. Of the notices with one key, it writes the first in each `every` seconds.

    The keys have to be few, and never what a stranger sent: they are kept. A notice is `event key=value ...`; event and
    values are attributes of the log record, too."""

    def __init__(self, logger: logging.Logger, clock: Callable[[], float], every: float = 10.0) -> None:
        self._logger = logger
        self._clock = clock
        self._every = every
        self._written: dict[Hashable, float] = {}
        self._left_out: dict[Hashable, int] = {}

    def say(self, level: int, event: str, key: tuple[Hashable, ...] = (), **fields: object) -> None:
        """Names of fields must not be those of a `logging.LogRecord`."""
        whole, now = (event, *key), self._clock()
        if whole in self._written and now - self._written[whole] < self._every:
            self._left_out[whole] = self._left_out.get(whole, 0) + 1
            return
        self._written[whole] = now
        if left_out := self._left_out.pop(whole, 0):
            fields["left_out"] = left_out
        text = " ".join((event, *(f"{name}={value}" for name, value in fields.items())))
        self._logger.log(level, "%s", text, extra={"event": event, **fields})
