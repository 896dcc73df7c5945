"""Why a property is false: which of its clauses, for which processes, and what the variables in it hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from modelcheck.evaluate import Scope, bindings, evaluate, kind_of, reader, scope_of
from modelcheck.model import Failure, Model, Name, State
from modelcheck.properties import (
    FAILURE,
    LEADER_HOLDS_QUORUM,
    ONE_LEADER_PER_TOKEN,
    STANDARD_TEXTS,
    TOKEN_NEVER_GOES_BACKWARDS,
    Checked,
    backers,
    found_in_step,
    holds_quorum,
    leaders,
)
from modelcheck.semantics import leads
from modelcheck.trace import Violation
from spec.clocks import in_words_of_time
from spec.protocol import (
    Apply,
    Arithmetic,
    Armed,
    Compare,
    Conditional,
    Connected,
    Connective,
    Entry,
    Everyone,
    Expression,
    Filtered,
    Led,
    Local,
    Member,
    Neighbour,
    Next,
    Not,
    OneOf,
    Property,
    Quantified,
    Quantifier,
    Read,
    Self,
    SetOf,
    SetOperation,
    Size,
    Subset,
    Underway,
    Up,
)
from spec.show import quantified_together, show, show_over, show_value
from spec.source import NOWHERE
from spec.types import BoolType

MOST_WITNESSES = 3
"""How many further witnesses of one quantifier are written out before they are only counted."""


def explain(model: Model, claim: Property, state: State, after: State | None = None) -> Violation:
    """Why a property is false in a state (a `step` property: of the step from `state` to `after`).

    Raises ValueError where it is true.
    """
    failing = [s for s in _scopes(model, claim, state, after) if not evaluate(claim.expression, s)]
    # A step property says nothing of steps that leave alone what it reads.
    says_nothing = after is not None and not found_in_step(model, Checked(claim.name, True, True, claim), state, after)
    if not failing or says_nothing:
        raise ValueError(f"`{claim.name}` is true here")
    clauses = list(_clauses(claim.expression, failing[0], False))
    if len(failing) > 1:
        others = [f"self = {scope.me}" for scope in failing[1:]]
        clauses.append(_likewise(others))
    asked, *said = (in_words_of_time(text, model.protocol) for text in (show(claim.expression), *clauses))
    return Violation(claim.name, asked, tuple(said))


def explain_witness(model: Model, claim: Property, state: State) -> tuple[str, ...]:
    """Why a `reachable` property is true in a state, in the same form as `Violation.clauses`.

    Raises ValueError where it is false.
    """
    for scope in _scopes(model, claim, state, None):
        if evaluate(claim.expression, scope):
            return tuple(in_words_of_time(said, model.protocol) for said in _clauses(claim.expression, scope, True))
    raise ValueError(f"`{claim.name}` is false here")


def explain_standard(model: Model, name: str, state: State) -> Violation:
    """Why a standard property about states is false in a state. Raises ValueError where it is true."""
    clauses = tuple(_STANDARD_CLAUSES[name](model, state))
    if not clauses:
        raise ValueError(f"`{name}` is true here")
    return Violation(name, STANDARD_TEXTS[name], clauses)


def explain_failure(model: Model, failure: Failure) -> Violation:
    """What a step does that no step may do."""
    source = model.protocol.source
    clauses = [failure.reason]
    if failure.span != NOWHERE:
        clauses.append(f"{source.name}:{failure.span.line}: `{source.line(failure.span.line).strip()}`")
    return Violation(FAILURE, STANDARD_TEXTS[FAILURE], tuple(clauses))


def _scopes(model: Model, claim: Property, state: State, after: State | None) -> list[Scope]:
    """One scope for each process that a property is about; one in all for a closed property."""
    if claim.about is None:
        return [scope_of(model, state, None, after)]
    return [scope_of(model, state, me, after) for me in model.names[model.kind_index[claim.about]]]


# The standard properties ---------------------------------------------------------------------------------------------


def _led(model: Model, state: State) -> Iterator[tuple[Name, int]]:
    """Who has ever led with which token, in order."""
    assert model.protocol.leader is not None
    for number, token in sorted(state.led):
        yield Name(model.protocol.leader.kind, number), token


def _one_leader_per_token(model: Model, state: State) -> Iterator[str]:
    by_token: dict[int, list[Name]] = {}
    for name, token in _led(model, state):
        by_token.setdefault(token, []).append(name)
    for token, names in by_token.items():
        if len(names) > 1:
            for name in names:
                now = leads(model, state, name) == token
                yield f"{name} {'leads now' if now else 'led before'} with token {token}"


def _token_never_goes_backwards(model: Model, state: State) -> Iterator[str]:
    for name, token in _led(model, state):
        now = leads(model, state, name)
        if now is not None and now < token:
            yield f"{name} led before with token {token}"
            yield f"{name} leads now with token {now}"


def _leader_holds_quorum(model: Model, state: State) -> Iterator[str]:
    leader = model.protocol.leader
    if leader is None or leader.elected_by is None:
        return
    for name, token in leaders(model, state):
        if not holds_quorum(model, state, name):
            shown = show_value(backers(model, state, name), leader.elected_by.type)
            yield f"{name} leads with token {token}"
            yield f"its election rests on {shown}: `{show(leader.elected_by)}`"
            yield f"`quorum({shown})` is false"


_STANDARD_CLAUSES = {
    ONE_LEADER_PER_TOKEN: _one_leader_per_token,
    TOKEN_NEVER_GOES_BACKWARDS: _token_never_goes_backwards,
    LEADER_HOLDS_QUORUM: _leader_holds_quorum,
}


# Clauses -------------------------------------------------------------------------------------------------------------


def _clauses(expression: Expression, scope: Scope, value: bool) -> Iterator[str]:
    """Sentences that say why an expression has the value that it has, the outermost first."""
    before: tuple[str, ...] = ()
    for reason in _reasons(expression, scope, value, _about(scope)):
        # Whom a sentence is about is said once, not with each sentence.
        about = "" if reason.about == before or not reason.about else f"{', '.join(reason.about)}: "
        before = reason.about
        yield about + reason.sentence


def _about(scope: Scope) -> tuple[str, ...]:
    return () if scope.me is None else (f"self = {scope.me}",)


@dataclass(frozen=True)
class _Reason:
    """A sentence, and the bindings under which it is said."""

    about: tuple[str, ...]
    sentence: str


def _reasons(expression: Expression, scope: Scope, value: bool, about: tuple[str, ...]) -> Iterator[_Reason]:
    match expression:
        case Quantified():
            yield from _quantified_reasons(expression, scope, value, about)
        case Underway() | Led():
            yield from _looking_reasons(expression, scope, value, about)
        case Not() if not isinstance(expression.operand, Member | OneOf):
            yield from _reasons(expression.operand, scope, not value, about)
        case Connected(Connective.AND) if not value:
            # The right side may only make sense where the left one is true.
            side = expression.right if evaluate(expression.left, scope) else expression.left
            yield from _reasons(side, scope, False, about)
        case Connected(Connective.OR) if value:
            side = expression.left if evaluate(expression.left, scope) else expression.right
            yield from _reasons(side, scope, True, about)
        case Connected(Connective.IMPLIES) if value:
            if evaluate(expression.left, scope):
                yield from _reasons(expression.right, scope, True, about)
            else:
                yield from _reasons(expression.left, scope, False, about)
        case Connected(Connective.IMPLIES):
            yield from _reasons(expression.left, scope, True, about)
            yield from _reasons(expression.right, scope, False, about)
        case Connected() if not (_is_plain(expression.left) and _is_plain(expression.right)):
            yield from _reasons(expression.left, scope, value, about)
            yield from _reasons(expression.right, scope, value, about)
        case Conditional():
            decided = bool(evaluate(expression.condition, scope))
            yield from _reasons(expression.condition, scope, decided, about)
            yield from _reasons(expression.yes if decided else expression.no, scope, value, about)
        case Apply() if (inside := _inside(expression, scope)) is not None:
            yield _Reason(about, _sentence(expression, scope, value))
            yield from _reasons(inside.body, inside.scope, value, inside.about)
        case _:
            yield _Reason(about, _sentence(expression, scope, value))


def _quantified_reasons(expression: Quantified, scope: Scope, value: bool, about: tuple[str, ...]) -> Iterator[_Reason]:
    variables, body = quantified_together(expression)
    domain = evaluate(expression.domain, scope)
    choices = [
        replace(scope, locals={**scope.locals, **{v.identity: c for v, c in zip(variables, chosen, strict=True)}})
        for chosen in product(sorted(domain), repeat=len(variables))
    ]
    if value is (expression.quantifier is Quantifier.FORALL):
        # True of all, or of none: there is no one process to point at.
        each = "every" if value else "no"
        names = ", ".join(variable.name for variable in variables)
        values = _values(expression.domain, scope)
        if not values and not isinstance(expression.domain, Everyone):
            values = {show(expression.domain): show_value(domain, expression.domain.type)}
        yield _Reason(about, f"`{show(body)}` is true for {each} {names} in {show(expression.domain)}{_listed(values)}")
        if not value and len(variables) == 1 and len(choices) <= MOST_WITNESSES:
            for variable, choice in ((variables[0], choice) for choice in choices):
                yield from _reasons(body, choice, False, (*about, _binding(variable, choice)))
        return
    witnesses = [choice for choice in choices if bool(evaluate(body, choice)) is value]
    bound = [tuple(_binding(variable, witness) for variable in variables) for witness in witnesses]
    yield from _reasons(body, witnesses[0], value, (*about, *bound[0]))
    if len(witnesses) > 1:
        yield _Reason((*about, *bound[0]), _likewise([", ".join(binding) for binding in bound[1:]]))


def _looking_reasons(
    expression: Underway | Led, scope: Scope, value: bool, about: tuple[str, ...]
) -> Iterator[_Reason]:
    """Which message that is under way, or who that has led, makes the expression what it is."""
    found = (replace(scope, locals={**scope.locals, **bound}) for bound in bindings(expression, scope))
    # A message may be under way twice.
    choices = {_found(expression, choice): choice for choice in found}
    if value is (expression.quantifier is Quantifier.FORALL):
        if not choices:
            what = "nobody has ever led" if isinstance(expression, Led) else f"no {show_over(expression)} is under way"
            yield _Reason(about, what)
            return
        each = "every" if value else "no"
        yield _Reason(about, f"`{show(expression.body)}` is true for {each} {show_over(expression)}")
        if not value and len(choices) <= MOST_WITNESSES:
            for said, choice in choices.items():
                yield from _reasons(expression.body, choice, False, (*about, said))
        return
    first, *others = [said for said, choice in choices.items() if bool(evaluate(expression.body, choice)) is value]
    yield from _reasons(expression.body, choices[first], value, (*about, first))
    if others:
        yield _Reason((*about, first), _likewise(others))


def _found(expression: Underway | Led, choice: Scope) -> str:
    """A message or a leader as the text has it, with its values: `vote(t = 1) from v = node2 to c = node1`."""

    def bound(*locals: Local) -> str:
        return ", ".join(_binding(local, choice) for local in locals)

    if isinstance(expression, Led):
        return f"{bound(expression.process)} led with {bound(expression.token)}"
    ends = f"from {bound(expression.sender)} to {bound(expression.receiver)}"
    later = "" if expression.later is None else f" before {expression.later[0]}({bound(*expression.later[1])})"
    return f"{expression.message}({bound(*expression.parameters)}) {ends}{later}"


def _binding(variable: Local, scope: Scope) -> str:
    return f"{variable.name} = {show_value(scope.locals[variable.identity], variable.type)}"


def _likewise(others: list[str]) -> str:
    shown = "; ".join(others[:MOST_WITNESSES])
    more = len(others) - MOST_WITNESSES
    return f"likewise for {shown}" + (f"; and {more} more" if more > 0 else "")


@dataclass(frozen=True)
class _Inside:
    """A definition's body where it is applied."""

    body: Expression
    scope: Scope
    about: tuple[str, ...]


def _inside(expression: Apply, scope: Scope) -> _Inside | None:
    """The inside of a definition that a person wrote; None for the built-in majority, which says nothing more when it
    is opened."""
    definition = scope.model.protocol.definition(expression.definition)
    if definition.span == NOWHERE or not isinstance(definition.body.type, BoolType):
        return None
    bound = {p: evaluate(a, scope) for p, a in zip(definition.parameters, expression.arguments, strict=True)}
    me = scope.me if expression.process is None else _named(expression.process, scope)
    within = replace(scope, me=me, locals={parameter.identity: value for parameter, value in bound.items()})
    about = _about(within) if definition.kind is not None else ()
    return _Inside(definition.body, within, (*about, *(_binding(parameter, within) for parameter in bound)))


def _is_plain(expression: Expression) -> bool:
    """Whether an expression reads well in one sentence together with its neighbours."""
    match expression:
        case Connected(_, left, right):
            return _is_plain(left) and _is_plain(right)
        case Not(operand):
            return _is_plain(operand)
        case Quantified() | Underway() | Led() | Conditional() | Apply():
            return False
        case _:
            return True


# Values --------------------------------------------------------------------------------------------------------------


def _sentence(expression: Expression, scope: Scope, value: bool) -> str:
    return f"`{show(expression)}` is {str(value).lower()}{_listed(_values(expression, scope))}"


def _listed(values: dict[str, str]) -> str:
    return f" ({', '.join(f'{what} = {value}' for what, value in values.items())})" if values else ""


def _values(expression: Expression, scope: Scope) -> dict[str, str]:
    """What an expression reads and what that holds, each once, in the order of the text. A process is named by who it
    is, not by the variable that stands for it: `node2.term`."""
    found: dict[str, str] = {}
    for what, part, within in _read(expression, scope):
        found.setdefault(what, show_value(evaluate(part, within), part.type))
    return found


def _read(expression: Expression, scope: Scope) -> Iterator[tuple[str, Expression, Scope]]:
    """Each thing that an expression reads: by what name to call it, and where to evaluate it."""
    match expression:
        case Read(process, variable):
            yield from _read_through(process, scope)
            yield f"{_named(process, scope)}.{variable}", expression, scope
        case Entry(Read(process, variable), key):
            yield from _read_through(process, scope)
            yield from _read(key, scope)
            at = show_value(evaluate(key, scope), key.type)
            yield f"{_named(process, scope)}.{variable}[{at}]", expression, scope
        case Armed(process, timer):
            yield from _read_through(process, scope)
            yield f"{_named(process, scope)}.armed({timer})", expression, scope
        case Up(process):
            yield from _read_through(process, scope)
            yield f"up({_named(process, scope)})", expression, scope
        case Next(operand):
            assert scope.after is not None
            after = replace(scope, read=reader(scope.model, scope.after), state=scope.after, after=None)
            for what, part, within in _read(operand, after):
                yield f"next({what})", part, within
        case Filtered() | Quantified() | Underway() | Led() | Neighbour():
            yield show(expression), expression, scope
        case Apply():
            for part in expression.arguments:
                yield from _read(part, scope)
            if not isinstance(expression.type, BoolType):
                yield show(expression), expression, scope
        case _:
            for part in _parts(expression):
                yield from _read(part, scope)


def _read_through(process: Expression, scope: Scope) -> Iterator[tuple[str, Expression, Scope]]:
    """What is read to know whose variable is read, where the text does not say it."""
    if not isinstance(process, Self | Local):
        yield from _read(process, scope)


def _parts(expression: Expression) -> tuple[Expression, ...]:
    match expression:
        case Not(operand):
            return (operand,)
        case Connected(_, left, right) | Compare(_, left, right) | Arithmetic(_, left, right):
            return left, right
        case SetOperation(_, left, right) | Subset(left, right) | Member(left, right) | Entry(left, right):
            return left, right
        case OneOf(value, alternatives):
            return value, *alternatives
        case SetOf(elements):
            return elements
        case Size(members):
            return (members,)
        case Conditional(condition, yes, no):
            return condition, yes, no
        case _:
            return ()


def _named(process: Expression, scope: Scope) -> Name:
    return Name(kind_of(process.type), evaluate(process, scope))
