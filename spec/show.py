"""Typed expressions and values as text in the language's own syntax."""

from __future__ import annotations

from spec.protocol import (
    Apply,
    Arithmetic,
    Armed,
    Compare,
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
    Neighbour,
    Next,
    Not,
    OneOf,
    Operator,
    Paused,
    Quantified,
    Read,
    Self,
    SetOf,
    SetOperation,
    Size,
    Subset,
    Underway,
    Up,
)
from spec.types import MapType, OptionType, ProcessType, SetType, Type, Value

# How tightly an expression binds; an operand that binds less tightly than its place asks stands in parentheses.
IMPLIES, OR, AND, NOT, COMPARED, SUM, PRODUCT, NEGATIVE, POSTFIX = range(9)
LEVELS = {Connective.IMPLIES: IMPLIES, Connective.OR: OR, Connective.AND: AND}


def show(expression: Expression) -> str:
    """The expression as a spec would write it: parsed where it came from, it means the same again."""
    return _shown(expression, IMPLIES, True)


def show_duration(milliseconds: int) -> str:
    """`300 ms`, `1.5 s`, `2 min`: in the largest unit that shows it with at most one decimal."""
    for unit, of in (("min", 60_000), ("s", 1_000)):
        if milliseconds >= of and milliseconds % (of // 10) == 0 and (unit == "s" or milliseconds % of == 0):
            return f"{milliseconds / of:g} {unit}"
    return f"{milliseconds} ms"


def show_value(value: Value, of: Type) -> str:
    """A value as a spec would write it. A process is its kind and its number, counted from 1 (`node1`); a map, for
    which the language has no literal, is `{node1: 0, node2: 3}`."""
    match of:
        case OptionType(inner):
            return "none" if value is None else show_value(value, inner)
        case ProcessType(kind):
            return f"{kind}{value + 1}"
        case SetType(inner):
            return "{" + ", ".join(show_value(element, inner) for element in sorted(value)) + "}"
        case MapType(key, inner):
            entries = (f"{show_value(at, key)}: {show_value(entry, inner)}" for at, entry in enumerate(value))
            return "{" + ", ".join(entries) + "}"
        case _:
            return str(value).lower() if isinstance(value, bool) else str(value)


def _shown(expression: Expression, place: int, last: bool) -> str:
    """`place` is how tightly the text must bind where it stands. `last` is whether nothing follows in which a
    quantifier or a conditional, both of which reach as far to the right as they can, would swallow."""
    text, level = _text(expression, last)
    if level < place:
        # Inside parentheses nothing follows.
        return f"({_text(expression, True)[0]})"
    if isinstance(expression, Quantified | Underway | Led | Conditional) and not last:
        return f"({text})"
    return text


def _text(expression: Expression, last: bool) -> tuple[str, int]:
    """The text without parentheses around it, and how tightly it binds."""
    match expression:
        case Constant():
            return _constant(expression)
        case Local():
            return expression.name, POSTFIX
        case Self():
            return "self", POSTFIX
        case Read():
            return _of_process(expression.process, expression.variable), POSTFIX
        case Entry():
            return f"{_shown(expression.map, POSTFIX, False)}[{show(expression.key)}]", POSTFIX
        case Not(Member() as member):
            return _binary(member.element, "not in", member.set, COMPARED, last)
        case Not(OneOf() as one):
            return f"{_shown(one.value, SUM, False)} not in {_braces(one.alternatives)}", COMPARED
        case Not():
            return f"not {_shown(expression.operand, NOT, last)}", NOT
        case Connected():
            return _connected(expression, last)
        case Compare():
            return _binary(expression.left, expression.comparison.value, expression.right, COMPARED, last)
        case Arithmetic(Operator.MINIMUM | Operator.MAXIMUM):
            return f"{expression.operator.value}({show(expression.left)}, {show(expression.right)})", POSTFIX
        case Arithmetic(Operator.MINUS, Constant(0)):
            return f"-{_shown(expression.right, NEGATIVE, last)}", NEGATIVE
        case Arithmetic():
            level = PRODUCT if expression.operator is Operator.TIMES else SUM
            return _binary(expression.left, expression.operator.value, expression.right, level, last)
        case OneOf():
            return f"{_shown(expression.value, SUM, False)} in {_braces(expression.alternatives)}", COMPARED
        case Member():
            return _binary(expression.element, "in", expression.set, COMPARED, last)
        case Subset():
            return _binary(expression.left, "<=", expression.right, COMPARED, last)
        case SetOf():
            return _braces(expression.elements), POSTFIX
        case Everyone():
            return expression.type.of.kind, POSTFIX
        case Filtered():
            domain = _shown(expression.domain, SUM, False)
            return f"{{{expression.variable.name} in {domain} if {show(expression.condition)}}}", POSTFIX
        case SetOperation():
            return _binary(expression.left, expression.operator.value, expression.right, SUM, last)
        case Size():
            return f"size({show(expression.set)})", POSTFIX
        case Quantified():
            variables, body = quantified_together(expression)
            bound = ", ".join(variable.name for variable in variables)
            domain = show(expression.domain)
            return f"{expression.quantifier.value} {bound} in {domain}: {show(body)}", POSTFIX
        case Underway() | Led():
            over = f"{expression.quantifier.value} {show_over(expression)}"
            return f"{over}: {show(expression.body)}", POSTFIX
        case Conditional():
            condition, yes = show(expression.condition), show(expression.yes)
            return f"if {condition} then {yes} else {_shown(expression.no, IMPLIES, last)}", POSTFIX
        case Neighbour():
            name = "successor" if expression.offset == 1 else "predecessor"
            return f"{name}({show(expression.process)})", POSTFIX
        case Apply():
            return _applied(expression), POSTFIX
        case Elapsed():
            return _of_process(expression.process, f"elapsed({expression.timer})"), POSTFIX
        case Paused():
            return f"paused({show(expression.process)})", POSTFIX
        case Armed():
            return _of_process(expression.process, f"armed({expression.timer})"), POSTFIX
        case Up():
            return f"up({show(expression.process)})", POSTFIX
        case Next():
            return f"next({show(expression.operand)})", POSTFIX


def show_over(expression: Underway | Led) -> str:
    """What an expression goes over that looks at messages, or at who has led."""
    if isinstance(expression, Led):
        return f"{expression.process.name} led with {expression.token.name}"

    def carrying(message: str, parameters: tuple[Local, ...]) -> str:
        return f"{message}({', '.join(parameter.name for parameter in parameters)})"

    first = carrying(expression.message, expression.parameters)
    ends = f"from {expression.sender.name} to {expression.receiver.name}"
    later = f" before {carrying(*expression.later)}" if expression.later is not None else ""
    return f"{first} {ends}{later}"


def quantified_together(expression: Quantified) -> tuple[tuple[Local, ...], Expression]:
    """The variables that one quantifier binds over one domain (`forall n, m in node`), and the body under them."""
    variables = [expression.variable]
    body = expression.body
    while (
        isinstance(body, Quantified) and body.quantifier is expression.quantifier and body.domain == expression.domain
    ):
        variables.append(body.variable)
        body = body.body
    return tuple(variables), body


def _constant(expression: Constant) -> tuple[str, int]:
    value = expression.value
    if value == frozenset() and isinstance(expression.type, SetType):
        return "{}", POSTFIX
    if value is None:
        return "none", POSTFIX
    if isinstance(value, bool):
        return ("true" if value else "false"), POSTFIX
    if isinstance(value, int) and value < 0:
        return str(value), NEGATIVE
    return str(value), POSTFIX


def _connected(expression: Connected, last: bool) -> tuple[str, int]:
    level = LEVELS[expression.connective]
    # `and` and `or` group to the left, `implies` to the right.
    to_the_right = expression.connective is Connective.IMPLIES
    left = _shown(expression.left, level + to_the_right, False)
    right = _shown(expression.right, level + (not to_the_right), last)
    return f"{left} {expression.connective.value} {right}", level


def _binary(left: Expression, operator: str, right: Expression, level: int, last: bool) -> tuple[str, int]:
    """A comparison takes sums on both sides; sums and products group to the left."""
    on_the_left = level if level > COMPARED else level + 1
    return f"{_shown(left, on_the_left, False)} {operator} {_shown(right, level + 1, last)}", level


def _braces(elements: tuple[Expression, ...]) -> str:
    return "{" + ", ".join(show(element) for element in elements) + "}"


def _of_process(process: Expression, what: str) -> str:
    return what if isinstance(process, Self) else f"{_shown(process, POSTFIX, False)}.{what}"


def _applied(expression: Apply) -> str:
    # The majority of one kind among several is called by the same name as that of a sole kind.
    name = expression.definition.partition(":")[0]
    call = f"{name}({', '.join(show(argument) for argument in expression.arguments)})"
    return call if expression.process is None else _of_process(expression.process, call)
