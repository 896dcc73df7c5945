"""Which action a step is: what fairness is about, by number.

A label is a number's lower 16 bits; the bits above say what sort it is, in the order in which a search for what can
still be reached tries them: what is under way arrives before a timer fires.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from modelcheck.model import Model, Name, Step, StepKind

SORT_BITS = 16


class Sort(IntEnum):
    DELIVER = 0
    RETURN = 1
    REQUEST = 2
    TIMEOUT = 3
    FAULT = 4


@dataclass(frozen=True)
class Action:
    """`name` is the message, timer, action or input; of a message `sender` is who sent it. The parts that an action
    lacks are empty. All values of a message's or an input's arguments are one action."""

    sort: Sort
    name: str = ""
    process: Name | None = None
    sender: Name | None = None


RECOVER, HEAL = "recover", "heal"


def actions_of(model: Model) -> tuple[Action, ...]:
    """All actions of a model, in the order of their numbers."""
    found = []
    for message in model.protocol.messages:
        for sender in model.names[model.kind_index[message.sender]]:
            receivers = model.names[model.kind_index[message.receiver]]
            found += [Action(Sort.DELIVER, message.name, receiver, sender) for receiver in receivers]
    for kind, names in zip(model.protocol.kinds, model.names, strict=True):
        for timer in kind.timers:
            found += [Action(Sort.TIMEOUT, timer.name, name) for name in names]
        for event in model.spontaneous[kind.name]:
            found += [Action(Sort.REQUEST, event.name, name) for name in names]
        found += [Action(Sort.RETURN, RECOVER, name) for name in names]
    return (*found, Action(Sort.RETURN, HEAL), Action(Sort.FAULT))


def first_of(model: Model, sort: Sort, name: str = "", kind: str = "") -> int:
    """The label of the first of the actions that differ in their processes alone."""
    for number, action in enumerate(actions_of(model)):
        same = action.sort is sort and action.name == name
        if same and (not kind or action.process is None or action.process.kind == kind):
            return int(sort) << SORT_BITS | number
    raise ValueError(f"there is no {sort.name} {name}")


def action_of(model: Model, step: Step) -> Action:
    """The action that a step of the reference semantics is."""
    match step.kind:
        case StepKind.DELIVER | StepKind.DELIVER_AND_KEEP:
            assert step.packet is not None
            return Action(Sort.DELIVER, step.packet.message, step.packet.receiver, step.packet.sender)
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
