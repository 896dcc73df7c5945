"""What is proved of states and of steps: the invariant's clauses, the spec's own properties and the standard ones, and
what the encoding itself takes for granted about a state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from modelcheck.proof.clocks import counted_where_armed
from modelcheck.proof.expressions import Scope, condition, expanded, over_messages, quorum, value_of
from modelcheck.proof.logic import (
    FALSE,
    NUMBER,
    POSITION,
    TRUE,
    Term,
    apply,
    at_most,
    conjunction,
    equal,
    for_all,
    implication,
    less,
    negation,
    number,
)
from modelcheck.proof.setting import Setting, View, cut_symbol, fresh, spent_symbol
from modelcheck.proof.steps import leads
from modelcheck.proof.values import Entries, Members, Symbolic, at_most_one, has_range, members, read, within
from modelcheck.properties import (
    LEADER_HOLDS_QUORUM,
    ONE_LEADER_PER_TOKEN,
    STANDARD_TEXTS,
    TOKEN_NEVER_GOES_BACKWARDS,
)
from spec.lint import reads_of_step
from spec.protocol import Expression, Local, Property, PropertyKind
from spec.show import show
from spec.types import MapType, OptionType, ProcessType, Type

RECORDED = "leaders_are_recorded"
MINORITY_CANNOT_ELECT = "minority_cannot_elect"
MINORITY_TEXT = (
    "processes among whom there is no quorum cannot elect a leader by themselves: a partition of them elects none"
)


@dataclass(frozen=True)
class Claim:
    """Something that is to hold in every state. `text` says it in the spec's language, or in words; `expression` is
    what it says, of every process of the kind `about` where that is given."""

    name: str
    text: str
    holds: Callable[[View], Term]
    expression: Expression | None = None
    about: str | None = None


@dataclass(frozen=True)
class StepClaim:
    """Something that is to hold of every step; `reads` are the symbols of which it is about a change."""

    name: str
    text: str
    holds: Callable[[View, View], Term]
    reads: frozenset[str]


def of_expression(setting: Setting, name: str, expression: Expression, about: str | None, text: str = "") -> Claim:
    """A condition on states, for every process of the kind that it is about."""

    def holds(view: View) -> Term:
        if about is None:
            return condition(expression, Scope(setting, view, None, {}))
        return setting.every(about, lambda p: condition(expression, Scope(setting, view, p, {})), "self")

    return Claim(name, text or show(expression), holds, expression, about)


# The spec's properties -----------------------------------------------------------------------------------------------


def declared(setting: Setting, kinds: tuple[PropertyKind, ...]) -> tuple[Claim, ...]:
    """The spec's own properties of states."""
    return tuple(
        of_expression(setting, p.name, p.expression, p.about) for p in setting.protocol.properties if p.kind in kinds
    )


def declared_steps(setting: Setting) -> tuple[StepClaim, ...]:
    """The spec's own properties of steps."""
    return tuple(_step(setting, p) for p in setting.protocol.properties if p.kind is PropertyKind.STEP)


def _step(setting: Setting, declared: Property) -> StepClaim:
    places = reads_of_step(setting.protocol, declared)
    symbols = frozenset(symbol for kind, place in places for symbol in _symbols(setting, kind, place))

    def holds(before: View, after: View) -> Term:
        def about(process: Term | None) -> Term:
            return condition(declared.expression, Scope(setting, before, process, {}, None, after))

        if declared.about is None:
            return about(None)
        return setting.every(declared.about, about, "self")

    return StepClaim(declared.name, show(declared.expression), holds, symbols)


def _symbols(setting: Setting, kind: str, place: str) -> Iterator[str]:
    whose = setting.kinds[kind]
    if any(v.name == place for v in whose.variables):
        yield from (cell.name for cell in setting.cells(f"{kind}.{place}", whose.variable(place).type))
    elif any(timer.name == place for timer in whose.timers):
        yield f"{kind}/armed/{place}"
    elif setting.crashes:
        yield f"{kind}/up"


def unchanged(setting: Setting, symbols: frozenset[str], before: View, after: View) -> Term:
    """Whether none of some symbols changes, anywhere."""
    parts = []
    for name in sorted(symbols):
        variables = tuple(fresh("x", sort) for sort in setting.symbols[name].arguments)
        same = equal(after(name, variables), before(name, variables))
        if f"{name}.given" in setting.symbols:
            same = implication(
                after(f"{name}.given", variables), same
            )  # what an option without a value holds is nothing
        parts.append(_everywhere(setting, variables, same))
    return conjunction(parts)


def _everywhere(setting: Setting, variables: tuple[Term, ...], body: Term) -> Term:
    return expanded(setting, variables, body, True)


# Standard properties -------------------------------------------------------------------------------------------------


def standard(setting: Setting) -> tuple[Claim, ...]:
    """What every protocol with a leader must have."""
    leader = setting.protocol.leader
    if leader is None:
        return ()
    found = [
        Claim(ONE_LEADER_PER_TOKEN, STANDARD_TEXTS[ONE_LEADER_PER_TOKEN], lambda v: _one_leader(setting, v)),
        Claim(TOKEN_NEVER_GOES_BACKWARDS, STANDARD_TEXTS[TOKEN_NEVER_GOES_BACKWARDS], lambda v: _forwards(setting, v)),
    ]
    if leader.elected_by is not None:
        found.append(
            Claim(LEADER_HOLDS_QUORUM, STANDARD_TEXTS[LEADER_HOLDS_QUORUM], lambda v: _holds_quorum(setting, v))
        )
        found.append(Claim(MINORITY_CANNOT_ELECT, MINORITY_TEXT, lambda v: _minority(setting, v)))
    return tuple(found)


def recorded(setting: Setting) -> Claim | None:
    """Whoever leads is in the history: so it is by construction, and it is proved like all else."""
    leader = setting.protocol.leader
    if leader is None:
        return None

    def holds(view: View) -> Term:
        def of(process: Term) -> Term:
            now, token = leads(setting, view, process)
            return implication(now, view("led", (process, token)))

        return setting.every(leader.kind, of, "leader")

    return Claim(RECORDED, "whoever leads is in the record of who has led with which token", holds)


def _one_leader(setting: Setting, view: View) -> Term:
    leader = setting.protocol.leader
    assert leader is not None
    token = fresh("token", NUMBER)
    kind = leader.kind

    def both(one: Term, other: Term) -> Term:
        led = conjunction((view("led", (one, token)), view("led", (other, token))))
        return implication(led, equal(one, other))

    return for_all((token,), setting.every(kind, lambda a: setting.every(kind, lambda b: both(a, b), "q")))


def _forwards(setting: Setting, view: View) -> Term:
    leader = setting.protocol.leader
    assert leader is not None
    before = fresh("token", NUMBER)

    def of(process: Term) -> Term:
        holds, token = leads(setting, view, process)
        return implication(conjunction((holds, view("led", (process, before)))), at_most(before, token))

    return for_all((before,), setting.every(leader.kind, of))


def backers(setting: Setting, view: View, process: Term) -> Members:
    leader = setting.protocol.leader
    assert leader is not None
    assert leader.elected_by is not None
    return members(value_of(leader.elected_by, Scope(setting, view, process, {})))


def _holds_quorum(setting: Setting, view: View) -> Term:
    leader = setting.protocol.leader
    assert leader is not None
    return setting.every(
        leader.kind,
        lambda p: implication(leads(setting, view, p)[0], quorum(setting, backers(setting, view, p))),
        "leader",
    )


def _minority(setting: Setting, view: View) -> Term:
    """For the processes of any set (the symbol `minority` says which) that holds no quorum: a leader has a backer
    outside of it."""
    leader = setting.protocol.leader
    assert leader is not None

    def of(process: Term) -> Term:
        backing = backers(setting, view, process)
        inside = minority(backing.kind)
        outside = setting.some(backing.kind, lambda p: conjunction((backing.has(p), negation(inside.has(p)))))
        return implication(conjunction((leads(setting, view, process)[0], negation(quorum(setting, inside)))), outside)

    return setting.every(leader.kind, of, "leader")


def minority(kind: str) -> Members:
    return Members(kind, lambda p: apply(f"minority/{kind}", "Bool", p))


# What the encoding takes for granted ---------------------------------------------------------------------------------


def assumed(setting: Setting) -> tuple[Claim, ...]:
    """What every reachable state satisfies because of how states are written down: numbers are in the range of their
    types, an optional process is one at most, messages of a link have positions of their own. Every proof uses it, and
    so each of it is proved like a clause of the invariant."""
    return tuple(claim for claim in _assumed(setting) if claim.holds(_probe(setting)) is not TRUE)


def _probe(setting: Setting) -> View:
    symbols = setting.symbols
    return lambda symbol, arguments: apply(symbol, symbols[symbol].result, *arguments)


def _assumed(setting: Setting) -> Iterator[Claim]:
    for kind in setting.protocol.kinds:
        for variable in kind.variables:
            name = f"{kind.name}.{variable.name}"

            def of_variable(view: View, kind: str = kind.name, name: str = name, of: Type = variable.type) -> Term:
                return setting.every(kind, lambda p: _well_formed(setting, read(setting, view, name, of, (p,)), of))

            yield Claim(f"type_of_{kind.name}_{variable.name}", f"{name} is a value of `{variable.type}`", of_variable)
    for clock in setting.protocol.clocks.timers if setting.protocol.clocks is not None else ():
        yield Claim(
            f"clock_of_{clock.kind}_{clock.timer}",
            f"{clock.timer} of a {clock.kind} is counted where it is armed, and only there",
            lambda view, c=clock: setting.every(c.kind, lambda p: counted_where_armed(view, c, p)),  # type: ignore[misc]
        )
    for message in setting.protocol.messages:
        if message.parameters:
            yield Claim(
                f"types_in_{message.name}",
                f"what {message.name} carries has the types that it declares",
                lambda view, name=message.name: _carried(setting, view, name),  # type: ignore[misc]
            )
    if setting.has_positions:
        for link in setting.links:
            yield Claim(
                f"positions_{link[0]}_{link[1]}",
                f"messages from a {link[0]} to a {link[1]} have positions of their own, before the end of the link",
                lambda view, link=link: _positions(setting, view, link),  # type: ignore[misc]
            )
    for fault in setting.counted:
        yield Claim(
            f"times_of_{fault.kind.value.replace(' ', '_')}",
            f"{fault.kind.value} has happened {fault.up_to} times at most",
            lambda view, f=fault: _between(setting, view(spent_symbol(f), ()), 0, f.up_to or 0),  # type: ignore[misc]
        )
    first = setting.protocol.kinds[0].name
    if setting.splits and first in setting.processes:
        yield Claim(
            "first_is_not_cut_off",
            f"of the two sides of a split the first {first} is on the one that is not called cut off",
            lambda view: negation(view(cut_symbol(first), (setting.processes[first][0],))),
        )
    leader = setting.protocol.leader
    if leader is not None:

        def tokens(view: View) -> Term:
            token = fresh("token", NUMBER)
            led = setting.every(
                leader.kind, lambda p: implication(view("led", (p, token)), _between(setting, token, 0, None))
            )
            return for_all((token,), led)

        yield Claim("tokens_are_numbers", "tokens are natural numbers", tokens)


def _between(setting: Setting, value: Term, low: int, high: int | None) -> Term:
    above = TRUE if setting.any_number and low == 0 else at_most(number(low, value.sort), value)
    return above if high is None else conjunction((above, at_most(value, number(high, value.sort))))


def _well_formed(setting: Setting, value: Symbolic, of: Type) -> Term:
    match of, value:
        case OptionType(ProcessType()), Members():
            return at_most_one(setting, value)
        case MapType(key, inner), Entries(_, at):
            return setting.every(key.kind, lambda p: _well_formed(setting, at(p), inner))
        case _ if has_range(of):
            return within(setting, value, of)
        case _:
            return TRUE


def _carried(setting: Setting, view: View, name: str) -> Term:
    message = setting.messages[name]
    parameters = tuple(Local(-1 - i, parameter, of) for i, (parameter, of) in enumerate(message.parameters))

    def well_formed(_: tuple[Term, ...], scope: Scope) -> Term:
        return conjunction(_well_formed(setting, scope.locals[p.identity], p.type) for p in parameters)

    empty = Scope(setting, view, None, {})
    return setting.every(
        message.sender,
        lambda sender: setting.every(
            message.receiver,
            lambda receiver: over_messages(setting, name, parameters, sender, receiver, True, empty, well_formed),
            "receiver",
        ),
        "sender",
    )


def _positions(setting: Setting, view: View, link: tuple[str, str]) -> Term:
    """Every message is ahead of the end of its link, and no two messages are at one position."""
    messages = [m for m in setting.protocol.messages if (m.sender, m.receiver) == link]

    def of(sender: Term, receiver: Term) -> Term:
        end = view(f"end/{link[0]}/{link[1]}", (sender, receiver))
        parts = [_between(setting, end, 0, None)]
        for index, one in enumerate(messages):
            place = fresh("k", POSITION)
            sorts = [sort for _, kind in one.parameters for sort in setting.columns(kind)]
            given = tuple(fresh("x", sort) for sort in sorts)
            sent = view(f"sent/{one.name}", (sender, receiver, place, *given))
            inside = conjunction((_between(setting, place, 0, None), less(place, end)))
            parts.append(_everywhere(setting, (place, *given), implication(sent, inside)))
            for other in messages[index:]:
                others = [sort for _, kind in other.parameters for sort in setting.columns(kind)]
                also = tuple(fresh("y", sort) for sort in others)
                both = conjunction((sent, view(f"sent/{other.name}", (sender, receiver, place, *also))))
                same = conjunction(equal(a, b) for a, b in zip(given, also, strict=True)) if other is one else FALSE
                if same is not TRUE:
                    parts.append(_everywhere(setting, (place, *given, *also), implication(both, same)))
        return conjunction(parts)

    return setting.every(link[0], lambda s: setting.every(link[1], lambda r: of(s, r), "receiver"), "sender")
