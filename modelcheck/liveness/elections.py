"""From which states, with which processes gone, somebody can still be elected: natively, for all states at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from modelcheck.liveness.arrays import flags_of, holding, seeds_of
from modelcheck.liveness.graph import Compiled, Graph, compiled, graph
from modelcheck.liveness.phases import Phase
from modelcheck.liveness.prepared import prepared_for_elections
from modelcheck.model import Model, Name
from modelcheck.native.emission import Goals
from modelcheck.outcome import Limits
from modelcheck.reductions import ALL, reductions_of

ELECTS, IN_OFFICE, CUT = 1, 2, 4
"""Bits of what is known of a state: somebody can be elected, with a token greater than all before; somebody leads with
the greatest of those; nobody can be elected, but a bound stopped steps."""


@dataclass
class Elections:
    """What is known of the reachable states of a model. To be used within `elections`.

    States are counted up to symmetry: one stands for all under other names. So whoever asks about a group asks about
    all groups that it might be called (`known`)."""

    of: Compiled
    reached: Graph
    limits: Limits
    _known: dict[tuple[int, Phase], NDArray[np.uint8]] = field(default_factory=dict)

    @property
    def model(self) -> Model:
        return self.of.model

    @property
    def states(self) -> int:
        """How many states are reachable, up to symmetry."""
        return len(self.reached)

    def known(self, side: frozenset[Name], *, down: bool) -> NDArray[np.uint8]:
        """Of each state, with all but a side gone: the bits of what is known. With `down` what the others have sent
        before may still arrive; else they are cut off. Raises Stopped and MemoryError."""
        everyone = [name for names in self.model.names for name in names]
        gone = sum(1 << number for number, name in enumerate(everyone) if name not in side)
        phase = Phase.LEFT if down else Phase.CUT_OFF
        if (gone, phase) not in self._known:
            self._known[gone, phase] = self._asked(gone, phase)
        return self._known[gone, phase]

    def _asked(self, gone: int, phase: Phase) -> NDArray[np.uint8]:
        with graph(self.of, self.limits) as after:
            after.seed(self.reached, (gone,), phase)
            after.recover(phase)
            bits = flags_of(after)
            found = np.zeros(len(bits), np.uint8)
            found[(bits & 1) > 0] |= ELECTS
            found[((bits & 2) > 0) & ((bits & 1) == 0)] |= CUT
            found[holding(after, 1)] |= IN_OFFICE
            return found[seeds_of(after, self.reached, gone, phase)]


@contextmanager
def elections(model: Model, more: int, limits: Limits) -> Iterator[Elections]:
    """All reachable states of a model, for whoever asks what can still happen there; after that, bounds may be passed
    by so much. Raises Unsupported, NoCompiler, CompilerFailed, Stopped, TooLarge and MemoryError."""
    whole = prepared_for_elections(model, more)
    of = compiled(whole, Goals(elects=True), reductions_of(whole, ALL))
    with graph(of, limits) as reached:
        reached.reach()
        yield Elections(of, reached, limits)
