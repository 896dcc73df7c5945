"""The transition relation: every step that a protocol's states may take, one unit for each handler, timer, action and
fault.

A unit has constants that stand for who acts, whom a message is from and what it carries; a condition under which the
step may be taken; and, for each symbol that it changes, what that is after the step, as a function of its arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from modelcheck.model import StepKind
from modelcheck.proof.clocks import Changes, has_run_long_enough, is_able, is_paused, may_receive, paused_now, tick
from modelcheck.proof.expressions import Scope, condition, expanded, is_up, value_of
from modelcheck.proof.logic import (
    BOOL,
    FALSE,
    NUMERIC,
    POSITION,
    TRUE,
    Term,
    apply,
    arithmetic,
    at_most,
    choice,
    conjunction,
    disjunction,
    equal,
    implication,
    less,
    negation,
    number,
    substitute,
    variable,
)
from modelcheck.proof.run import Run, Sending, begin, execute
from modelcheck.proof.setting import Setting, View, cut_symbol, default, fresh, process_sort, spent_symbol
from modelcheck.proof.values import Members, Symbolic, cell, from_columns, from_constant, placed, term, within
from spec.protocol import (
    Clocks,
    Event,
    Fault,
    FaultKind,
    Handler,
    OnAction,
    OnInput,
    OnMessage,
    OnStart,
    OnTimeout,
    PauseClock,
    ProcessKind,
)
from spec.types import OptionType, ProcessType, Type

AFTER = "next/"
"""Before the name of a symbol that a step changes: what it is after the step."""


@dataclass(frozen=True)
class Defined:
    """A symbol's meaning as a function of its arguments."""

    parameters: tuple[Term, ...]
    body: Term

    def at(self, arguments: tuple[Term, ...]) -> Term:
        return substitute(self.body, dict(zip(self.parameters, arguments, strict=True)))


@dataclass(frozen=True)
class Unit:
    """One kind of step. `constants` are declared with it, and `functions` (symbol, argument sorts, result sort):
    whatever they are, the step may be taken where `enabled` holds. `handler` is None where none runs; `sent` is what it
    sends, in order."""

    name: str
    step: StepKind
    actor: str
    handler: Handler | None
    constants: tuple[Term, ...]
    functions: tuple[tuple[str, tuple[str, ...], str], ...]
    enabled: Term
    fails: Term
    changes: Mapping[str, Defined]
    sent: tuple[Sending, ...] = ()

    def after(self, before: View) -> View:
        """The state after the step, with the changed symbols spelled out."""

        def view(symbol: str, arguments: tuple[Term, ...]) -> Term:
            changed = self.changes.get(symbol)
            return changed.at(arguments) if changed is not None else before(symbol, arguments)

        return view

    def after_named(self, setting: Setting) -> View:
        """The state after the step, the changed symbols by name (`next/node.term`)."""

        def view(symbol: str, arguments: tuple[Term, ...]) -> Term:
            of = setting.symbols[symbol].result
            return apply(AFTER + symbol if symbol in self.changes else symbol, of, *arguments)

        return view


# What a handler's end means for the whole state ----------------------------------------------------------------------


def _own_changes(run: Run, before: View) -> Changes:
    """The variables and timers of the process that ran."""
    setting, changes = run.setting, Changes()
    began = begin(setting, before, run.kind, run.me)
    for declared in setting.kinds[run.kind].variables:
        value, old = run.values[declared.name], began.values[declared.name]
        name, of = f"{run.kind}.{declared.name}", declared.type
        for part in setting.cells(name, of):

            def at(
                arguments: tuple[Term, ...],
                part: str = part.name,
                held: tuple[Symbolic, Symbolic] = (value, old),
                name: str = name,
                of: Type = of,
            ) -> Term:
                own, began_as = (cell(one, of, name, part, arguments[1:]) for one in held)
                same = before(part, arguments)
                return same if own is began_as else choice(equal(arguments[0], run.me), own, same)

            changes[part.name] = at
    for timer, armed in run.armed.items():
        if armed is not began.armed[timer]:
            symbol = f"{run.kind}/armed/{timer}"
            changes[symbol] = lambda a, s=symbol, armed=armed: choice(equal(a[0], run.me), armed, before(s, a))  # type: ignore[misc]
    return changes


def _sent_changes(run: Run, before: View) -> Changes:
    """What is under way after a handler has sent what it sent; positions follow those in use."""
    setting, changes = run.setting, Changes()
    by_message: dict[str, list[tuple[Sending, Callable[[Term], Term]]]] = {}
    ends: dict[tuple[str, str], Callable[[Term], Term]] = {}
    for sending in run.sent:
        receiver = setting.messages[sending.message].receiver
        link = (run.kind, receiver)
        end = ends.get(link, lambda p, link=link: before(f"end/{link[0]}/{link[1]}", (run.me, p)))
        by_message.setdefault(sending.message, []).append((sending, end))
        ends[link] = lambda p, end=end, s=sending: choice(s.to(p), arithmetic("+", end(p), number(1, POSITION)), end(p))  # type: ignore[misc]
    for message, sendings in by_message.items():
        symbol = f"sent/{message}"

        def sent(
            arguments: tuple[Term, ...],
            symbol: str = symbol,
            sendings: list[tuple[Sending, Callable[[Term], Term]]] = sendings,
        ) -> Term:
            sender, receiver, *rest = arguments
            found = [before(symbol, arguments)]
            for sending, end in sendings:
                values = sending.carries(receiver)
                wanted = (end(receiver), *values) if setting.has_positions else values
                same = [equal(one, other) for one, other in zip(rest, wanted, strict=True)]
                found.append(conjunction((equal(sender, run.me), sending.to(receiver), *same)))
            return disjunction(found)

        changes[symbol] = sent
    if setting.has_positions:
        for (sender, receiver), last in ends.items():
            symbol = f"end/{sender}/{receiver}"
            changes[symbol] = lambda a, s=symbol, last=last: choice(equal(a[0], run.me), last(a[1]), before(s, a))  # type: ignore[misc]
    return changes


def leads(setting: Setting, view: View, process: Term) -> tuple[Term, Term]:
    """Whether a process of the leading kind leads in a state, and with which token."""
    leader = setting.protocol.leader
    assert leader is not None
    scope = Scope(setting, view, process, {})
    holds = conjunction((is_up(setting, view, leader.kind, process), condition(leader.condition, scope)))
    return holds, term(value_of(leader.token, scope))


def _remembered(run: Run, before: View, changes: Changes) -> Changes:
    """The history after a process has acted: that it leads, if it does."""
    setting = run.setting
    leader = setting.protocol.leader
    if leader is None or leader.kind != run.kind:
        return changes
    holds, token = leads(setting, _view_of(changes, before), run.me)

    def led(arguments: tuple[Term, ...]) -> Term:
        process, with_token = arguments
        now = conjunction((equal(process, run.me), equal(with_token, token), holds))
        return disjunction((before("led", arguments), now))

    return {**changes, "led": led}


def _view_of(changes: Changes, before: View) -> View:
    def view(symbol: str, arguments: tuple[Term, ...]) -> Term:
        changed = changes.get(symbol)
        return changed(arguments) if changed is not None else before(symbol, arguments)

    return view


def _after(run: Run, before: View) -> Changes:
    """All that a handler's run changes. `before` is the state in which it began, what its step does at once included
    (a timer disarmed, a message taken)."""
    return _remembered(run, before, {**_own_changes(run, before), **_sent_changes(run, before)})


def _defined(setting: Setting, changes: Changes, base: View) -> dict[str, Defined]:
    """The changes as definitions; those that change nothing are left out."""
    found = {}
    for name, function in changes.items():
        symbol = setting.symbols[name]
        parameters = tuple(variable(f"x{i + 1}!", sort) for i, sort in enumerate(symbol.arguments))
        body = function(parameters)
        if body is not base(name, parameters):
            found[name] = Defined(parameters, body)
    return found


# Units ---------------------------------------------------------------------------------------------------------------


def units(setting: Setting, before: View) -> tuple[Unit, ...]:
    """Every step that there is. Raises Unprovable."""
    return tuple(_units(setting, before))


def _units(setting: Setting, before: View) -> Iterator[Unit]:
    clocks = setting.protocol.clocks
    for message in setting.protocol.messages:
        yield from _deliveries(setting, before, message.name)
        if setting.has_positions and setting.network.loss:
            yield _loss(setting, before, message.name)
    for kind in setting.protocol.kinds:
        for timer in kind.timers:
            yield from _timeouts(setting, before, kind, timer.name)
        for handler in setting.protocol.handlers:
            if handler.kind == kind.name and isinstance(handler.event, OnAction | OnInput):
                yield _spontaneous(setting, before, kind, handler)
    for fault in setting.faults:
        if fault.up_to == 0:
            continue
        afflicted = [kind for kind in setting.protocol.kinds if fault.happens_to(kind.name)]
        match fault.kind:
            case FaultKind.RESTART | FaultKind.DISK_LOSS:
                for kind in afflicted:
                    yield _restart(setting, before, kind, fault)
            case FaultKind.CRASH:
                for kind in afflicted:
                    yield _crash(setting, before, kind, fault)
            case FaultKind.PARTITION:
                yield _partition(setting, before, fault)
            case FaultKind.PAUSE:
                for kind in afflicted:
                    pause = clocks.pause(kind.name) if clocks is not None else None
                    if pause is not None:
                        yield _pause(setting, before, pause, fault)
    if setting.crashes:
        for kind in setting.protocol.kinds:
            yield _recovery(setting, before, kind)
    if setting.splits:
        yield _heal(setting, before)
    if clocks is not None:
        for pause in clocks.pauses:
            yield _resume(setting, before, pause)
        yield _tick(setting, before, clocks)


def _handlers(setting: Setting, kind: str, event: Event) -> list[Handler]:
    return [h for h in setting.protocol.handlers if h.kind == kind and h.event == event]


def _title(handler: Handler, setting: Setting) -> str:
    return " ".join(setting.protocol.points[handler.point].label.split())


def _choices(
    setting: Setting, candidates: list[tuple[Handler, Run]]
) -> Iterator[tuple[Handler | None, Run | None, Term]]:
    """Each handler of an event that may run and when it does, then what happens where none does."""
    passed: list[Term] = []
    for handler, run in candidates:
        guard = TRUE if handler.guard is None else condition(handler.guard, run.scope())
        yield handler, run, conjunction((*passed, guard))
        passed.append(negation(guard))
    yield None, None, conjunction(passed)


def _unit(
    setting: Setting,
    before: View,
    name: str,
    step: StepKind,
    actor: str,
    constants: tuple[Term, ...],
    enabled: Term,
    changes: Changes,
    handler: Handler | None = None,
    fails: Term = FALSE,
    functions: tuple[tuple[str, tuple[str, ...], str], ...] = (),
    sent: tuple[Sending, ...] = (),
) -> Unit:
    defined = _defined(setting, changes, before)
    return Unit(name, step, actor, handler, constants, functions, enabled, fails, defined, sent)


def actor(kind: str) -> Term:
    return apply("actor", process_sort(kind))


def _deliveries(setting: Setting, before: View, name: str) -> Iterator[Unit]:
    message = setting.messages[name]
    me, sender = actor(message.receiver), apply("sender", process_sort(message.sender))
    carried: list[Symbolic] = []
    constants: list[Term] = [me, sender]
    given: list[Term] = []
    for parameter, of in message.parameters:
        sorts = setting.columns(of)
        parts = tuple(
            apply(f"with/{parameter}" + (f".{i + 1}" if len(sorts) > 1 else ""), sort) for i, sort in enumerate(sorts)
        )
        carried.append(from_columns(setting, parts, of))
        given += parts
    constants += given
    position = apply("position", POSITION)
    at = (position,) if setting.has_positions else ()
    constants += at
    enabled = [
        before(f"sent/{name}", (sender, me, *at, *given)),
        may_receive(setting, before, message, sender, me),
    ]
    if setting.has_positions and not setting.network.reordering:
        enabled.append(_is_first(setting, before, message.sender, message.receiver, sender, me, position))
    stays = [True] if setting.network.is_growing_set else [False, True] if setting.network.duplication else [False]
    for kept in stays:
        removed: Changes = (
            {} if kept else _without(setting, before, message.sender, message.receiver, sender, me, position)
        )
        began = _view_of(removed, before)
        candidates = []
        for handler in setting.protocol.handlers:
            if isinstance(handler.event, OnMessage) and handler.event.message == name:
                bound = {p.identity: v for p, v in zip(handler.event.parameters, carried, strict=True)}
                run = begin(setting, began, message.receiver, me)
                candidates.append((handler, replace(run, locals={**bound, handler.event.sender.identity: sender})))
        step = StepKind.DELIVER_AND_KEEP if kept and setting.has_positions else StepKind.DELIVER
        again = " (and stays under way)" if step is StepKind.DELIVER_AND_KEEP else ""
        for chosen, begun, when in _choices(setting, candidates):
            if begun is None or chosen is None:
                if not kept:
                    what = f"{name} arrives and no handler takes it"
                    condition_ = conjunction((*enabled, when))
                    yield _unit(setting, before, what, step, message.receiver, tuple(constants), condition_, removed)
                continue
            run = execute(chosen.body, begun)
            yield _unit(
                setting,
                before,
                _title(chosen, setting) + again,
                step,
                message.receiver,
                tuple(constants),
                conjunction((*enabled, when)),
                {**removed, **_after(run, began)},
                chosen,
                run.fails,
                sent=run.sent,
            )


def _is_first(
    setting: Setting, view: View, sender_kind: str, receiver_kind: str, sender: Term, receiver: Term, position: Term
) -> Term:
    """Whether nothing is under way on a link ahead of a position."""
    parts = []
    for message in setting.protocol.messages:
        if (message.sender, message.receiver) == (sender_kind, receiver_kind):
            earlier = fresh("k", POSITION)
            given = tuple(fresh("x", sort) for _, of in message.parameters for sort in setting.columns(of))
            sent = view(f"sent/{message.name}", (sender, receiver, earlier, *given))
            parts.append(expanded(setting, (earlier, *given), implication(sent, at_most(position, earlier)), True))
    return conjunction(parts)


def _without(
    setting: Setting, view: View, sender_kind: str, receiver_kind: str, sender: Term, receiver: Term, position: Term
) -> Changes:
    """What is under way without the message at a position of a link."""
    changes = Changes()
    for message in setting.protocol.messages:
        if (message.sender, message.receiver) == (sender_kind, receiver_kind):
            symbol = f"sent/{message.name}"

            def sent(arguments: tuple[Term, ...], symbol: str = symbol) -> Term:
                one, other, place, *_ = arguments
                taken = conjunction((equal(one, sender), equal(other, receiver), equal(place, position)))
                return conjunction((view(symbol, arguments), negation(taken)))

            changes[symbol] = sent
    return changes


def _loss(setting: Setting, before: View, name: str) -> Unit:
    message = setting.messages[name]
    sender, receiver = apply("sender", process_sort(message.sender)), apply("receiver", process_sort(message.receiver))
    given = tuple(
        apply(f"with/{i + 1}", sort)
        for i, sort in enumerate(sort for _, of in message.parameters for sort in setting.columns(of))
    )
    position = apply("position", POSITION)
    return _unit(
        setting,
        before,
        f"{name} is lost",
        StepKind.LOSE,
        message.receiver,
        (sender, receiver, position, *given),
        before(f"sent/{name}", (sender, receiver, position, *given)),
        _without(setting, before, message.sender, message.receiver, sender, receiver, position),
    )


def _timeouts(setting: Setting, before: View, kind: ProcessKind, timer: str) -> Iterator[Unit]:
    me = actor(kind.name)
    symbol = f"{kind.name}/armed/{timer}"
    enabled = (
        before(symbol, (me,)),
        is_able(setting, before, kind.name, me),
        has_run_long_enough(setting, before, kind.name, timer, me),
    )
    fired: Changes = {symbol: lambda a: conjunction((before(symbol, a), negation(equal(a[0], me))))}
    began = _view_of(fired, before)
    candidates = [
        (handler, begin(setting, began, kind.name, me)) for handler in _handlers(setting, kind.name, OnTimeout(timer))
    ]
    for chosen, begun, when in _choices(setting, candidates):
        condition_ = conjunction((*enabled, when))
        if begun is None or chosen is None:
            what = f"{timer} fires at a {kind.name} and no handler takes it"
            yield _unit(setting, before, what, StepKind.TIMEOUT, kind.name, (me,), condition_, fired)
            continue
        run = execute(chosen.body, begun)
        changes = {**fired, **_after(run, began)}
        title = _title(chosen, setting)
        yield _unit(
            setting,
            before,
            title,
            StepKind.TIMEOUT,
            kind.name,
            (me,),
            condition_,
            changes,
            chosen,
            run.fails,
            sent=run.sent,
        )


def _spontaneous(setting: Setting, before: View, kind: ProcessKind, handler: Handler) -> Unit:
    me = actor(kind.name)
    run = begin(setting, before, kind.name, me)
    constants: list[Term] = [me]
    enabled = [is_able(setting, before, kind.name, me)]
    if isinstance(handler.event, OnInput):
        bound: dict[int, Symbolic] = {}
        for parameter in handler.event.parameters:
            of = parameter.type
            if isinstance(of, OptionType) and isinstance(of.of, ProcessType):
                chosen = apply(f"with/{parameter.name}", process_sort(of.of.kind))
                given = apply(f"with/{parameter.name}.given", BOOL)
                constants += [chosen, given]
                bound[parameter.identity] = _optional(of.of.kind, given, chosen)
            elif isinstance(of, OptionType):
                sorts = setting.columns(of)
                parts = tuple(apply(f"with/{parameter.name}.{i}", sort) for i, sort in enumerate(sorts))
                constants += parts
                bound[parameter.identity] = from_columns(setting, parts, of)
                # One value has one form; see `values.columns`.
                enabled.append(disjunction((parts[0], equal(parts[1], default(of.of)))))
            else:
                part = apply(f"with/{parameter.name}", setting.sort_carried(of))
                constants.append(part)
                bound[parameter.identity] = part
            enabled.append(within(setting, bound[parameter.identity], of))
        run = replace(run, locals=bound)
    if handler.guard is not None:
        enabled.append(condition(handler.guard, run.scope()))
    end = execute(handler.body, run)
    step = StepKind.INPUT if isinstance(handler.event, OnInput) else StepKind.ACTION
    title = _title(handler, setting)
    after = _after(end, before)
    return _unit(
        setting,
        before,
        title,
        step,
        kind.name,
        tuple(constants),
        conjunction(enabled),
        after,
        handler,
        end.fails,
        sent=end.sent,
    )


def _optional(kind: str, given: Term, chosen: Term) -> Symbolic:
    return Members(kind, lambda p: conjunction((given, equal(p, chosen))))


# Faults --------------------------------------------------------------------------------------------------------------


def _counted(setting: Setting, before: View, fault: Fault) -> tuple[Term, Changes]:
    if not fault.up_to or fault not in setting.counted:
        return TRUE, {}
    symbol = spent_symbol(fault)
    spent = before(symbol, ())
    return less(spent, number(fault.up_to)), {symbol: lambda _: arithmetic("+", spent, number(1))}


def _reset(setting: Setting, before: View, kind: ProcessKind, me: Term, *, disk: bool) -> Changes:
    """A process's volatile variables (with `disk`, the durable ones, too) and timers as they are after a crash."""
    changes = Changes()
    for declared in kind.variables:
        if declared.durable and not disk:
            continue
        name = f"{kind.name}.{declared.name}"
        value = placed(setting, from_constant(declared.initial, declared.type), declared.type)
        for part in setting.cells(name, declared.type):
            changes[part.name] = (
                lambda a, s=part.name, v=value, of=declared.type, n=name: choice(  # type: ignore[misc]
                    equal(a[0], me), cell(v, of, n, s, a[1:]), before(s, a)
                )
            )
    for timer in kind.timers:
        symbol = f"{kind.name}/armed/{timer.name}"
        changes[symbol] = lambda a, s=symbol: conjunction((before(s, a), negation(equal(a[0], me))))  # type: ignore[misc]
    return changes


def _started(setting: Setting, view: View, kind: ProcessKind, me: Term) -> tuple[Run, Handler | None]:
    run = begin(setting, view, kind.name, me)
    for handler in _handlers(setting, kind.name, OnStart()):
        return execute(handler.body, run), handler
    return run, None


def _restart(setting: Setting, before: View, kind: ProcessKind, fault: Fault) -> Unit:
    me = actor(kind.name)
    lost = fault.kind is FaultKind.DISK_LOSS
    may, counted = _counted(setting, before, fault)
    reset = _reset(setting, before, kind, me, disk=lost)
    began = _view_of(reset, before)
    run, handler = _started(setting, began, kind, me)
    what = f"a {kind.name} loses its disk and restarts" if lost else f"a {kind.name} crashes and restarts"
    return _unit(
        setting,
        before,
        what,
        StepKind.DISK_LOSS if lost else StepKind.RESTART,
        kind.name,
        (me,),
        conjunction((is_up(setting, before, kind.name, me), may)),
        {**reset, **_after(run, began), **counted},
        handler,
        run.fails,
        sent=run.sent,
    )


def _crash(setting: Setting, before: View, kind: ProcessKind, fault: Fault) -> Unit:
    me = actor(kind.name)
    may, counted = _counted(setting, before, fault)
    up = f"{kind.name}/up"
    down: Changes = {up: lambda a: conjunction((before(up, a), negation(equal(a[0], me))))}
    changes = {**_reset(setting, before, kind, me, disk=False), **down, **counted}
    enabled = conjunction((is_up(setting, before, kind.name, me), may))
    return _unit(setting, before, f"a {kind.name} crashes", StepKind.CRASH, kind.name, (me,), enabled, changes)


def _recovery(setting: Setting, before: View, kind: ProcessKind) -> Unit:
    me = actor(kind.name)
    up = f"{kind.name}/up"
    risen: Changes = {up: lambda a: disjunction((before(up, a), equal(a[0], me)))}
    began = _view_of(risen, before)
    run, handler = _started(setting, began, kind, me)
    return _unit(
        setting,
        before,
        f"a {kind.name} comes up again",
        StepKind.RECOVER,
        kind.name,
        (me,),
        negation(before(up, (me,))),
        {**risen, **_after(run, began)},
        handler,
        run.fails,
        sent=run.sent,
    )


def _partition(setting: Setting, before: View, fault: Fault) -> Unit:
    """The processes are split into two sides, not as they are split now. The very first one is on the side that is not
    cut off; where none is the first, the same sides may not be called the other way round."""
    may, counted = _counted(setting, before, fault)
    functions, changes, first = [], Changes(), None
    anyone, left, different, alike = [], [], [], []
    for index, kind in enumerate(setting.protocol.kinds):
        symbol = f"chosen/{cut_symbol(kind.name)}"
        functions.append((symbol, (process_sort(kind.name),), BOOL))

        def chosen(p: Term, symbol: str = symbol) -> Term:
            return apply(symbol, BOOL, p)

        def cut(p: Term, name: str = kind.name) -> Term:
            return before(cut_symbol(name), (p,))

        changes[cut_symbol(kind.name)] = lambda a, s=symbol: apply(s, BOOL, a[0])  # type: ignore[misc]
        anyone.append(setting.some(kind.name, chosen))
        left.append(setting.some(kind.name, lambda p, c=chosen: negation(c(p))))  # type: ignore[misc]
        alike.append(setting.some(kind.name, lambda p, c=chosen, d=cut: equal(c(p), d(p))))  # type: ignore[misc]
        different.append(setting.some(kind.name, lambda p, c=chosen, d=cut: negation(equal(c(p), d(p)))))  # type: ignore[misc]
        if index == 0 and kind.name in setting.processes:
            first = negation(chosen(setting.processes[kind.name][0]))
    named = first if first is not None else conjunction((disjunction(left), disjunction(alike)))
    enabled = conjunction((may, disjunction(anyone), disjunction(different), named))
    return _unit(
        setting,
        before,
        "the network is split in two",
        StepKind.PARTITION,
        setting.protocol.kinds[0].name,
        (),
        enabled,
        {**changes, **counted},
        functions=tuple(functions),
    )


def _heal(setting: Setting, before: View) -> Unit:
    kinds = setting.protocol.kinds
    split = disjunction(setting.some(k.name, lambda p, n=k.name: before(cut_symbol(n), (p,))) for k in kinds)  # type: ignore[misc]
    whole: Changes = {cut_symbol(kind.name): lambda _: FALSE for kind in kinds}
    return _unit(setting, before, "the network heals", StepKind.HEAL, kinds[0].name, (), split, whole)


# Time ----------------------------------------------------------------------------------------------------------------


def _pause(setting: Setting, before: View, pause: PauseClock, fault: Fault) -> Unit:
    me = actor(pause.kind)
    may, counted = _counted(setting, before, fault)
    running = conjunction((is_able(setting, before, pause.kind, me), may))
    changes = {**paused_now(before, pause, me, paused=True), **counted}
    what = f"a {pause.kind} is paused"
    return _unit(setting, before, what, StepKind.PAUSE, pause.kind, (me,), running, changes)


def _resume(setting: Setting, before: View, pause: PauseClock) -> Unit:
    me = actor(pause.kind)
    what, changes = f"a {pause.kind} goes on", paused_now(before, pause, me, paused=False)
    resting = is_paused(setting, before, pause.kind, me)
    return _unit(setting, before, what, StepKind.RESUME, pause.kind, (me,), resting, changes)


def _tick(setting: Setting, before: View, clocks: Clocks) -> Unit:
    first = setting.protocol.kinds[0].name
    may, changes = tick(setting, before, clocks)
    return _unit(setting, before, "a tick passes", StepKind.TICK, first, (), may, changes)


# The beginning -------------------------------------------------------------------------------------------------------


def initial_view(setting: Setting) -> tuple[View, Term]:
    """The one initial state, spelled out; and whether making it fails."""

    def blank(symbol: str, arguments: tuple[Term, ...]) -> Term:
        return blanks[symbol](arguments)

    blanks: Changes = {}
    for kind in setting.protocol.kinds:
        for declared in kind.variables:
            name = f"{kind.name}.{declared.name}"
            value = placed(setting, from_constant(declared.initial, declared.type), declared.type)
            for part in setting.cells(name, declared.type):
                blanks[part.name] = lambda a, s=part.name, v=value, of=declared.type, n=name: cell(v, of, n, s, a[1:])  # type: ignore[misc]
        for timer in kind.timers:
            blanks[f"{kind.name}/armed/{timer.name}"] = lambda _: FALSE
        blanks[f"{kind.name}/up"] = lambda _: TRUE
    for symbol in setting.symbols.values():
        zero = number(0, symbol.result) if symbol.result in NUMERIC else FALSE
        blanks.setdefault(symbol.name, lambda _, zero=zero: zero)  # type: ignore[misc]
    owners = _whose(setting)

    def view(symbol: str, arguments: tuple[Term, ...]) -> Term:
        whose = owners.get(symbol)
        if symbol == "led":
            holds, token = leads(setting, view, arguments[0])
            return conjunction((holds, equal(arguments[1], token)))
        if whose is None:
            return blank(symbol, arguments)
        run, _ = _started(setting, blank, setting.kinds[whose], arguments[0])
        changes = {**_own_changes(run, blank), **_sent_changes(run, blank)}
        return changes[symbol](arguments) if symbol in changes else blank(symbol, arguments)

    fails = [
        setting.some(kind.name, lambda p, kind=kind: _started(setting, blank, kind, p)[0].fails)  # type: ignore[misc]
        for kind in setting.protocol.kinds
    ]
    return view, disjunction(fails)


def _whose(setting: Setting) -> dict[str, str]:
    """The kind of process whose start makes a symbol what it is: its owner, or the sender of a message."""
    found = {f"sent/{message.name}": message.sender for message in setting.protocol.messages}
    found |= {f"end/{sender}/{receiver}": sender for sender, receiver in setting.links}
    for kind in setting.protocol.kinds:
        for declared in kind.variables:
            found |= {part.name: kind.name for part in setting.cells(f"{kind.name}.{declared.name}", declared.type)}
        found |= {f"{kind.name}/armed/{timer.name}": kind.name for timer in kind.timers}
    return found
