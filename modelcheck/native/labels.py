"""Which action a step is: what fairness is about, by number.

A label's lower 24 bits are an action's number; the bits above say what sort it is, in the order in which a search for
what can still be reached tries them (what is under way arrives before a timer fires), and which epochs the step has
shifted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from math import prod

from modelcheck.layout import Layout, Unsupported
from modelcheck.model import Name, Step, StepKind
from spec.types import Value

SORT_BITS, SHIFT_BITS = 24, 27


class Sort(IntEnum):
    DELIVER = 0
    RETURN = 1
    REQUEST = 2
    TIMEOUT = 3
    FAULT = 4


@dataclass(frozen=True)
class Action:
    """`name` is the message, timer, action or input; a message has a `sender`, and what it carries makes it another
    one. All arguments of an input are one action. The parts that an action lacks are empty."""

    sort: Sort
    name: str = ""
    process: Name | None = None
    sender: Name | None = None
    arguments: tuple[Value, ...] = ()


RECOVER, HEAL = "recover", "heal"


def actions_of(layout: Layout) -> tuple[Action, ...]:
    """All actions of a model, in the order of their numbers. Raises Unsupported where there are too many."""
    model = layout.model
    found = []
    for sending in layout.sendings:
        message = sending.message
        senders, receivers = (model.names[model.kind_index[of]] for of in (message.sender, message.receiver))
        combinations = prod(layout.argument_size(message, at) for at in range(len(message.parameters)))
        if combinations * len(senders) * len(receivers) > 1 << 16:
            raise Unsupported(f"there are {combinations} different messages {message.name}")
        for index in range(combinations):
            arguments = layout.arguments(message, layout.argument_codes(message, index))
            for sender in senders:
                found += [Action(Sort.DELIVER, message.name, to, sender, arguments) for to in receivers]
    for kind, names in zip(model.protocol.kinds, model.names, strict=True):
        for timer in kind.timers:
            found += [Action(Sort.TIMEOUT, timer.name, name) for name in names]
        for event in model.spontaneous[kind.name]:
            found += [Action(Sort.REQUEST, event.name, name) for name in names]
        found += [Action(Sort.RETURN, RECOVER, name) for name in names]
    return (*found, Action(Sort.RETURN, HEAL), Action(Sort.FAULT))


def labels_of(actions: Sequence[Action]) -> dict[tuple[Sort, str, str], int]:
    """The label of the first of the actions that differ in their numbers and arguments alone, by sort, name and kind
    of process (empty for what no process does)."""
    found: dict[tuple[Sort, str, str], int] = {}
    for number, action in enumerate(actions):
        kind = action.process.kind if action.process is not None else ""
        found.setdefault((action.sort, action.name, kind), int(action.sort) << SORT_BITS | number)
    return found


def action_of(step: Step) -> Action:
    """The action that a step of the reference semantics is."""
    match step.kind:
        case StepKind.DELIVER | StepKind.DELIVER_AND_KEEP:
            assert step.packet is not None
            packet = step.packet
            return Action(Sort.DELIVER, packet.message, packet.receiver, packet.sender, packet.arguments)
        case StepKind.TIMEOUT:
            return Action(Sort.TIMEOUT, step.name, step.process)
        case StepKind.ACTION | StepKind.INPUT:
            return Action(Sort.REQUEST, step.name, step.process)
        case StepKind.RECOVER:
            return Action(Sort.RETURN, RECOVER, step.process)
        case StepKind.HEAL:
            return Action(Sort.RETURN, HEAL)
        case _:
            return Action(Sort.FAULT)


def without_arguments(action: Action) -> Action:
    return replace(action, arguments=())
