"""Variables that nothing can read again before they are overwritten, and timers whose being armed never varies.

The votes that a node gathered mean nothing once it is no candidate: states that differ in them alone are one state,
as far as anything can tell. A *control variable* (an enumeration or a boolean of the same process) says when: the
variable is dead while the control variable has one of some values. Which ones is found by a greatest fixpoint: assume
that it is dead at all of them, walk through every handler from each, and take away the values from which a stale value
is read, or is carried along to a value where it may be.

What a property, the `leader` clause or another process's reader reads is never dead. Two states that differ in dead
variables alone have the same successors but for dead variables and satisfy the same properties (a bisimulation), so
verdicts and the lengths of counterexamples stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from modelcheck.model import Model
from spec.clocks import hidden_variables
from spec.definitions import children
from spec.lint import bodies, nodes
from spec.protocol import (
    Apply,
    Assert,
    Assign,
    Broadcast,
    Call,
    Compare,
    Comparison,
    Connected,
    Connective,
    Constant,
    Expression,
    FaultKind,
    For,
    If,
    Let,
    Not,
    OneOf,
    OnStart,
    OnTimeout,
    ProcessKind,
    Protocol,
    Read,
    Reset,
    Self,
    Send,
    Statement,
    Stop,
    Unreachable,
    Variable,
)
from spec.types import BoolType, EnumType, Value

Values = frozenset[Value]


@dataclass(frozen=True)
class DeadVariable:
    """`variable` of each process of `kind` is dead while `control` is one of `values`: it is then set to its initial
    value."""

    kind: str
    variable: str
    control: str
    values: Values


@dataclass(frozen=True)
class _Abstract:
    """What is known in the middle of a handler: the values that the control variable may have, and whether the
    watched variable still has the value of before (for a timer: whether it may be disarmed)."""

    control: Values
    stale: bool


@dataclass(frozen=True)
class _Walk:
    """One walk's question. `watched` is a variable, or a timer where `timer` is set; `control` may be empty."""

    protocol: Protocol
    kind: ProcessKind
    watched: str
    control: str
    timer: bool = False


class _StaleRead(Exception):
    """The watched variable's old value is read."""


def dead_variables(model: Model) -> tuple[DeadVariable, ...]:
    """All such variables of a model; its faults matter, since a restart resets what is volatile."""
    observed = _observed(model.protocol) | clock_variables(model.protocol)
    found = []
    for kind in model.protocol.kinds:
        controls = _controls(model.protocol, kind)
        for variable, control in product(kind.variables, controls):
            if variable is not control and (kind.name, variable.name) not in observed:
                values = _dead_values(model, kind, variable, control)
                if values:
                    found.append(DeadVariable(kind.name, variable.name, control.name, values))
    return tuple(found)


def clock_variables(protocol: Protocol) -> frozenset[tuple[str, str]]:
    """The variables that time itself reads and changes, by kind and name: no handler shows all that happens to them."""
    if protocol.clocks is None:
        return frozenset()
    return frozenset((kind.name, name) for kind in protocol.kinds for name in hidden_variables(kind))


def _controls(protocol: Protocol, kind: ProcessKind) -> list[Variable]:
    clocks = clock_variables(protocol)
    small = (variable for variable in kind.variables if isinstance(variable.type, EnumType | BoolType))
    return [variable for variable in small if (kind.name, variable.name) not in clocks]


def always_armed(model: Model) -> frozenset[tuple[str, str]]:
    """The timers, by kind and name, that are armed in every reachable state in which their process is up.

    `on start` arms such a timer on every path, nothing stops it, and whatever happens when it fires arms it again."""
    found = set()
    for kind in model.protocol.kinds:
        for timer in kind.timers:
            if _always_armed(model, kind, timer.name):
                found.add((kind.name, timer.name))
    return frozenset(found)


# The two fixpoints ---------------------------------------------------------------------------------------------------


def _domain(variable: Variable) -> Values:
    return frozenset(variable.type.values) if isinstance(variable.type, EnumType) else frozenset((False, True))


def _dead_values(model: Model, kind: ProcessKind, variable: Variable, control: Variable) -> Values:
    walk = _Walk(model.protocol, kind, variable.name, control.name)
    dead = _domain(control)
    while dead:
        alive = frozenset(value for value in dead if not _stays_dead(model, walk, variable, control, value, dead))
        if not alive:
            return dead
        dead -= alive
    return dead


def _stays_dead(model: Model, walk: _Walk, variable: Variable, control: Variable, value: Value, dead: Values) -> bool:
    """Whether from a state with this control value no step reads the stale variable, or leaves the dead values with
    it still stale."""
    begin = _Abstract(frozenset((value,)), True)
    try:
        ends = list(_ordinary_steps(walk, begin))
        for disk in restarts(model):
            kept = control.durable and not disk
            restarted = _Abstract(frozenset((value if kept else control.initial,)), variable.durable and not disk)
            ends += [restarted, *_start(walk, restarted)]
    except _StaleRead:
        return False
    return all(end.control <= dead for end in ends if end.stale)


def restarts(model: Model) -> list[bool]:
    """The ways to restart: for each, whether the disk is lost."""
    kinds = {fault.kind for fault in model.faults}
    ways = [False] if kinds & {FaultKind.RESTART, FaultKind.CRASH} else []
    return [*ways, True] if FaultKind.DISK_LOSS in kinds else ways


def _always_armed(model: Model, kind: ProcessKind, timer: str) -> bool:
    if any(isinstance(part, Stop) and part.timer == timer for part in nodes(bodies(model.protocol, kind.name))):
        return False
    controls = _controls(model.protocol, kind)
    choices: list[tuple[str, Values]] = [(c.name, _domain(c)) for c in controls] or [("", frozenset((None,)))]
    for control, values in choices:
        walk = _Walk(model.protocol, kind, timer, control, timer=True)
        unarmed = _Abstract(values, True)
        started = list(_start(walk, unarmed))
        has_start = any(h.kind == kind.name and isinstance(h.event, OnStart) for h in model.protocol.handlers)
        fired = list(_timeout_steps(walk, unarmed, timer))
        if has_start and not any(end.stale for end in (*started, *fired)):
            return True
    return False


def _observed(protocol: Protocol) -> set[tuple[str, str]]:
    """The variables that properties and the leader clause read."""
    whole: list[object] = [*protocol.properties]
    if protocol.leader is not None:
        whole.append(protocol.leader)
    found: set[tuple[str, str]] = set()
    while whole:
        for part in nodes(whole.pop()):
            if isinstance(part, Read):
                found.add((getattr(part.process.type, "kind", ""), part.variable))
            if isinstance(part, Apply):
                whole.append(protocol.definition(part.definition).body)
    return found


# Steps ---------------------------------------------------------------------------------------------------------------


def _ordinary_steps(walk: _Walk, begin: _Abstract) -> Iterator[_Abstract]:
    for handler in walk.protocol.handlers:
        if handler.kind == walk.kind.name and not isinstance(handler.event, OnStart):
            entered, _ = _decide(handler.guard, begin, walk)
            if entered:
                yield from _block(handler.body, {_Abstract(entered, begin.stale)}, walk)


def _start(walk: _Walk, begin: _Abstract) -> Iterator[_Abstract]:
    handlers = [h for h in walk.protocol.handlers if h.kind == walk.kind.name and isinstance(h.event, OnStart)]
    if not handlers:
        yield begin
    for handler in handlers:
        yield from _block(handler.body, {begin}, walk)


def _timeout_steps(walk: _Walk, begin: _Abstract, timer: str) -> Iterator[_Abstract]:
    """What follows when a timer fires; where no guard holds, it stays disarmed."""
    control = begin.control
    for handler in walk.protocol.handlers:
        if handler.kind == walk.kind.name and handler.event == OnTimeout(timer):
            entered, control = _decide(handler.guard, _Abstract(control, begin.stale), walk)
            if entered:
                yield from _block(handler.body, {_Abstract(entered, begin.stale)}, walk)
            if not control:
                return
    yield _Abstract(control, begin.stale)


def _block(statements: tuple[Statement, ...], states: set[_Abstract], walk: _Walk) -> set[_Abstract]:
    for statement in statements:
        states = {after for state in states for after in _statement(statement, state, walk)}
    return states


def _statement(statement: Statement, state: _Abstract, walk: _Walk) -> set[_Abstract]:
    match statement:
        case If(arms):
            ends: set[_Abstract] = set()
            control = state.control
            for arm in arms:
                entered, control = _decide(arm.condition, _Abstract(control, state.stale), walk)
                if entered:
                    ends |= _block(arm.body, {_Abstract(entered, state.stale)}, walk)
                if not control:
                    return ends
            return ends | {_Abstract(control, state.stale)}
        case For(_, domain, body):
            _read(domain, state, walk)
            states = {state}
            while (more := states | _block(body, states, walk)) != states:
                states = more
            return states
        case Call(procedure, arguments):
            for argument in arguments:
                _read(argument, state, walk)
            return _block(walk.protocol.procedure(procedure).body, {state}, walk)
        case Assign(variable, key, value):
            for part in (key, value):
                if part is not None:
                    _read(part, state, walk)
            if variable == walk.control:
                return {_Abstract(_assigned(value, walk), state.stale)}
            if variable == walk.watched and key is None and not walk.timer:
                return {_Abstract(state.control, False)}
            return {state}
        case Reset(timer):
            return {_Abstract(state.control, False)} if walk.timer and timer == walk.watched else {state}
        case Send(_, arguments, receiver):
            for part in (*arguments, receiver):
                _read(part, state, walk)
        case Broadcast(_, arguments):
            for part in arguments:
                _read(part, state, walk)
        case Let(_, value):
            _read(value, state, walk)
        case Assert(condition):
            _read(condition, state, walk)
        case Unreachable():
            return set()
        case _:
            pass
    return {state}


def _assigned(value: Expression, walk: _Walk) -> Values:
    """What the control variable may be after an assignment."""
    if isinstance(value, Constant):
        return frozenset((value.value,))
    return _domain(walk.kind.variable(walk.control))


# Conditions ----------------------------------------------------------------------------------------------------------


def _decide(condition: Expression | None, state: _Abstract, walk: _Walk) -> tuple[Values, Values]:
    """The control values with which a condition may be true, and those with which it may be false."""
    none: Values = frozenset()
    if not state.control:
        return none, none
    match condition:
        case None:
            return state.control, none
        case Not(operand):
            yes, no = _decide(operand, state, walk)
            return no, yes
        case Connected(connective, left, right):
            yes, no = _decide(left, state, walk)
            if connective is Connective.AND:
                both, not_right = _decide(right, _Abstract(yes, state.stale), walk)
                return both, no | not_right
            if connective is Connective.IMPLIES:
                yes, no = no, yes
            right_too, neither = _decide(right, _Abstract(no, state.stale), walk)
            return yes | right_too, neither
        case Compare(comparison, Read(Self(), variable), Constant(value)) if variable == walk.control:
            same = state.control & {value}
            if comparison is Comparison.EQUAL:
                return same, state.control - same
            if comparison is Comparison.DIFFERENT:
                return state.control - same, same
        case OneOf(Read(Self(), variable), alternatives) if variable == walk.control and all(
            isinstance(a, Constant) for a in alternatives
        ):
            same = state.control & {a.value for a in alternatives if isinstance(a, Constant)}
            return same, state.control - same
        case Read(Self(), variable) if variable == walk.control:
            return state.control & {True}, state.control & {False}
        case Constant(value):
            return (state.control, none) if value else (none, state.control)
        case Apply(name, _, arguments):
            for argument in arguments:
                _read(argument, state, walk)
            return _decide(walk.protocol.definition(name).body, state, walk)
        case _:
            pass
    _read(condition, state, walk)
    return state.control, state.control


def _read(expression: Expression, state: _Abstract, walk: _Walk) -> None:
    """Raises _StaleRead where the expression may read the watched variable's old value."""
    if not state.stale or walk.timer:
        return
    if isinstance(expression, Read) and expression.variable == walk.watched:
        raise _StaleRead
    if isinstance(expression, Apply):
        _read(walk.protocol.definition(expression.definition).body, state, walk)
    for child in children(expression):
        _read(child, state, walk)
