"""Types of expressions: from syntax to typed expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from spec import syntax
from spec.definitions import apply_definition
from spec.diagnostics import suggestion
from spec.names import BUILT_IN, Names, Place, Reported, bind
from spec.protocol import (
    Arithmetic,
    Armed,
    Compare,
    Comparison,
    Conditional,
    Connected,
    Connective,
    Constant,
    Elapsed,
    Entry,
    Everyone,
    Expression,
    Filtered,
    Led,
    Local,
    Member,
    Message,
    Neighbour,
    Next,
    Not,
    OneOf,
    Operator,
    Paused,
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
from spec.source import Span
from spec.types import (
    BOOL,
    NAT,
    NUMBER,
    BoolType,
    EnumType,
    IntType,
    MapType,
    NatType,
    OptionType,
    ProcessType,
    SetType,
    Type,
    is_number,
)


def typed(written: syntax.Expression, place: Place, names: Names, expected: Type | None = None) -> Expression:
    """The typed expression; `expected` helps where the text alone does not say (`none`, `{}`). Raises Reported."""
    span = written.span
    match written:
        case syntax.Group(inner, _):
            return typed(inner, place, names, expected)
        case syntax.Number(value, _):
            return Constant(value, NAT, span)
        case syntax.Boolean(value, _):
            return Constant(value, BOOL, span)
        case syntax.NoneLiteral():
            if not isinstance(expected, OptionType):
                shown = f"expected `{expected}`" if expected else "an option is expected nowhere here"
                raise names.report("E0303", "`none` is a value of options only", span, shown)
            return Constant(None, expected, span)
        case syntax.SelfLiteral():
            if place.kind is None:
                raise names.report("E0212", "`self` means nothing here", span, "no process stands behind this")
            return Self(ProcessType(place.kind), span)
        case syntax.NameOf(word, _):
            return _name(word, place, names)
        case syntax.SetLiteral(elements, _):
            return _set_literal(elements, span, place, names, expected)
        case syntax.SetFilter(variable, domain, condition, _):
            over = of_set(domain, place, names)
            local = bind(variable, over.type.of, place, names)  # type: ignore[union-attr]
            kept = condition_of(condition, place.with_local(local), names)
            return Filtered(local, over, kept, over.type, span)  # type: ignore[arg-type]
        case syntax.QuantifiedOver():
            return _quantified(written, place, names)
        case syntax.UnderwayOver():
            return _underway(written, place, names)
        case syntax.LedOver():
            return _led(written, place, names)
        case syntax.IfThenElse(condition, yes, no, _):
            return _conditional(written, condition, yes, no, place, names, expected)
        case syntax.Unary("not", operand, _):
            return Not(condition_of(operand, place, names), span)
        case syntax.Unary(_, operand, _):
            negated = number_of(operand, place, names)
            return Arithmetic(Operator.MINUS, Constant(0, NAT, span), negated, NUMBER, span)
        case syntax.Binary():
            return _binary(written, place, names)
        case syntax.IndexOf(object, key, _):
            return _entry(object, key, span, place, names)
        case syntax.FieldOf():
            return _field(written, place, names)
        case syntax.CallOf(function, arguments, _):
            return _call(function, arguments, span, place, names)


def each(checks: Iterable[Callable[[], Expression]]) -> list[Expression]:
    """All parts, so that a mistake in one does not hide those in the others. Raises Reported after the last."""
    found: list[Expression] = []
    broken = False
    for check in checks:
        try:
            found.append(check())
        except Reported:
            broken = True
    if broken:
        raise Reported()
    return found


# What is asked of a part ---------------------------------------------------------------------------------------------


def condition_of(written: syntax.Expression, place: Place, names: Names) -> Expression:
    found = typed(written, place, names, BOOL)
    if not isinstance(found.type, BoolType):
        raise mismatch(found.type, "bool", written.span, names)
    return found


def number_of(written: syntax.Expression, place: Place, names: Names) -> Expression:
    found = typed(written, place, names, NAT)
    if not is_number(found.type):
        help = "this may be `none`: compare it with `==`" if isinstance(found.type, OptionType) else ""
        raise mismatch(found.type, "a number", written.span, names, help)
    return found


def of_set(written: syntax.Expression, place: Place, names: Names) -> Expression:
    found = typed(written, place, names)
    if not isinstance(found.type, SetType):
        raise mismatch(found.type, "a set of processes", written.span, names)
    return found


def process_of(written: syntax.Expression, place: Place, names: Names) -> Expression:
    found = typed(written, place, names)
    if not isinstance(found.type, ProcessType):
        help = "it may be `none`" if isinstance(found.type, OptionType) else ""
        raise mismatch(found.type, "a process", written.span, names, help)
    return found


def value_for(written: syntax.Expression, of: Type, place: Place, names: Names) -> Expression:
    """An expression whose value may be stored where `of` is."""
    found = typed(written, place, names, of)
    if not fits(found.type, of):
        help = ""
        if isinstance(found.type, OptionType) and found.type.of == of:
            help = f"it may be `none`, and `{of}` may not"
        raise mismatch(found.type, f"`{of}`", written.span, names, help)
    return found


def fits(found: Type, wanted: Type) -> bool:
    """Whether a value of one type can be stored as another. Ranges of numbers are checked when it happens."""
    if is_number(found) and is_number(wanted):
        return True
    if isinstance(wanted, OptionType) and not isinstance(found, OptionType):
        return fits(found, wanted.of)
    if isinstance(wanted, OptionType) and isinstance(found, OptionType):
        return found == wanted or (is_number(found.of) and is_number(wanted.of))
    return found == wanted


def mismatch(found: Type, wanted: str, span: Span, names: Names, help: str = "") -> Reported:
    return names.report("E0304", f"this is `{found}`", span, f"expected {wanted}", help)


# Names, fields, calls ------------------------------------------------------------------------------------------------


def _name(word: syntax.Word, place: Place, names: Names) -> Expression:
    if word.text in place.locals:
        local = place.locals[word.text]
        if local is None:
            raise Reported()
        return type(local)(local.identity, local.name, local.type, word.span)
    variables = names.kinds[place.kind].variables if place.kind else ()
    for variable in variables:
        if variable.name == word.text:
            assert place.kind is not None
            return Read(Self(ProcessType(place.kind), word.span), variable.name, variable.type, word.span)
    if word.text in names.values:
        return Constant(word.text, names.values[word.text], word.span)
    if word.text in names.ordered:
        return Everyone(SetType(ProcessType(word.text)), word.span)
    if word.text in names.broken:
        raise Reported()
    if place.kind and any(timer.name == word.text for timer in names.kinds[place.kind].timers):
        raise names.report(
            "E0305", f"`{word}` is a timer, and a timer has no value", word.span, "here", "in a property: `armed(...)`"
        )
    if word.text in names.definition_items:
        raise names.report("E0306", f"`{word}` is a definition", word.span, f"expected `{word}(...)`")
    if place.kind is None:
        owners = [k.name for k in names.kinds.values() if any(v.name == word.text for v in k.variables)]
        if owners:
            raise names.report(
                "E0203",
                f"`{word}` belongs to a process: to which one?",
                word.span,
                "",
                f"say `at {owners[0]}`, or `n.{word}`",
            )
    known = [*place.locals, *(v.name for v in variables), *names.values, *names.ordered]
    raise names.unknown("E0201", "variable, value or name", word, known)


def _field(written: syntax.FieldOf, place: Place, names: Names) -> Expression:
    process = process_of(written.object, place, names)
    kind = process.type.kind  # type: ignore[union-attr]
    if not place.others and not isinstance(process, Self):
        raise names.report(
            "E0307",
            "a process reads its own variables only",
            written.span,
            "of another process",
            "what another process knows must come in a message",
        )
    word = written.name
    if written.arguments is not None:
        if word.text in ("armed", "elapsed"):
            return _timer(word.text, written.arguments, process, written.span, place, names)
        if word.text in names.definition_items:
            return apply_definition(word, written.arguments, process, written.span, place, names)
        raise names.unknown("E0213", "definition", word, [*names.definition_items, "armed", "elapsed"])
    for variable in names.kinds[kind].variables:
        if variable.name == word.text:
            return Read(process, variable.name, variable.type, written.span)
    if word.text in names.broken:
        raise Reported()
    raise names.unknown("E0201", "variable", word, [v.name for v in names.kinds[kind].variables], kind)


def _entry(object: syntax.Expression, key: syntax.Expression, span: Span, place: Place, names: Names) -> Expression:
    held = typed(object, place, names)
    if not isinstance(held.type, MapType):
        raise mismatch(held.type, "a map", object.span, names)
    at = value_for(key, held.type.key, place, names)
    return Entry(held, at, held.type.value, span)


def _call(
    function: syntax.Word, arguments: tuple[syntax.Expression, ...], span: Span, place: Place, names: Names
) -> Expression:
    name = function.text
    if name in names.definition_items or name == "quorum":
        return apply_definition(function, arguments, None, span, place, names)
    wanted = {"size": 1, "min": 2, "max": 2, "successor": 1, "predecessor": 1, "next": 1, "up": 1, "armed": 1}
    wanted |= {"elapsed": 1, "paused": 1}
    if name not in wanted:
        if name in names.procedures:
            raise names.report("E0308", f"`{name}` is a procedure", function.span, "it has no value", "use `define`")
        if name in names.messages:
            raise names.report("E0308", f"`{name}` is a message", function.span, "it has no value")
        raise names.unknown("E0213", "definition", function, [*names.definition_items, *BUILT_IN])
    count(arguments, wanted[name], span, name, names)
    match name:
        case "size":
            return Size(of_set(arguments[0], place, names), NAT, span)
        case "min" | "max":
            left, right = each([lambda a=a: number_of(a, place, names) for a in arguments])  # type: ignore[misc]
            operator = Operator.MINIMUM if name == "min" else Operator.MAXIMUM
            return Arithmetic(operator, left, right, _sum_type(operator, left, right), span)
        case "successor" | "predecessor":
            process = process_of(arguments[0], place, names)
            assert isinstance(process.type, ProcessType)
            if not names.ordered[process.type.kind]:
                raise names.report(
                    "E0309",
                    f"the processes of `{process.type}` have no order",
                    span,
                    "",
                    f"declare the kind `process {process.type} ordered:`; it is then explored without symmetry",
                )
            return Neighbour(process, 1 if name == "successor" else -1, process.type, span)
        case "next":
            if not place.steps:
                raise names.report("E0310", "`next` is for `step` properties", span, "no step stands behind this")
            after = Place(place.kind, place.locals, place.others, False, place.observes)
            operand = typed(arguments[0], after, names)
            return Next(operand, operand.type, span)
        case "up":
            _observing(name, span, place, names)
            return Up(process_of(arguments[0], place, names), span)
        case "paused":
            _observing(name, span, place, names)
            _in_time(name, span, names)
            return Paused(process_of(arguments[0], place, names), span)
        case _:
            if place.kind is None:
                raise names.report("E0203", "whose timer?", span, "", f"say `n.{name}(...)`")
            return _timer(name, arguments, Self(ProcessType(place.kind), span), span, place, names)


LONGEST = 1 << 20
"""More ticks than any timer lasts."""


def _timer(
    name: str,
    arguments: tuple[syntax.Expression, ...],
    process: Expression,
    span: Span,
    place: Place,
    names: Names,
) -> Expression:
    """`armed(timer)` or `elapsed(timer)` of a process."""
    _observing(name, span, place, names)
    count(arguments, 1, span, name, names)
    kind = names.kinds[process.type.kind]  # type: ignore[union-attr]
    match arguments[0]:
        case syntax.NameOf(word, _):
            if all(timer.name != word.text for timer in kind.timers):
                raise names.unknown("E0214", "timer", word, [timer.name for timer in kind.timers])
            if name == "armed":
                return Armed(process, word.text, span)
            _in_time(name, span, names)
            return Elapsed(process, word.text, IntType(-1, LONGEST), span)
    raise names.report("E0214", "this is no timer", arguments[0].span, "expected a timer's name")


def _in_time(name: str, span: Span, names: Names) -> None:
    if not names.timed:
        raise names.asks_for_time(name, span)


def _observing(name: str, span: Span, place: Place, names: Names) -> None:
    if not place.observes:
        raise names.report("E0310", f"`{name}` is for properties", span, "no process can ask this")


def count(arguments: tuple[syntax.Expression, ...], wanted: int, span: Span, name: str, names: Names) -> None:
    if len(arguments) != wanted:
        many = counted(wanted)
        raise names.report("E0311", f"`{name}` takes {many}, not {len(arguments)}", span, f"expected {many}")


def counted(count: int) -> str:
    """So many arguments, in words."""
    return "1 argument" if count == 1 else f"{count} arguments"


# Sets, quantifiers, operators ----------------------------------------------------------------------------------------


def _set_literal(
    elements: tuple[syntax.Expression, ...], span: Span, place: Place, names: Names, expected: Type | None
) -> Expression:
    if not elements:
        if not isinstance(expected, SetType):
            shown = f"expected `{expected}`" if expected else "of what is it a set?"
            raise names.report("E0303", "`{}` is the empty set of processes", span, shown)
        return Constant(frozenset(), expected, span)
    found = each([lambda e=e: process_of(e, place, names) for e in elements])  # type: ignore[misc]
    kind = found[0].type
    assert isinstance(kind, ProcessType)
    for element, written in zip(found, elements, strict=True):
        if element.type != kind:
            raise mismatch(element.type, f"`{kind}`, as the first one", written.span, names)
    return SetOf(tuple(found), SetType(kind), span)


def _quantified(written: syntax.QuantifiedOver, place: Place, names: Names) -> Expression:
    domain = of_set(written.domain, place, names)
    assert isinstance(domain.type, SetType)
    inner, locals = place, []
    for word in written.variables:
        local = bind(word, domain.type.of, inner, names)
        locals.append(local)
        inner = inner.with_local(local)
    body = condition_of(written.body, inner, names)
    for local in reversed(locals):
        body = Quantified(Quantifier(written.quantifier), local, domain, body, written.span)
    return body


def _looking(what: str, span: Span, place: Place, names: Names) -> None:
    if not place.network:
        where = "here it cannot stand: only in `safety`, `invariant` and `reachable`"
        raise names.report("E0310", f"{what} is for properties of states", span, where)


def _underway(written: syntax.UnderwayOver, place: Place, names: Names) -> Expression:
    _looking("to look at what is under way", written.message.span, place, names)
    declared = _message(written.message, names)
    inner = place
    bound: list[Local] = []

    def bound_to(word: syntax.Word, of: Type) -> Local:
        nonlocal inner
        bound.append(bind(word, of, inner, names))
        inner = inner.with_local(bound[-1])
        return bound[-1]

    def carried(message: Message, given: tuple[syntax.Word, ...], word: syntax.Word) -> tuple[Local, ...]:
        if len(given) != len(message.parameters):
            wanted = ", ".join(name for name, _ in message.parameters)
            raise names.report(
                "E0311",
                f"`{word}` carries {counted(len(message.parameters))}, not {len(given)}",
                word.span,
                f"expected `{word}({wanted})`",
            )
        return tuple(bound_to(name, of) for name, (_, of) in zip(given, message.parameters, strict=True))

    parameters = carried(declared, written.names, written.message)
    sender = bound_to(written.sender, ProcessType(declared.sender))
    receiver = bound_to(written.receiver, ProcessType(declared.receiver))
    later = None
    if written.later is not None:
        word, given = written.later
        second = _message(word, names)
        if (second.sender, second.receiver) != (declared.sender, declared.receiver):
            where = f"expected one from a `{declared.sender}` to a `{declared.receiver}`"
            raise names.report("E0304", f"`{word}` does not go the way of `{written.message}`", word.span, where)
        later = (word.text, carried(second, given, word))
    body = condition_of(written.body, inner, names)
    quantifier = Quantifier(written.quantifier)
    return Underway(quantifier, declared.name, parameters, sender, receiver, body, later, written.span)


def _message(word: syntax.Word, names: Names) -> Message:
    if word.text not in names.messages:
        if word.text in names.broken:
            raise Reported()
        raise names.unknown("E0404", "message", word, names.messages)
    return names.messages[word.text]


def _led(written: syntax.LedOver, place: Place, names: Names) -> Expression:
    _looking("to look at who has led", written.process.span, place, names)
    if names.leading is None:
        raise names.report("E0316", "this protocol has no `leader`", written.process.span, "nobody ever leads")
    process = bind(written.process, ProcessType(names.leading), place, names)
    inner = place.with_local(process)
    token = bind(written.token, NAT, inner, names)
    body = condition_of(written.body, inner.with_local(token), names)
    return Led(Quantifier(written.quantifier), process, token, body, written.span)


def _conditional(
    written: syntax.IfThenElse,
    condition: syntax.Expression,
    yes: syntax.Expression,
    no: syntax.Expression,
    place: Place,
    names: Names,
    expected: Type | None,
) -> Expression:
    decided = condition_of(condition, place, names)
    if expected is None and _needs_help(yes) and not _needs_help(no):
        other = typed(no, place, names)
        first = typed(yes, place, names, _helped(other.type))
    else:
        first = typed(yes, place, names, expected)
        other = typed(no, place, names, expected or _helped(first.type))
    for of in (first.type, other.type, OptionType(first.type) if _scalar(first.type) else first.type):  # type: ignore[arg-type]
        if fits(first.type, of) and fits(other.type, of):
            if is_number(of):
                of = NAT if _natural(first) and _natural(other) else NUMBER
            return Conditional(decided, first, other, of, written.span)
    raise mismatch(other.type, f"`{first.type}`, as after `then`", no.span, names)


def _scalar(of: Type) -> bool:
    return not isinstance(of, OptionType | SetType | MapType)


def _needs_help(written: syntax.Expression) -> bool:
    """Whether the text alone does not say the type."""
    match written:
        case syntax.NoneLiteral() | syntax.SetLiteral((), _):
            return True
        case syntax.Group(inner, _):
            return _needs_help(inner)
        case _:
            return False


def _helped(of: Type) -> Type:
    """What to expect beside a value of a type: where a scalar stands, `none` may be meant."""
    return OptionType(of) if _scalar(of) else of  # type: ignore[arg-type]


COMPARISONS = {c.value: c for c in Comparison}
CONNECTIVES = {c.value: c for c in Connective}


def _binary(written: syntax.Binary, place: Place, names: Names) -> Expression:
    operator, span = written.operator, written.span
    if operator in CONNECTIVES:
        left, right = each(
            [lambda: condition_of(written.left, place, names), lambda: condition_of(written.right, place, names)]
        )
        return Connected(CONNECTIVES[operator], left, right, span)
    if operator in ("in", "not in"):
        member = _membership(written, place, names)
        return Not(member, span) if operator == "not in" else member
    left, right = _both(written, place, names)
    if operator in ("==", "!="):
        if not (fits(left.type, right.type) or fits(right.type, left.type)):
            raise mismatch(right.type, f"`{left.type}`, as on the left", written.right.span, names)
        return Compare(COMPARISONS[operator], left, right, span)
    sets = isinstance(left.type, SetType) or isinstance(right.type, SetType)
    if operator in COMPARISONS:
        if sets and operator in ("<=", ">="):
            _same_set(left, right, written, names)
            return Subset(left, right, span) if operator == "<=" else Subset(right, left, span)
        if isinstance(left.type, ProcessType) and left.type == right.type:
            if names.ordered[left.type.kind]:
                return Compare(COMPARISONS[operator], left, right, span)
            raise names.report(
                "E0309",
                f"the processes of `{left.type}` have no order",
                span,
                "expected `==` or `!=`",
                f"declare the kind `process {left.type} ordered:`; it is then explored without symmetry",
            )
        _numbers(left, right, written, names)
        return Compare(COMPARISONS[operator], left, right, span)
    if sets and operator in ("+", "-", "&"):
        _same_set(left, right, written, names)
        assert isinstance(left.type, SetType)
        return SetOperation(SetOperator(operator), left, right, left.type, span)
    if operator == "&":
        raise mismatch(
            left.type, "a set: `&` is what two sets have in common", written.left.span, names, "did you mean `and`?"
        )
    _numbers(left, right, written, names)
    return Arithmetic(Operator(operator), left, right, _sum_type(Operator(operator), left, right), span)


def _both(written: syntax.Binary, place: Place, names: Names) -> tuple[Expression, Expression]:
    """Both sides, each helped by the other one's type where it needs that."""
    if _needs_help(written.left) and not _needs_help(written.right):
        right = typed(written.right, place, names)
        return typed(written.left, place, names, right.type), right
    try:
        left = typed(written.left, place, names)
    except Reported:
        if not _needs_help(written.right):
            typed(written.right, place, names)  # for the mistakes in it
        raise
    return left, typed(written.right, place, names, left.type)


def _membership(written: syntax.Binary, place: Place, names: Names) -> Expression:
    element = typed(written.left, place, names)
    match written.right:
        case syntax.SetLiteral(elements, _) if elements:
            found = each([lambda e=e: typed(e, place, names, element.type) for e in elements])  # type: ignore[misc]
            for alternative, text in zip(found, elements, strict=True):
                if not (fits(alternative.type, element.type) or fits(element.type, alternative.type)):
                    raise mismatch(alternative.type, f"`{element.type}`", text.span, names)
            return OneOf(element, tuple(found), written.span)
    inner = element.type.of if isinstance(element.type, OptionType) else element.type
    if not isinstance(inner, ProcessType):
        raise mismatch(element.type, "a process: sets hold processes", written.left.span, names)
    right = typed(written.right, place, names, SetType(inner))
    if right.type != SetType(inner):
        raise mismatch(right.type, f"`set of {inner}`", written.right.span, names)
    return Member(element, right, written.span)


def _same_set(left: Expression, right: Expression, written: syntax.Binary, names: Names) -> None:
    for side, text, other in ((left, written.left, right), (right, written.right, left)):
        if not isinstance(side.type, SetType):
            help = "an element goes in braces: `{...}`" if isinstance(side.type, ProcessType) else ""
            raise mismatch(side.type, f"`{other.type}`, as on the other side", text.span, names, help)
    if left.type != right.type:
        raise mismatch(right.type, f"`{left.type}`, as on the left", written.right.span, names)


def _numbers(left: Expression, right: Expression, written: syntax.Binary, names: Names) -> None:
    for side, text in ((left, written.left), (right, written.right)):
        if not is_number(side.type):
            help = ""
            if isinstance(side.type, OptionType):
                help = "this may be `none`; only `==`, `!=` and `in` can ask"
            if isinstance(side.type, EnumType):
                help = suggestion("", ()) or "the values of an enumeration have no order"
            raise mismatch(side.type, f"a number beside `{written.operator}`", text.span, names, help)


def _natural(expression: Expression) -> bool:
    of = expression.type
    return isinstance(of, NatType) or (isinstance(of, IntType) and of.low >= 0)


def _sum_type(operator: Operator, left: Expression, right: Expression) -> Type:
    return NAT if operator is not Operator.MINUS and _natural(left) and _natural(right) else NUMBER
