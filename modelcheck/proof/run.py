"""A handler run on a state that is not known: all paths at once, their ends joined by conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from modelcheck.proof.expressions import Scope, condition, value_of
from modelcheck.proof.logic import (
    FALSE,
    TRUE,
    Term,
    apply,
    choice,
    conjunction,
    disjunction,
    equal,
    negation,
)
from modelcheck.proof.setting import Setting, View, process_sort
from modelcheck.proof.values import Entries, Symbolic, columns, fitted, members, merged, placed, read, term, within
from spec.protocol import (
    Assert,
    Assign,
    Broadcast,
    Call,
    For,
    If,
    Let,
    Pass,
    Reset,
    Send,
    Statement,
    Stop,
    Unreachable,
)
from spec.types import MapType, Type


@dataclass(frozen=True)
class Sending:
    """One `send` or `broadcast`: to whom, and what it carries; both as functions of the receiver (a `for` sends
    different things to different processes)."""

    message: str
    to: Callable[[Term], Term]
    carries: Callable[[Term], tuple[Term, ...]]


@dataclass(frozen=True)
class Run:
    """A process in the middle of a handler, where `path` holds. `fails` is when the step may not happen at all."""

    setting: Setting
    view: View
    kind: str
    me: Term
    values: Mapping[str, Symbolic]
    armed: Mapping[str, Term]
    locals: Mapping[int, Symbolic] = field(default_factory=dict)
    path: Term = TRUE
    sent: tuple[Sending, ...] = ()
    fails: Term = FALSE

    def scope(self) -> Scope:
        return Scope(self.setting, self.view, self.me, self.locals, self.values)

    def failing(self, when: Term) -> Run:
        return replace(self, fails=disjunction((self.fails, conjunction((self.path, when)))))


def begin(setting: Setting, view: View, kind: str, me: Term) -> Run:
    """A process as it is in a state."""
    declared = setting.kinds[kind]
    return Run(
        setting,
        view,
        kind,
        me,
        {v.name: read(setting, view, f"{kind}.{v.name}", v.type, (me,)) for v in declared.variables},
        {timer.name: view(f"{kind}/armed/{timer.name}", (me,)) for timer in declared.timers},
    )


def execute(statements: tuple[Statement, ...], run: Run) -> Run:
    """The process after some statements."""
    for statement in statements:
        run = _execute(statement, run)
    return run


def _execute(statement: Statement, run: Run) -> Run:
    match statement:
        case Assign():
            return _assign(statement, run)
        case If():
            return _branch(statement, run)
        case Send():
            receivers = members(value_of(statement.receiver, run.scope()))
            return _send(run, statement.message, receivers.has, statement)
        case Broadcast():
            kind = run.setting.messages[statement.message].receiver
            others = (lambda p: negation(equal(p, run.me))) if kind == run.kind else (lambda _: TRUE)
            return _send(run, statement.message, others, statement)
        case Reset(timer, _, since):
            if since is None:
                return replace(run, armed={**run.armed, timer: TRUE})
            # Whoever compares steps notes here since when each timer counts, see `conformance.translation`.
            origin = f"{since}/from/"
            notes = {
                f"{timer}/from/{name.removeprefix(origin)}": term
                for name, term in run.armed.items()
                if name.startswith(origin)
            }
            return replace(run.failing(negation(run.armed[since])), armed={**run.armed, timer: TRUE, **notes})
        case Stop(timer):
            return replace(run, armed={**run.armed, timer: FALSE})
        case Let(local, value):
            return replace(run, locals={**run.locals, local.identity: value_of(value, run.scope())})
        case For():
            return _each(statement, run)
        case Call():
            return _call(statement, run)
        case Assert(claim):
            return run.failing(negation(condition(claim, run.scope())))
        case Unreachable():
            return run.failing(TRUE)
        case Pass():
            return run


def _assign(statement: Assign, run: Run) -> Run:
    of = run.setting.kinds[run.kind].variable(statement.variable).type
    value = value_of(statement.value, run.scope())
    stored: Type = of
    if isinstance(of, MapType) and not isinstance(statement.value.type, MapType):
        stored = of.value
    value = fitted(value, stored)
    run = run.failing(negation(within(run.setting, value, stored)))
    value = placed(run.setting, value, stored)
    if isinstance(of, MapType) and stored is not of:
        value = _entries(run.values[statement.variable], statement, value, run)
    return replace(run, values={**run.values, statement.variable: value})


def _entries(before: Symbolic, statement: Assign, value: Symbolic, run: Run) -> Symbolic:
    """A map after one entry of it, or every one, has been assigned."""
    assert isinstance(before, Entries)
    if statement.key is None:
        return Entries(before.key, lambda _: value)
    key = term(value_of(statement.key, run.scope()))
    return Entries(before.key, lambda other: merged(equal(other, key), value, before.at(other)))


def _branch(statement: If, run: Run) -> Run:
    """The arms from the last one up: each is what happens where its condition holds and none before it does."""
    before = run
    remaining = run.path
    ends: list[tuple[Term, Run]] = []
    for arm in statement.arms:
        holds = TRUE if arm.condition is None else condition(arm.condition, before.scope())
        ends.append((holds, replace(before, path=conjunction((remaining, holds)))))
        remaining = conjunction((remaining, negation(holds)))
    joined = before
    sent, fails = list(before.sent), [before.fails]
    after = [(holds, execute(arm.body, begun)) for arm, (holds, begun) in zip(statement.arms, ends, strict=True)]
    for _, end in after:
        sent += end.sent[len(before.sent) :]
        fails.append(end.fails)
    for holds, end in reversed(after):
        joined = _joined(holds, end, joined)
    return replace(joined, locals=before.locals, path=before.path, sent=tuple(sent), fails=disjunction(fails))


def _joined(holds: Term, yes: Run, no: Run) -> Run:
    values = {
        name: yes.values[name] if yes.values[name] is no.values[name] else merged(holds, yes.values[name], old)
        for name, old in no.values.items()
    }
    armed = {timer: choice(holds, yes.armed[timer], old) for timer, old in no.armed.items()}
    return replace(no, values=values, armed=armed)


def _send(run: Run, message: str, to: Callable[[Term], Term], statement: Send | Broadcast) -> Run:
    setting, path = run.setting, run.path
    carried: list[Term] = []
    anyone = setting.some(setting.messages[message].receiver, to)
    for argument, (_, of) in zip(statement.arguments, setting.messages[message].parameters, strict=True):
        value = fitted(value_of(argument, run.scope()), of)
        # What is sent to nobody cannot be out of range.
        run = run.failing(conjunction((anyone, negation(within(setting, value, of)))))
        carried += columns(setting, value, of)
    sending = Sending(message, lambda p: conjunction((path, to(p))), lambda _: tuple(carried))
    return replace(run, sent=(*run.sent, sending))


def _call(statement: Call, run: Run) -> Run:
    procedure = run.setting.protocol.procedure(statement.procedure)
    bound: dict[int, Symbolic] = {}
    for parameter, argument in zip(procedure.parameters, statement.arguments, strict=True):
        value = fitted(value_of(argument, run.scope()), parameter.type)
        run = run.failing(negation(within(run.setting, value, parameter.type)))
        bound[parameter.identity] = value
    after = execute(procedure.body, replace(run, locals=bound))
    return replace(after, locals=run.locals)


def _each(statement: For, run: Run) -> Run:
    """A `for`: its body sends only to the element and assigns only map entries at it, so that what happens to one
    element is found by running the body for it alone."""
    setting = run.setting
    domain = members(value_of(statement.domain, run.scope()))

    def body(element: Term) -> Run:
        begun = replace(run, locals={**run.locals, statement.variable.identity: element}, sent=(), fails=FALSE)
        return execute(statement.body, replace(begun, path=conjunction((run.path, domain.has(element)))))

    def assigned(name: str, before: Entries) -> Entries:
        def at(key: Term) -> Symbolic:
            after = body(key).values[name]
            assert isinstance(after, Entries)
            return merged(domain.has(key), after.at(key), before.at(key))

        return Entries(before.key, at)

    anyone = setting.processes.get(domain.kind, (None,))[0]
    probe = body(anyone if anyone is not None else _some_process(domain.kind))
    values = dict(run.values)
    for name, after in probe.values.items():
        before = run.values[name]
        if after is not before:
            assert isinstance(before, Entries)
            values[name] = assigned(name, before)
    sent = tuple(
        Sending(
            one.message,
            lambda p, i=position: body(p).sent[i].to(p),  # type: ignore[misc]
            lambda p, i=position: body(p).sent[i].carries(p),  # type: ignore[misc]
        )
        for position, one in enumerate(probe.sent)
    )
    fails = setting.some(domain.kind, lambda p: body(p).fails)
    return replace(run, values=values, sent=run.sent + sent, fails=disjunction((run.fails, fails)))


def _some_process(kind: str) -> Term:
    return apply("some-process", process_sort(kind))
