"""Expressions of the language as symbolic values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import product

from modelcheck.evaluate import kind_of
from modelcheck.proof.logic import (
    BOOL,
    FALSE,
    INTEGER,
    NUMBER,
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
    for_all,
    implication,
    less,
    negation,
    number,
    rebuilt,
    substitute,
    there_is,
)
from modelcheck.proof.setting import Setting, Unprovable, View, fresh, process_sort, quorum_sort
from modelcheck.proof.values import (
    Entries,
    Members,
    Symbolic,
    alike,
    fitted,
    from_columns,
    from_constant,
    members,
    merged,
    read,
    same,
    term,
)
from spec.protocol import (
    Apply,
    Arithmetic,
    Armed,
    Compare,
    Comparison,
    Conditional,
    Connected,
    Connective,
    Constant,
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
    Operator,
    Quantified,
    Quantifier,
    Read,
    Self,
    SetOf,
    SetOperation,
    SetOperator,
    Size,
    Subset,
    Underway,
    Up,
)
from spec.types import IntType, ProcessType, SetType


@dataclass(frozen=True)
class Scope:
    """Where an expression is evaluated. `own` are the variables of the running process as they are at this point of a
    step; properties read all from `view`. `after` is the state after the step, for step properties."""

    setting: Setting
    view: View
    me: Term | None
    locals: Mapping[int, Symbolic]
    own: Mapping[str, Symbolic] | None = None
    after: View | None = None

    def bind(self, local: Local, value: Symbolic) -> Scope:
        return replace(self, locals={**self.locals, local.identity: value})


def condition(expression: Expression, scope: Scope) -> Term:
    """A condition as a formula."""
    return term(value_of(expression, scope))


def value_of(expression: Expression, scope: Scope) -> Symbolic:
    """The symbolic value of an expression. Raises Unprovable for what the encoding does not cover."""
    setting = scope.setting
    match expression:
        case Constant(value, of):
            return from_constant(value, of)
        case Local():
            return scope.locals[expression.identity]
        case Self():
            assert scope.me is not None
            return scope.me
        case Read():
            return _read(expression, scope)
        case Entry(held, key):
            entries = value_of(held, scope)
            assert isinstance(entries, Entries)
            return entries.at(term(value_of(key, scope)))
        case Not(operand):
            return negation(condition(operand, scope))
        case Connected(connective, left, right):
            one, other = condition(left, scope), condition(right, scope)
            match connective:
                case Connective.AND:
                    return conjunction((one, other))
                case Connective.OR:
                    return disjunction((one, other))
                case Connective.IMPLIES:
                    return implication(one, other)
        case Compare():
            return _compared(expression, scope)
        case Arithmetic():
            return _computed(expression, scope)
        case OneOf(value, alternatives):
            asked = value_of(value, scope)
            return disjunction(same(setting, asked, value_of(a, scope)) for a in alternatives)
        case Member(element, of_set):
            inside = members(value_of(of_set, scope))
            one_value = value_of(element, scope)
            if isinstance(one_value, Term):
                return inside.has(one_value)
            optional = members(one_value)
            return setting.some(optional.kind, lambda p: conjunction((optional.has(p), inside.has(p))))
        case Subset(left, right):
            smaller, larger = members(value_of(left, scope)), members(value_of(right, scope))
            return setting.every(smaller.kind, lambda p: implication(smaller.has(p), larger.has(p)))
        case SetOf(elements, of):
            found = [term(value_of(element, scope)) for element in elements]
            return Members(of.of.kind, lambda p: disjunction(equal(p, one) for one in found))
        case Everyone(of):
            return Members(of.of.kind, lambda _: TRUE)
        case Filtered(variable, domain, kept, of):
            among = members(value_of(domain, scope))
            return Members(of.of.kind, lambda p: conjunction((among.has(p), condition(kept, scope.bind(variable, p)))))
        case SetOperation(operator, left, right, of):
            return _set_operation(operator, members(value_of(left, scope)), members(value_of(right, scope)), of)
        case Size(of_set):
            return _size(expression, members(value_of(of_set, scope)), setting)
        case Quantified(quantifier, variable, domain, body):
            return _quantified(quantifier, variable, members(value_of(domain, scope)), body, scope)
        case Conditional(decided, yes, no, of):
            return merged(
                condition(decided, scope),
                fitted(value_of(yes, scope), of),
                fitted(value_of(no, scope), of),
            )
        case Neighbour():
            return _neighbour(expression, term(value_of(expression.process, scope)), setting)
        case Apply():
            return _applied(expression, scope)
        case Armed(process, timer):
            kind = kind_of(process.type)
            return scope.view(f"{kind}/armed/{timer}", (_process(process, scope),))
        case Up(process):
            return is_up(setting, scope.view, kind_of(process.type), _process(process, scope))
        case Next(operand):
            assert scope.after is not None
            return value_of(operand, replace(scope, view=scope.after, after=None))
        case Underway():
            return _underway(expression, scope)
        case Led(quantifier, process, token, body):
            led = fresh(token.name, NUMBER)

            def about(p: Term) -> Term:
                inside = condition(body, scope.bind(process, p).bind(token, led))
                recorded = scope.view("led", (p, led))
                if quantifier is Quantifier.FORALL:
                    return for_all((led,), implication(recorded, inside))
                return there_is((led,), conjunction((recorded, inside)))

            over = setting.every if quantifier is Quantifier.FORALL else setting.some
            return over(kind_of(process.type), about, process.name)
    raise TypeError(f"not an expression: {expression}")


def is_up(setting: Setting, view: View, kind: str, process: Term) -> Term:
    return view(f"{kind}/up", (process,)) if setting.crashes else TRUE


def _process(expression: Expression, scope: Scope) -> Term:
    return term(value_of(expression, scope))


def _read(expression: Read, scope: Scope) -> Symbolic:
    if scope.own is not None:
        return scope.own[expression.variable]  # a handler reads its own process only
    kind = kind_of(expression.process.type)
    name = f"{kind}.{expression.variable}"
    of = scope.setting.kinds[kind].variable(expression.variable).type
    return read(scope.setting, scope.view, name, of, (_process(expression.process, scope),))


def _compared(expression: Compare, scope: Scope) -> Term:
    left, right = value_of(expression.left, scope), value_of(expression.right, scope)
    if expression.comparison in (Comparison.EQUAL, Comparison.DIFFERENT):
        equality = same(scope.setting, left, right)
        return equality if expression.comparison is Comparison.EQUAL else negation(equality)
    one, other = alike(term(left), term(right))
    if expression.comparison in (Comparison.GREATER, Comparison.GREATER_EQUAL):
        one, other = other, one
    strict = expression.comparison in (Comparison.LESS, Comparison.GREATER)
    of = expression.left.type
    if isinstance(of, ProcessType):
        reached = scope.setting.precedes
        return negation(reached(of.kind, other, one)) if strict else reached(of.kind, one, other)
    return less(one, other) if strict else at_most(one, other)


def _computed(expression: Arithmetic, scope: Scope) -> Term:
    left, right = alike(term(value_of(expression.left, scope)), term(value_of(expression.right, scope)))
    match expression.operator:
        case Operator.MINIMUM:
            return choice(at_most(left, right), left, right)
        case Operator.MAXIMUM:
            return choice(at_most(left, right), right, left)
    literals = [one.operator == "number" for one in (left, right)]
    if all(literals) or (expression.operator is Operator.PLUS and any(literals)):
        return arithmetic(expression.operator.value, left, right)
    setting = scope.setting
    in_order = setting.any_number and left.sort != INTEGER
    if (in_order or setting.spells_out) and (found := _by_cases(expression, left, right)) is not None:
        return found
    if in_order and expression.operator is Operator.PLUS:
        raise Unprovable("a sum of two numbers, neither of them a constant", expression.span)
    if in_order:
        raise Unprovable(f"`{expression.operator.value}` on numbers", expression.span)
    return arithmetic(expression.operator.value, left, right)


CASES = 16
"""What is computed of two numbers of narrow ranges is spelled out, where they have at most so many values together."""


def _by_cases(expression: Arithmetic, left: Term, right: Term) -> Term | None:
    """What is computed of numbers of narrow ranges, value by value, as is needed where numbers are members of an order
    or formulas are to become propositional; None where there are too many values. It is right in states in which all
    is of its type, and that is part of every invariant."""
    one, other = _values_of(expression.left, left), _values_of(expression.right, right)
    if one is None or other is None or len(one) * len(other) > CASES:
        return None
    found: Term | None = None
    for v, w in product(one, other):
        value = arithmetic(expression.operator.value, number(v), number(w))
        here = conjunction((equal(left, number(v)), equal(right, number(w))))
        found = value if found is None else choice(here, value, found)
    return found


def _values_of(expression: Expression, held: Term) -> range | None:
    if held.operator == "number":
        return range(held.value, held.value + 1)
    if not isinstance(expression, Read | Entry | Local):
        return None  # what is computed may be beyond the range of what it is computed from
    of = expression.type
    return range(of.low, of.high + 1) if isinstance(of, IntType) and of.low >= 0 else None


def _set_operation(operator: SetOperator, left: Members, right: Members, of: SetType) -> Members:
    def has(process: Term) -> Term:
        one, other = left.has(process), right.has(process)
        match operator:
            case SetOperator.UNION:
                return disjunction((one, other))
            case SetOperator.DIFFERENCE:
                return conjunction((one, negation(other)))
            case SetOperator.INTERSECTION:
                return conjunction((one, other))

    return Members(of.of.kind, has)


def _size(expression: Size, counted: Members, setting: Setting) -> Term:
    if counted.kind not in setting.processes:
        raise Unprovable("`size` of a set, outside of the definition of `quorum`", expression.span)
    total = number(0)
    for process in setting.processes[counted.kind]:
        total = arithmetic("+", total, choice(counted.has(process), number(1), number(0)))
    return total


def _quantified(quantifier: Quantifier, variable: Local, domain: Members, body: Expression, scope: Scope) -> Term:
    def of(process: Term) -> Term:
        inside = condition(body, scope.bind(variable, process))
        among = domain.has(process)
        return implication(among, inside) if quantifier is Quantifier.FORALL else conjunction((among, inside))

    over = scope.setting.every if quantifier is Quantifier.FORALL else scope.setting.some
    return over(domain.kind, of, variable.name)


def _neighbour(expression: Neighbour, process: Term, setting: Setting) -> Term:
    kind = expression.type.kind
    if kind not in setting.processes:
        name = "successor" if expression.offset == 1 else "predecessor"
        return apply(f"{name}/{kind}", process_sort(kind), process)
    everyone = setting.processes[kind]
    if process in everyone:
        return everyone[(everyone.index(process) + expression.offset) % len(everyone)]
    found = everyone[(len(everyone) - 1 + expression.offset) % len(everyone)]
    for index in reversed(range(len(everyone) - 1)):
        found = choice(equal(process, everyone[index]), everyone[(index + expression.offset) % len(everyone)], found)
    return found


def _applied(expression: Apply, scope: Scope) -> Symbolic:
    setting = scope.setting
    definition = setting.protocol.definition(expression.definition)
    arguments = [
        fitted(value_of(argument, scope), parameter.type)
        for parameter, argument in zip(definition.parameters, expression.arguments, strict=True)
    ]
    if definition.name == "quorum" or definition.name.startswith("quorum:"):
        return quorum(setting, members(arguments[0]))
    me = scope.me if expression.process is None else _process(expression.process, scope)
    bound = {parameter.identity: value for parameter, value in zip(definition.parameters, arguments, strict=True)}
    # A definition may read variables of its own process in the middle of a handler, so `own` goes along.
    return value_of(definition.body, replace(scope, me=me, locals=bound))


def quorum(setting: Setting, of: Members) -> Term:
    """Whether a set is a quorum. For a fixed size that is a function of who is in it; for any number of processes,
    some quorum lies within the set."""
    if of.kind in setting.processes:
        return apply(f"quorum/{of.kind}", BOOL, *(of.has(process) for process in setting.processes[of.kind]))
    some = fresh("q", quorum_sort(of.kind))
    within = setting.every(of.kind, lambda p: implication(in_quorum(of.kind, p, some), of.has(p)), "m")
    return there_is((some,), within)


def in_quorum(kind: str, process: Term, some: Term) -> Term:
    return apply(f"member/{kind}", BOOL, process, some)


def _underway(expression: Underway, scope: Scope) -> Term:
    setting = scope.setting
    universal = expression.quantifier is Quantifier.FORALL
    if expression.later is not None and (setting.network.reordering or not setting.has_positions):
        return TRUE if universal else FALSE  # a network that keeps no order has no such pairs

    def between(sender: Term, receiver: Term) -> Term:
        def about(positions: tuple[Term, ...], inner: Scope) -> Term:
            if expression.later is None:
                return condition(expression.body, inner)
            message, parameters = expression.later

            def second(later: tuple[Term, ...], innermost: Scope) -> Term:
                ahead = less(positions[0], later[0])
                body = condition(expression.body, innermost)
                return implication(ahead, body) if universal else conjunction((ahead, body))

            return over_messages(setting, message, parameters, sender, receiver, universal, inner, second)

        ends = scope.bind(expression.sender, sender).bind(expression.receiver, receiver)
        return over_messages(
            setting, expression.message, expression.parameters, sender, receiver, universal, ends, about
        )

    over = setting.every if universal else setting.some
    return over(
        kind_of(expression.sender.type),
        lambda sender: over(
            kind_of(expression.receiver.type), lambda receiver: between(sender, receiver), expression.receiver.name
        ),
        expression.sender.name,
    )


def over_messages(
    setting: Setting,
    message: str,
    parameters: tuple[Local, ...],
    sender: Term,
    receiver: Term,
    universal: bool,
    scope: Scope,
    body: Callable[[tuple[Term, ...], Scope], Term],
) -> Term:
    """All messages (or some) of a name on a link; the body is told the message's position, where it has one."""
    positions = (fresh("k", POSITION),) if setting.has_positions else ()
    bound: list[Term] = [*positions]
    carried: list[Term] = []
    for parameter in parameters:
        given = tuple(fresh(parameter.name, sort) for sort in setting.columns(parameter.type))
        carried += given
        scope = scope.bind(parameter, from_columns(setting, given, parameter.type))
    bound += carried
    sent = scope.view(f"sent/{message}", (sender, receiver, *positions, *carried))
    inside = body(positions, scope)
    if universal:
        return expanded(setting, tuple(bound), implication(sent, inside), True)
    return expanded(setting, tuple(bound), conjunction((sent, inside)), False)


def expanded(setting: Setting, variables: tuple[Term, ...], body: Term, universal: bool) -> Term:
    """A quantifier over variables of any sorts, spelled out over those of few values."""
    if setting.quantified:
        return for_all(variables, body) if universal else there_is(variables, body)
    return _expanded(setting, variables, body, universal)


def _expanded(setting: Setting, variables: tuple[Term, ...], body: Term, universal: bool) -> Term:
    for of in variables:
        values = finite_values(setting, of.sort)
        if values is not None:
            parts = [substitute(body, {of: value}) for value in values]
            body = conjunction(parts) if universal else disjunction(parts)
        else:
            body = for_all((of,), body) if universal else there_is((of,), body)
    return body


def spelled_out(setting: Setting, term: Term) -> Term:
    """A formula without quantifiers over the sorts of few values: what it is in a setting that is not `quantified`."""
    known: dict[Term, Term] = {}

    def of(part: Term) -> Term:
        found = known.get(part)
        if found is None:
            found = rebuilt(part, tuple(map(of, part.arguments))) if part.arguments else part
            if found.operator in ("forall", "exists"):
                *variables, body = found.arguments
                found = _expanded(setting, tuple(variables), body, found.operator == "forall")
            known[part] = found
        return found

    return of(term)


def finite_values(setting: Setting, sort: str) -> tuple[Term, ...] | None:
    """All values of a sort; None where there are too many, or it is not known which."""
    if sort == BOOL:
        return FALSE, TRUE
    if sort.startswith("process/"):
        return setting.processes.get(sort.removeprefix("process/"))
    # Where the number of processes is fixed, only numbers are to be left under quantifiers.
    return None if setting.any_number else setting.enumerations.get(sort)
