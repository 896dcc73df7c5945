"""The syntax tree as documents that `spec.pretty` breaks into lines.

A document holds the same words and signs in the same order as the text that the tree was parsed from: the formatter
counts them to find the places of the comments. New lines are allowed only where `spec.layout` and the grammar let a
line go on.
"""

from __future__ import annotations

from collections.abc import Iterable

from spec import syntax
from spec.pretty import Break, Document, Group, Indent, bracketed, separated
from spec.syntax import Expression, TypeExpression, Word

CHAINED = {"and", "or", "implies", "+", "-", "*", "&"}
LEADING = {"and", "or", "implies"}
"""Operators that begin a new line; after the others a line goes on."""


def expression(tree: Expression) -> Document:
    match tree:
        case syntax.NameOf(word, _):
            return word.text
        case syntax.Number(value, _):
            return str(value)
        case syntax.Boolean(value, _):
            return "true" if value else "false"
        case syntax.NoneLiteral():
            return "none"
        case syntax.SelfLiteral():
            return "self"
        case syntax.Group(inner, _):
            return bracketed("(", expression(inner), ")")
        case syntax.CallOf(function, arguments, _):
            return call(function, arguments)
        case syntax.FieldOf(owner, name, arguments, _):
            return (expression(owner), ".", name.text if arguments is None else call(name, arguments))
        case syntax.IndexOf(owner, key, _):
            return (expression(owner), bracketed("[", expression(key), "]"))
        case syntax.Unary(operator, operand, _):
            return (operator, " " if operator == "not" else "", expression(operand))
        case syntax.Binary(operator, _, _, _) if operator in CHAINED:
            return _chain(tree)
        case syntax.Binary(operator, left, right, _):
            return Group((expression(left), f" {operator}", Indent((Break(), expression(right)))))
        case syntax.SetLiteral(elements, _):
            return bracketed("{", _listed(elements), "}") if elements else "{}"
        case syntax.SetFilter(variable, domain, condition, _):
            drawn = (f"{variable} in ", expression(domain))
            return bracketed("{", (drawn, Break(), "if ", _hanging(condition)), "}")
        case syntax.QuantifiedOver(quantifier, variables, domain, body, _):
            names = ", ".join(word.text for word in variables)
            return Group((f"{quantifier} {names} in ", expression(domain), ":", Indent((Break(), expression(body)))))
        case syntax.UnderwayOver(quantifier, message, given, sender, receiver, later, body, _):
            ahead: Document = (f" before {later[0]}", parameters(later[1])) if later is not None else ""
            over = (f"{quantifier} {message}", parameters(given), f" from {sender} to {receiver}", ahead)
            return Group((*over, ":", Indent((Break(), expression(body)))))
        case syntax.LedOver(quantifier, process, token, body, _):
            return Group((f"{quantifier} {process} led with {token}:", Indent((Break(), expression(body)))))
        case syntax.IfThenElse():
            return _choice(tree)


def _choice(tree: syntax.IfThenElse) -> Document:
    """`if a then b`, `else if c then d`, `else e`, each on a line of its own where they do not fit on one."""
    parts: list[Document] = []
    rest: Expression = tree
    while isinstance(rest, syntax.IfThenElse):
        yes = Group((expression(rest.condition), Indent((Break(), "then ", expression(rest.yes)))))
        parts += [Break(), "else if ", yes] if parts else ["if ", yes]
        rest = rest.no
    return Group((*parts, Break(), "else ", expression(rest)))


def _chain(tree: syntax.Binary) -> Document:
    """`a and b and c`: all operands of one operator (or of `+` and `-`) side by side, broken together or not at all."""
    first, rest = _operands(tree)
    parts: list[Document] = [_operand(first)]
    for operator, operand in rest:
        if operator in LEADING:
            parts += [Break(), f"{operator} ", _operand(operand)]
        else:
            parts += [f" {operator}", Break(), _operand(operand)]
    return Group(tuple(parts))


def _operands(tree: syntax.Binary) -> tuple[Expression, list[tuple[str, Expression]]]:
    family = {"+", "-", "&"} if tree.operator in ("+", "-", "&") else {tree.operator}
    rest: list[tuple[str, Expression]] = []
    if tree.operator == "implies":
        first, step = tree.left, tree.right
        operator = tree.operator
        while isinstance(step, syntax.Binary) and step.operator in family:
            rest.append((operator, step.left))
            operator, step = step.operator, step.right
        return first, [*rest, (operator, step)]
    step = tree
    while isinstance(step, syntax.Binary) and step.operator in family:
        rest.append((step.operator, step.right))
        step = step.left
    return step, rest[::-1]


def _operand(tree: Expression) -> Document:
    """An operand that is broken itself stands further right than the operators around it."""
    inner = expression(tree)
    return Indent(inner) if isinstance(tree, syntax.Binary) else inner


def _hanging(tree: Expression, levels: int = 1) -> Document:
    """An expression that begins within a line: what is broken of it stands further right than that line, unless it
    stands in brackets, whose last one shows where the expression ends."""
    document = expression(tree)
    if not isinstance(tree, syntax.SetLiteral | syntax.SetFilter | syntax.CallOf | syntax.Group):
        for _ in range(levels):
            document = Indent(document)
    return document


def call(function: Word, arguments: tuple[Expression, ...]) -> Document:
    if not arguments:
        return f"{function}()"
    if len(arguments) == 1 and isinstance(arguments[0], syntax.SetLiteral | syntax.SetFilter | syntax.CallOf):
        return (f"{function}(", expression(arguments[0]), ")")
    return bracketed(f"{function}(", _listed(arguments), ")")


def _listed(trees: Iterable[Expression]) -> Document:
    return separated((expression(tree) for tree in trees), (",", Break()))


def type_expression(tree: TypeExpression) -> Document:
    match tree:
        case syntax.NamedType(word, _):
            return word.text
        case syntax.RangeType(low, high, _):
            return f"int {low}..{high}"
        case syntax.OptionOf(of, _):
            return (type_expression(of), "?")
        case syntax.SetOfType(of, _):
            return ("set of ", type_expression(of))
        case syntax.MapFrom(key, value, _):
            return (f"map from {key} to ", type_expression(value))
        case syntax.Enumeration(values, _):
            return _alternatives(values)


def _alternatives(values: tuple[Word, ...]) -> Document:
    return Group(separated((value.text for value in values), (" |", Break())))


def parameters(trees: tuple[Word, ...] | tuple[syntax.Parameter, ...]) -> Document:
    """With their types, if they have any, and with parentheses."""
    if not trees:
        return "()"
    listed = (tree.text if isinstance(tree, Word) else _parameter(tree) for tree in trees)
    return bracketed("(", separated(listed, (",", Break())), ")")


def _parameter(tree: syntax.Parameter) -> Document:
    return (f"{tree.name}: ", type_expression(tree.type))


def statement(tree: syntax.Statement) -> Document:
    """A statement on a line of its own; of one with a block, there is no line but its arms' heads (`arm`)."""
    match tree:
        case syntax.AssignStatement(target, None, value, _):
            return (f"{target} := ", _hanging(value))
        case syntax.AssignStatement(target, key, value, _) if key is not None:
            return (target.text, bracketed("[", expression(key), "]"), " := ", _hanging(value))
        case syntax.SendStatement(message, arguments, receiver, _):
            return ("send ", call(message, arguments), " to ", _hanging(receiver))
        case syntax.BroadcastStatement(message, arguments, _):
            return ("broadcast ", call(message, arguments))
        case syntax.TimerStatement(verb, timer, _):
            return f"{verb} {timer}" + (f" since {tree.since}" if tree.since is not None else "")
        case syntax.LetStatement(name, value, _):
            return (f"let {name} = ", _hanging(value))
        case syntax.ForStatement(variable, domain, _, _):
            return (f"for {variable} in ", _hanging(domain, 2), ":")
        case syntax.WhileStatement(condition, _, _):
            return ("while ", _hanging(condition, 2), ":")
        case syntax.CallStatement(procedure, arguments, _):
            return call(procedure, arguments)
        case syntax.PassStatement():
            return "pass"
        case syntax.AssertStatement(condition, _):
            return ("assert ", _hanging(condition))
        case syntax.UnreachableStatement():
            return "unreachable"
    raise ValueError(f"{tree} has no line of its own")


def arm(tree: syntax.ConditionalArm, first: bool) -> Document:
    if tree.condition is None:
        return "else:"
    return ("if " if first else "elif ", _hanging(tree.condition, 2), ":")


def member(tree: syntax.VariableMember | syntax.TimerMember) -> Document:
    match tree:
        case syntax.VariableMember(name, durable, of, initial, _):
            word = "durable " if durable else ""
            return (f"{word}{name}: ", Indent(type_expression(of)), " = ", _hanging(initial))
        case syntax.TimerMember(name, low, high, _):
            return f"timer {name}: {_duration(low)}" + (f" .. {_duration(high)}" if high else "")


def _duration(tree: syntax.Duration) -> str:
    return f"{tree.amount} {tree.unit}"


def head(tree: syntax.Item, described: bool) -> Document:
    """The first line of an item, or all of an item without a block. `described` tells whether a property has a
    text, for an empty one cannot be told from none."""
    match tree:
        case syntax.ProtocolItem(name, _):
            return f"protocol {name}"
        case syntax.DescriptionItem(text, _):
            return f'"{text}"'
        case syntax.TypeItem(name, values, _):
            return (f"type {name} = ", Indent(_alternatives(values)))
        case syntax.ProcessItem(name, ordered, members, _):
            return f"process {name}" + (" ordered" if ordered else "") + (":" if members else "")
        case syntax.MessageItem(name, fields, sender, receiver, _):
            ends = (f" from {sender}" if sender else "") + (f" to {receiver}" if receiver else "")
            return (f"message {name}", parameters(fields), ends)
        case syntax.HandlerItem():
            return _handler(tree)
        case syntax.ProcedureItem(name, fields, kind, _, _):
            return (f"procedure {name}", parameters(fields), _at(kind), ":")
        case syntax.DefinitionItem(name, fields, kind, body, _):
            return Group((f"define {name}", parameters(fields), _at(kind), ":", Indent((Break(), expression(body)))))
        case syntax.LeaderItem():
            return _leader(tree)
        case syntax.WritesItem(kind, variable, _):
            return f"writes{_at(kind)} with token {variable}"
        case syntax.PropertyItem(keyword, name, text, kind, body, then, _, quorum, without):
            said = f' "{text}"' if described else ""
            whole = expression(body)
            if then is not None:
                whole = Group((whole, " ~>", Break(), expression(then)))
            return Group(
                (
                    f"{keyword} {name}{said}",
                    _at(kind),
                    _quorum(quorum),
                    _without(without),
                    ":",
                    Indent((Break(), whole)),
                )
            )
        case syntax.NetworkItem(words, _):
            return ("network: ", Group(Indent(separated((word.text for word in words), (",", Break())))))
        case syntax.FaultsItem(faults, _):
            parts = separated((_fault(part) for part in faults), (",", Break())) if faults else "none"
            return ("faults: ", Group(Indent(parts)))
        case syntax.FairnessItem(assumptions, _):
            said_of = (" ".join(word.text for word in part.words) for part in assumptions)
            promised = separated(said_of, (",", Break())) if assumptions else "none"
            return ("fairness: ", Group(Indent(promised)))
        case syntax.CheckItem(name, rows, block, _):
            return f"check {name}:" if block else (f"check {name}: ", Indent(row(rows[0])))
        case syntax.TimedItem(parts, _):
            if not parts:
                return "timed"
            return ("timed: ", Group(Indent(separated((_clock(part) for part in parts), (",", Break())))))


def _without(faults: tuple[Word, ...]) -> str:
    return f" without {', '.join(word.text for word in faults)}" if faults else ""


def _clock(part: syntax.ClockPart) -> str:
    if isinstance(part.value, tuple):
        return f"{part.word} {part.value[0]} in {part.value[1]}"
    high = f" .. {_duration(part.high)}" if part.high is not None else ""
    return f"{part.word} {part.value if isinstance(part.value, Word) else _duration(part.value)}{high}"


def _quorum(quorum: syntax.QuorumPart | None) -> str:
    if quorum is None:
        return ""
    return " with a quorum" + (f" of {quorum.kind}" if quorum.kind else "")


def _at(kind: Word | None) -> str:
    return f" at {kind}" if kind else ""


def _handler(tree: syntax.HandlerItem) -> Document:
    given = parameters(tree.parameters)
    begin: Document
    match tree.event:
        case "start":
            begin = "on start"
        case "timeout":
            begin = f"on timeout {tree.name}"
        case "message":
            begin = (f"on {tree.name}", given, f" from {tree.sender}")
        case "action":
            begin = f"action {tree.name}"
        case _:
            begin = (f"input {tree.name}", given)
    guard: Document = (" if ", _hanging(tree.guard, 2)) if tree.guard is not None else ""
    return (begin, _at(tree.kind), guard, ":")


def _leader(tree: syntax.LeaderItem) -> Document:
    clauses: list[Document] = []
    if tree.until is not None:
        clauses += [",", Break(), f"until {tree.until}"]
    if tree.elected_by is not None:
        clauses += [",", Break(), "elected by ", expression(tree.elected_by)]
    if tree.confirmed_by is not None:
        message, timer = tree.confirmed_by
        clauses += [",", Break(), f"confirmed by {message} from a quorum within {timer}"]
    token = (Break(), "with token ", expression(tree.token))
    first = Group((f"leader{_at(tree.kind)} if ", _hanging(tree.condition), Indent(token)))
    return Group((first, Indent(tuple(clauses))))


def _fault(tree: syntax.FaultPart) -> Document:
    words = " ".join(word.text for word in tree.words) + (f" of {tree.kind}" if tree.kind is not None else "")
    return words if tree.up_to is None else f"{words} up to {tree.up_to}"


def row(tree: syntax.CheckRow) -> Document:
    parts: list[Document] = []
    for part in tree.parts:
        match part:
            case syntax.SizePart(counts, kind, _):
                listed = ", ".join(str(count) for count in counts)
                parts.append(f"{listed} {kind}" if kind else listed)
            case syntax.BoundPart(kind, variable, limit, _):
                parts.append(f"{kind}.{variable} <= {limit}" if kind else f"{variable} <= {limit}")
            case syntax.LeftOutPart(fault, _):
                parts.append(f"without {fault}")
    return Group(separated(parts, (",", Break())))
