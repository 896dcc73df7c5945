"""Translation validation: emitted Python is read back from its text, and proved equal to the protocol.

For each event of each kind of process, at a fixed number of processes, and for every state and message: the emitted
function raises `Impossible` exactly where the step fails, and elsewhere leads to the same state, sends the same
messages in the same order to each receiver, and tells of each timer alike what was done to it last. The reader shares
nothing with what emits; what it takes for granted is Python itself and `runtime.steps`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from modelcheck.conformance.files import MESSAGES, wrong_package
from modelcheck.conformance.interpret import Effects, Reader, Sent
from modelcheck.conformance.source import NotRead, Source, source_of
from modelcheck.conformance.values import All, Chosen, Nothing, Said, Thing, Timers, Value, Word, as_python, fitted_to
from modelcheck.conformance.wiring import Names, wrong_messages, wrong_process
from modelcheck.proof.expressions import Scope, condition
from modelcheck.proof.logic import (
    BOOL,
    FALSE,
    TRUE,
    Term,
    apply,
    arithmetic,
    choice,
    conjunction,
    disjunction,
    equal,
    implication,
    negation,
    number,
)
from modelcheck.proof.obligations import Goal, Obligation, text_of
from modelcheck.proof.run import Run, Sending, begin, execute
from modelcheck.proof.setting import Setting, base_view, process_sort
from modelcheck.proof.solvers import UNSAT, z3_answers
from modelcheck.proof.steps import leads
from modelcheck.proof.values import (
    Members,
    Symbolic,
    at_most_one,
    columns,
    from_columns,
    from_constant,
    merged,
    same,
    within,
)
from spec.protocol import (
    Event,
    For,
    Handler,
    If,
    Local,
    OnAction,
    OnInput,
    OnMessage,
    OnStart,
    OnTimeout,
    Protocol,
    Reset,
    Statement,
    Stop,
    Variable,
)
from spec.types import NAT, OptionType, ProcessType, SetType, Type

SIZES = (3, 4, 5)


@dataclass(frozen=True)
class Difference:
    """Something in which emitted code is not the protocol, or is not seen to be."""

    kind: str
    event: str
    size: int
    what: str


# What the protocol says ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Meaning:
    """A step as the protocol has it."""

    taken: Term
    fails: Term
    values: Mapping[str, Symbolic]
    armed: Mapping[str, Term]
    sent: tuple[Sending, ...]
    timers: Mapping[str, tuple[Term, ...]]
    """Of each timer whether it was reset last, whether it was stopped last, and since when it counts: since now, or
    since when one of the timers did before the step, in the order of the timers."""


def meaning_of(setting: Setting, kind: str, event: Event, me: Term, given: Mapping[int, Symbolic]) -> Meaning:
    """What the first handler of an event whose guard holds does. `given` are what comes with the event."""
    setting = replace(setting, protocol=_noted(setting.protocol, kind))
    begun = begin(setting, base_view(setting), kind, me)
    timers = list(begun.armed)
    notes = {note: FALSE for timer in timers for note in (*_notes(timer), *_origins(timer, timers))}
    notes |= {f"{timer}/from/{timer}": TRUE for timer in timers}
    begun = replace(begun, armed={**begun.armed, **notes})
    if isinstance(event, OnTimeout):
        begun = replace(begun, armed={**begun.armed, event.timer: FALSE})
    passed: Term = TRUE
    ends: list[tuple[Term, Run]] = []
    for handler in _handlers_of(setting.protocol, kind, event):
        run = replace(begun, locals=_bound(handler, event, given))
        guard = TRUE if handler.guard is None else condition(handler.guard, run.scope())
        when = conjunction((passed, guard))
        ends.append((when, execute(handler.body, replace(run, path=when))))
        passed = conjunction((passed, negation(guard)))
    values, armed = dict(begun.values), dict(begun.armed)
    for when, end in ends:
        values = {name: merged(when, end.values[name], old) for name, old in values.items()}
        armed = {name: choice(when, end.armed[name], old) for name, old in armed.items()}
    fails = disjunction(end.fails for _, end in ends)
    done = {timer: tuple(armed.pop(n) for n in (*_notes(timer), *_origins(timer, timers))) for timer in timers}
    return Meaning(negation(passed), fails, values, armed, tuple(one for _, end in ends for one in end.sent), done)


def _notes(timer: str) -> tuple[str, str]:
    """What is armed, like a timer, where the timer was reset last or stopped last. No name of a spec has a slash."""
    return f"{timer}/reset", f"{timer}/stopped"


def _origins(timer: str, timers: Sequence[str]) -> tuple[str, ...]:
    """Notes of since when a timer counts, see `Meaning.timers`."""
    return f"{timer}/from/", *(f"{timer}/from/{other}" for other in timers)


def _noted(protocol: Protocol, kind: str) -> Protocol:
    """The protocol with notes beside each statement about a timer of a kind: a timer that is reset runs anew, armed or
    not, and a state does not say so."""
    timers = [timer.name for timer in protocol.kind(kind).timers]
    return replace(
        protocol,
        handlers=tuple(replace(one, body=_with_notes(one.body, timers)) for one in protocol.handlers),
        procedures=tuple(replace(one, body=_with_notes(one.body, timers)) for one in protocol.procedures),
    )


def _with_notes(statements: tuple[Statement, ...], timers: Sequence[str]) -> tuple[Statement, ...]:
    found: list[Statement] = []
    for statement in statements:
        match statement:
            case If(arms):
                arms = tuple(replace(arm, body=_with_notes(arm.body, timers)) for arm in arms)
                found.append(replace(statement, arms=arms))
            case For(_, _, body):
                found.append(replace(statement, body=_with_notes(body, timers)))
            case Reset(timer, span, since):
                reset, stopped = _notes(timer)
                found += [statement, Reset(reset, span), Stop(stopped, span)]
                if since is None:
                    now, *earlier = _origins(timer, timers)
                    found += [Reset(now, span), *(Stop(note, span) for note in earlier)]
            case Stop(timer):
                reset, stopped = _notes(timer)
                found += [statement, Reset(stopped, statement.span), Stop(reset, statement.span)]
            case _:
                found.append(statement)
    return tuple(found)


def _handlers_of(protocol: Protocol, kind: str, event: Event) -> list[Handler]:
    wanted = _unnamed(event)
    return [h for h in protocol.handlers if h.kind == kind and _unnamed(h.event) == wanted]


def _unnamed(event: Event) -> Event:
    """An event without the names that a handler gives to what comes with it."""
    match event:
        case OnMessage(message):
            return OnMessage(message, (), Local(0, "", NAT))
        case OnInput(name):
            return OnInput(name, ())
        case _:
            return event


def _bound(handler: Handler, event: Event, given: Mapping[int, Symbolic]) -> dict[int, Symbolic]:
    """What a handler calls what comes with its event. `given` has that by position; a message's sender is the last."""
    if isinstance(handler.event, OnMessage):
        locals_ = [*handler.event.parameters, handler.event.sender]
    elif isinstance(handler.event, OnInput):
        locals_ = [*handler.event.parameters]
    else:
        locals_ = []
    return {local.identity: given[position] for position, local in enumerate(locals_)}


# What comes with an event --------------------------------------------------------------------------------------------


@dataclass
class _Constants:
    """Constants that stand for what is not known, and what is known of them."""

    setting: Setting
    functions: dict[str, str]
    hypotheses: list[Term]

    def process(self, name: str, kind: str) -> Term:
        return self._made(name, process_sort(kind))

    def any(self, name: str, of: Type) -> Symbolic:
        """Any value of a type."""
        sorts = self.setting.columns(of)
        parts = tuple(self._made(f"{name}.{index}", sort) for index, sort in enumerate(sorts))
        value = from_columns(self.setting, parts, of)
        self.hypotheses.append(within(self.setting, value, of))
        if isinstance(of, OptionType) and isinstance(value, Members):
            self.hypotheses.append(at_most_one(self.setting, value))
        return value

    def _made(self, name: str, sort: str) -> Term:
        self.functions[name] = sort
        return apply(name, sort)


def _state_is_one(setting: Setting, kind: str, values: Mapping[str, Symbolic]) -> Iterator[Term]:
    """What is true of every state: numbers are in range, an optional process is at most one."""
    for variable in setting.kinds[kind].variables:
        value = values[variable.name]
        yield within(setting, value, variable.type)
        if isinstance(variable.type, OptionType) and isinstance(value, Members):
            yield at_most_one(setting, value)


# Comparing -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Case:
    """One event at one size: what is to be shown of it."""

    kind: str
    event: str
    size: int
    obligation: Obligation


def differences(
    protocol: Protocol,
    texts: Mapping[str, str],
    names: Mapping[str, Names],
    settings: Mapping[int, Setting],
    seconds: float = 10.0,
    ask: Callable[[str, float], list[tuple[str, tuple[str, ...]]]] = z3_answers,
    runtime: str = "runtime",
) -> tuple[Difference, ...]:
    """In what the emitted modules (by file, as text) are not the protocol; nothing, where they are. `runtime` is what
    they have to import as what they stand on. Raises NoSolver."""
    found: list[Difference] = []
    found += [Difference("package", "", 0, what) for what in wrong_package(protocol, texts, names, runtime)]
    if found:
        return tuple(found)
    for kind in protocol.kinds:
        source = None
        try:
            source, messages = source_of(texts[names[kind.name].module]), source_of(texts[MESSAGES])
            wrong = [*wrong_messages(protocol, messages, names[kind.name])]
            wrong += wrong_process(protocol, kind, source, messages, names[kind.name], runtime)
        except NotRead as problem:
            wrong = [f"this is not read: {problem}"]
        if wrong or source is None:
            found += [Difference(kind.name, "", 0, what) for what in wrong]
            continue
        for size, setting in settings.items():
            try:
                cases = list(_cases(protocol, setting, kind.name, source, names[kind.name], size))
            except NotRead as problem:
                found.append(Difference(kind.name, "", size, f"this is not read: {problem}"))
                break
            for case in cases:
                goals = [goal for goal in case.obligation.goals if goal.formula is not TRUE]
                if not goals:
                    continue
                answers = ask(text_of(setting, replace(case.obligation, goals=tuple(goals)), {}), seconds)
                for index, goal in enumerate(goals):
                    answer = answers[index][0] if index < len(answers) else "no answer"
                    if answer != UNSAT:
                        said = "differs" if answer == "sat" else f"is not shown to be the same ({answer})"
                        found.append(Difference(case.kind, case.event, case.size, f"{goal.text} {said}"))
    return tuple(found)


def _cases(protocol: Protocol, setting: Setting, kind: str, source: Source, names: Names, size: int) -> Iterator[_Case]:
    declared = setting.kinds[kind]
    messages = {
        python: (name, {names.parameters.get(p, p): of for p, of in setting.messages[name].parameters})
        for python, name in names.classes.items()
    }
    variables = {python: declared.variable(name).type for python, name in names.variables.items()}
    reader = Reader(setting, kind, source, variables, messages)
    begun = begin(setting, base_view(setting), kind, apply("me", process_sort(kind)))
    attributes: dict[str, Value] = {
        python: as_python(begun.values[name], declared.variable(name).type) for python, name in names.variables.items()
    }
    before = Thing("State", {**attributes, "armed": Timers(begun.armed)})

    def made(event: str, goals: list[Goal], known: _Constants) -> _Case:
        hypotheses = [*_state_is_one(setting, kind, begun.values), *known.hypotheses]
        functions = tuple((name, (), sort) for name, sort in known.functions.items())
        held = tuple(Goal(f"known-{i}", "known", one) for i, one in enumerate(hypotheses) if one is not TRUE)
        return _Case(kind, event, size, Obligation("same", f"{kind}: {event}", held, None, tuple(goals), functions))

    def known() -> _Constants:
        constants = _Constants(setting, {}, [])
        constants.process("me", kind)
        return constants

    def stepped(
        event: Event, said: str, function: str, extra: list[Value], carried: list[Symbolic], of: _Constants
    ) -> _Case:
        meaning = meaning_of(setting, kind, event, begun.me, dict(enumerate(carried)))
        effects = Effects()
        result = reader.call(function, [begun.me, All(), before, *extra], effects, TRUE)
        return made(
            said, _same_step(reader, names, meaning, result, effects, isinstance(event, OnAction | OnInput)), of
        )

    for message in protocol.messages:
        if message.receiver == kind:
            constants = known()
            sender = constants.process("sender", message.sender)
            carried = [constants.any(f"with-{name}", of) for name, of in message.parameters]
            python = [names.parameters.get(name, name) for name, _ in message.parameters]
            given = [as_python(value, of) for value, (_, of) in zip(carried, message.parameters, strict=True)]
            said = Said(message.name, dict(zip(python, given, strict=True)))
            event = _unnamed(OnMessage(message.name, (), Local(0, "", NAT)))
            yield stepped(event, f"receives {message.name}", "receive", [sender, said], [*carried, sender], constants)
    for timer in declared.timers:
        yield stepped(OnTimeout(timer.name), f"{timer.name} fires", "timeout", [Word(timer.name)], [], known())
    yield stepped(OnStart(), "starts", "start", [], [], known())
    for one in dict.fromkeys(_unnamed(handler.event) for handler in protocol.handlers if handler.kind == kind):
        if isinstance(one, OnAction | OnInput):
            constants = known()
            first = _handlers_of(protocol, kind, one)[0].event
            parameters = first.parameters if isinstance(first, OnInput) else ()
            carried = [constants.any(f"with-{p.name}", p.type) for p in parameters]
            given = [as_python(value, p.type) for value, p in zip(carried, parameters, strict=True)]
            function = {**names.inputs, **names.actions}[one.name]
            yield stepped(one, one.name, function, [*given], carried, constants)
    yield made("leads", _same_leader(reader, begun.me, before), known())
    leader = protocol.leader
    if leader is not None and leader.kind == kind and leader.confirmed_by is not None:
        constants = known()
        some = constants.any("some", SetType(ProcessType(kind)))
        yield made("confirmed", _same_quorum(reader, some), constants)
    yield made("restarts", _same_restart(reader, names, begun, before), known())


def _same_step(
    reader: Reader, names: Names, meaning: Meaning, result: Value, effects: Effects, may_be_none: bool
) -> list[Goal]:
    setting, kind = reader.setting, reader.kind
    taken: Term = TRUE
    if isinstance(result, Nothing) and may_be_none:
        fine = negation(meaning.fails)
        return [
            Goal("fails", "where it is impossible", equal(effects.fails, meaning.fails)),
            Goal("taken", "where it may be taken", implication(fine, negation(meaning.taken))),
        ]
    if isinstance(result, Chosen) and may_be_none:
        taken, result = result.when, result.thing
    if (
        not isinstance(result, Thing)
        or result.of != "Step"
        or not effects.ended
        or not isinstance(state := result.attributes["state"], Thing)
    ):
        raise NotRead(f"what a step of {kind} returns")
    goals = [Goal("fails", "where it is impossible", equal(effects.fails, meaning.fails))]
    fine = negation(meaning.fails)
    if may_be_none:
        goals.append(Goal("taken", "where it may be taken", implication(fine, equal(taken, meaning.taken))))
        fine = conjunction((fine, meaning.taken))
    for python, name in names.variables.items():
        value, of = state.attributes[python], setting.kinds[kind].variable(name).type
        fitted = fitted_to(setting, value, of, ast.Pass())
        goals.append(
            Goal(f"variable-{name}", f"`{name}`", implication(fine, same(setting, meaning.values[name], fitted)))
        )
    timers = state.attributes["armed"]
    if not isinstance(timers, Timers) or set(timers.armed) != set(meaning.armed):
        raise NotRead(f"the timers of {kind}")
    for timer, is_armed in meaning.armed.items():
        formula = implication(fine, equal(is_armed, timers.armed[timer]))
        goals.append(Goal(f"timer-{timer}", f"whether `{timer}` is armed", formula))
        done = (*effects.timers.get(timer, (FALSE, FALSE)), *effects.counting(timer, list(meaning.armed)))
        alike = [equal(*pair) for pair in zip(meaning.timers[timer], done, strict=True)]
        formula = implication(fine, conjunction(alike))
        goals.append(Goal(f"told-{timer}", f"what is done to `{timer}`", formula))
    goals += [
        Goal(f"sent-{number}", f"what is sent to {receiver}", implication(fine, formula))
        for number, (receiver, formula) in enumerate(_same_sent(reader, meaning.sent, effects.sent))
    ]
    return goals


def _same_sent(reader: Reader, said: tuple[Sending, ...], done: list[Sent]) -> Iterator[tuple[str, Term]]:
    """For each receiver, whether the same is sent to it in the same order."""
    setting = reader.setting
    for kind, everyone in setting.processes.items():
        for process in everyone:
            wanted = [
                (to, one.message, one.carries(process))
                for one in said
                if setting.messages[one.message].receiver == kind and (to := one.to(process)) is not FALSE
            ]
            sent = []
            for each in done:
                if each.kind == kind and (to := conjunction((each.path, each.to.has(process)))) is not FALSE:
                    parameters = reader_parameters(reader, each.message)
                    carried = [(each.message.given[name], of) for name, of in parameters.items()]
                    columned = tuple(c for value, of in carried for c in columns(setting, value, of))  # type: ignore[arg-type]
                    sent.append((to, each.message.name, columned))
            if wanted or sent:
                yield repr(process), _same_order(wanted, sent)


Carried = tuple[Term, str, tuple[Term, ...]]
"""Where a message is sent, its name and what it carries."""


def _same_order(wanted: list[Carried], sent: list[Carried]) -> Term:
    """Whether two lists are the same, where only some of each is sent."""

    def alike(one: Carried, other: Carried) -> Term:
        if one[1] != other[1]:
            return FALSE
        return conjunction(equal(a, b) for a, b in zip(one[2], other[2], strict=True))

    if [one[1] for one in wanted] == [one[1] for one in sent]:
        pairs = zip(wanted, sent, strict=True)
        return conjunction(conjunction((equal(a[0], b[0]), implication(a[0], alike(a, b)))) for a, b in pairs)
    ranks, total = _ranks(wanted)
    other_ranks, other_total = _ranks(sent)
    claims = [equal(total, other_total)]
    for one, rank in zip(wanted, ranks, strict=True):
        for other, other_rank in zip(sent, other_ranks, strict=True):
            both = conjunction((one[0], other[0], equal(rank, other_rank)))
            claims.append(implication(both, alike(one, other)))
    return conjunction(claims)


def _ranks(listed: list[Carried]) -> tuple[list[Term], Term]:
    """How many are sent before each, and in all."""
    ranks: list[Term] = []
    total = number(0)
    for is_sent, _, _ in listed:
        ranks.append(total)
        total = arithmetic("+", total, choice(is_sent, number(1), number(0)))
    return ranks, total


def reader_parameters(reader: Reader, message: Said) -> Mapping[str, Type]:
    return next(parameters for name, parameters in reader.messages.values() if name == message.name)


def _same_leader(reader: Reader, me: Term, state: Thing) -> list[Goal]:
    setting, kind = reader.setting, reader.kind
    effects = Effects()
    result = reader.call("leader", [me, All(), state], effects, TRUE)
    leader = setting.protocol.leader
    if leader is None or leader.kind != kind:
        return [Goal("leads", "whether it leads", TRUE if isinstance(result, Nothing) else FALSE)]
    holds, token = leads(setting, base_view(setting), me)
    fitted = fitted_to(setting, result, OptionType(NAT), ast.Pass())
    assert not isinstance(fitted, Term | Members)
    given, value = fitted.given, fitted.value  # type: ignore[union-attr]
    alike = conjunction((equal(given, holds), implication(holds, equal(value, token))))
    return [
        Goal("fails", "where it is impossible", negation(effects.fails)),
        Goal("leads", "the token it leads with", alike),
    ]


def _same_quorum(reader: Reader, some: Symbolic) -> list[Goal]:
    """That what confirms a leader is what the protocol calls a quorum: more than half, unless it says otherwise."""
    setting, kind = reader.setting, reader.kind
    effects = Effects()
    result = reader.call("is_quorum", [All(), some], effects, TRUE)
    of = SetType(ProcessType(kind))
    quorum = next(
        (
            one
            for one in setting.protocol.definitions
            if one.name in ("quorum", f"quorum:{kind}") and [p.type for p in one.parameters] == [of]
        ),
        None,
    )
    if quorum is None or not isinstance(result, Term) or result.sort != BOOL:
        raise NotRead(f"what is a quorum of {kind}")
    nobody = apply("me", process_sort(kind))
    scope = Scope(setting, base_view(setting), nobody, {quorum.parameters[0].identity: some})
    return [
        Goal("fails", "where it is impossible", negation(effects.fails)),
        Goal("quorum", "what is a quorum", equal(condition(quorum.body, scope), result)),
    ]


def _same_restart(reader: Reader, names: Names, begun: Run, before: Thing) -> list[Goal]:
    """That a crash leaves what is durable, and a process that was never there has its initial values."""
    setting, kind = reader.setting, reader.kind
    goals: list[Goal] = []
    for function, is_new in (("restarted", False), ("initial", True)):
        given: list[Value] = [All()] if is_new else [All(), before]
        effects = Effects()
        state = reader.call(function, given, effects, TRUE)
        goals.append(Goal(f"{function}-fails", "where it is impossible", negation(effects.fails)))
        if not isinstance(state, Thing) or state.of != "State":
            raise NotRead(f"what `{function}` returns")
        for python, name in names.variables.items():
            variable = setting.kinds[kind].variable(name)
            wanted = begun.values[name] if variable.durable and not is_new else _initial(variable)
            fitted = fitted_to(setting, state.attributes[python], variable.type, ast.Pass())
            goals.append(Goal(f"{function}-{name}", f"`{name}` as {function}", same(setting, wanted, fitted)))
        timers = state.attributes["armed"]
        off = isinstance(timers, Members) and not timers.kind
        goals.append(Goal(f"{function}-timers", f"the timers as {function}", TRUE if off else FALSE))
    return goals


def _initial(variable: Variable) -> Symbolic:
    return from_constant(variable.initial, variable.type)
