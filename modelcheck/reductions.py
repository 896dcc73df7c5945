"""Which reductions a model allows: all that makes states one that nothing can tell apart.

Each can be switched off by its name; a verdict says which were on.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from modelcheck.dead_messages import DeadMessages, dead_messages
from modelcheck.dead_variables import DeadVariable, always_armed, dead_variables
from modelcheck.epochs import Epoch, dead_whatever, epochs_of
from modelcheck.model import Model, Packet
from spec.types import Value

SYMMETRY = "symmetry"
DEAD_VARIABLES = "dead variables"
ALWAYS_ARMED = "timers that are always armed"
DEAD_MESSAGES = "dead messages"
REBASED = "rebased numbers"
"""Not among `ALL`: it changes what a bound means, from how large a number may be to how far numbers may be apart."""
ALL = frozenset((SYMMETRY, DEAD_VARIABLES, ALWAYS_ARMED, DEAD_MESSAGES))


@dataclass(frozen=True)
class Reductions:
    """`messages` are dead where the dead variables have been set to their initial values already."""

    symmetry: bool = False
    variables: tuple[DeadVariable, ...] = ()
    armed: frozenset[tuple[str, str]] = frozenset()
    messages: tuple[DeadMessages, ...] = ()
    epochs: tuple[Epoch, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The reductions that do something."""
        found = {
            SYMMETRY: self.symmetry,
            DEAD_VARIABLES: bool(self.variables),
            ALWAYS_ARMED: bool(self.armed),
            DEAD_MESSAGES: any(of.dead for of in self.messages),
            REBASED: bool(self.epochs),
        }
        return frozenset(name for name, is_on in found.items() if is_on)


def reductions_of(model: Model, wanted: frozenset[str] = ALL) -> Reductions:
    variables = dead_variables(model) if DEAD_VARIABLES in wanted else ()
    armed = always_armed(model) if ALWAYS_ARMED in wanted else frozenset()
    epochs = epochs_of(model) if REBASED in wanted else ()
    moving = {place for epoch in epochs for place in epoch.variables}
    # What is set to its initial value would hold on to that number for ever.
    variables = tuple(one for one in variables if (one.kind, one.variable) not in moving)
    messages: tuple[DeadMessages, ...] = ()
    if DEAD_MESSAGES in wanted:
        messages = dead_whatever(model, epochs) if epochs else dead_messages(model)
    symmetry = any(not kind.ordered and size > 1 for kind, size in zip(model.protocol.kinds, model.sizes, strict=True))
    settled = tuple(_settled(model, of, variables) for of in messages)
    return Reductions(symmetry and SYMMETRY in wanted, variables, armed, settled, epochs)


def _settled(model: Model, messages: DeadMessages, variables: tuple[DeadVariable, ...]) -> DeadMessages:
    """Dead messages by what a receiver's variables are once the dead ones are set to their initial values.

    Of receivers that differ in dead variables alone, what is dead for one is dead for all, since they behave alike;
    the union is what makes it last: what is dead in a state stays dead after each step."""
    initial = {v.name: v.initial for v in model.protocol.kind(messages.kind).variables}
    position = {name: i for i, name in enumerate(messages.variables)}
    rules = [v for v in variables if v.kind == messages.kind and v.variable in position]
    if any(rule.control not in position for rule in rules):
        return DeadMessages(messages.kind, messages.variables, messages.domains, {})
    dead: dict[tuple[int, tuple[Value, ...]], frozenset[Packet]] = defaultdict(frozenset)
    for (receiver, values), packets in messages.dead.items():
        settled = list(values)
        for rule in rules:
            if values[position[rule.control]] in rule.values:
                settled[position[rule.variable]] = initial[rule.variable]
        dead[receiver, tuple(settled)] |= packets
    return DeadMessages(messages.kind, messages.variables, messages.domains, dict(dead))
