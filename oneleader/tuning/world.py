"""The world that an operator's nodes live in: how long messages, stores and pauses take, and what is lost."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from oneleader.tuning.distributions import Constant, Distribution, Uniform, scaled

SOME_DELAY = Uniform(0.0005, 0.001)
NONE = Constant(0.0)


@dataclass(frozen=True)
class Pauses:
    """That a process does nothing for a while (garbage collection, a virtual machine that moves): of each process, so
    many seconds apart on average, at moments that do not depend on each other; and how long each lasts."""

    apart: float
    lasting: Distribution


@dataclass(frozen=True)
class World:
    """What happens to messages and processes. Times are seconds; `loss` and `duplication` are how often, from 0 to 1,
    each message alike."""

    delay: Distribution = SOME_DELAY
    """Of a message, one way; drawn anew for each."""
    loss: float = 0.0
    duplication: float = 0.0
    store: Distribution = NONE
    """How long it takes until what is durable is stored, where a step changes any of it. What the step sends leaves
    then."""
    pauses: Pauses | None = None
    in_order: bool = False
    """Whether no message overtakes another on its link."""
    seen: bool = False
    """Whether the others see at once that a process has crashed, as they do if it was killed and its machine lives on:
    their connections break. Without it a crash is a host or a network that is lost, and silence says so alone."""
    asks: float = 0.05
    """Of protocols in which services ask for the lead: how long after it asked last, without leading, each asks
    again, on average."""

    def delay_of(self, number: float) -> float:
        """How long a message takes, by a number that is drawn from 0 to 1, each alike: the smaller, the longer it
        takes, and so many of the smallest ones as are lost take forever."""
        if number < self.loss:
            return math.inf
        return self.delay.quantile(1 - (number - self.loss) / (1 - self.loss))

    def slower(self, factor: float) -> World:
        """With all that takes time taking so many times as long."""
        pauses = self.pauses
        return replace(
            self,
            delay=scaled(self.delay, factor),
            store=scaled(self.store, factor),
            pauses=Pauses(pauses.apart, scaled(pauses.lasting, factor)) if pauses is not None else None,
        )
