"""Statements of the language as lines of Python, over a step being taken that is called `now`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from codegen.python.expressions import UNION, Names, negated, text_of
from codegen.python.names import attribute_name, class_name
from codegen.python.quoting import INDENT
from codegen.python.values import checked
from spec.protocol import (
    Assert,
    Assign,
    Broadcast,
    Call,
    Expression,
    For,
    If,
    Let,
    Message,
    Pass,
    Procedure,
    ProcessKind,
    Reset,
    Send,
    Statement,
    Stop,
    Unreachable,
)
from spec.show import show
from spec.types import MapType, OptionType, Type


@dataclass(frozen=True)
class Emission:
    """What statements of one kind of process speak of. `procedures` are their names in Python."""

    kind: ProcessKind
    messages: Mapping[str, Message]
    procedures: Mapping[str, Procedure]
    called: Mapping[str, str]


def lines_of(statements: tuple[Statement, ...], emission: Emission, names: Names, indent: int = 1) -> Iterator[str]:
    """The statements, each line indented. Locals that statements bind are known to those after them."""
    written = False
    for statement in statements:
        names, lines = _lines(statement, emission, names)
        for line in lines:
            written = True
            yield INDENT * indent + line
    if not written:
        yield f"{INDENT * indent}pass"


def _lines(statement: Statement, emission: Emission, names: Names) -> tuple[Names, list[str]]:
    """A statement's lines, and the names that are known after it."""

    def text(expression: Expression) -> str:
        return text_of(expression, names)

    match statement:
        case Assign():
            return names, [_assignment(statement, emission, names)]
        case If(arms):
            lines: list[str] = []
            for index, arm in enumerate(arms):
                if arm.condition is None:
                    lines.append("else:")
                else:
                    lines.append(f"{'elif' if index else 'if'} {text(arm.condition)}:")
                lines += lines_of(arm.body, emission, names)
            return names, lines
        case Send(message, arguments, receiver):
            declared = emission.messages[message]
            to = text(receiver)
            line = f'now.send("{declared.receiver}", {to}, {_message(declared, arguments, names)})'
            if isinstance(receiver.type, OptionType) and _may_fail(declared, arguments, names):
                return names, [f"if {text_of(receiver, names, UNION)} is not None:", INDENT + line]
            return names, [line]
        case Broadcast(message, arguments):
            declared = emission.messages[message]
            everyone = f'now.everyone["{declared.receiver}"]'
            is_own = declared.receiver == emission.kind.name
            others = everyone + (" - {now.me}" if is_own else "")
            line = f'now.broadcast("{declared.receiver}", {others}, {_message(declared, arguments, names)})'
            if is_own and _may_fail(declared, arguments, names):
                return names, [f"if len({everyone}) > 1:", INDENT + line]
            return names, [line]
        case Reset(timer, _, since):
            counted = f', "{since}"' if since is not None else ""
            return names, [f'now.reset("{timer}"{counted})']
        case Stop(timer):
            return names, [f'now.stop("{timer}")']
        case Let(local, value):
            name, inner = names.bind(local)
            return inner, [f"{name} = {text(value)}"]
        case For(variable, domain, body):
            name, inner = names.bind(variable)
            return names, [f"for {name} in sorted({text(domain)}):", *lines_of(body, emission, inner)]
        case Call(procedure, arguments):
            parameters = emission.procedures[procedure].parameters
            given = [checked(text(a), p.type, a) for a, p in zip(arguments, parameters, strict=True)]
            return names, [f"{emission.called[procedure]}({', '.join(('now', *given))})"]
        case Assert(condition):
            said = f"assert {show(condition)}".replace('"', "'")
            return names, [f"if {negated(condition, names)}:", f'{INDENT}raise Impossible("{said}")']
        case Unreachable():
            return names, ['raise Impossible("unreachable")']
        case Pass():
            return names, ["pass"]


def _assignment(statement: Assign, emission: Emission, names: Names) -> str:
    variable = emission.kind.variable(statement.variable)
    value = text_of(statement.value, names)
    place = f"now.{attribute_name(variable.name)}"
    stored: Type = variable.type
    if not isinstance(stored, MapType) or (statement.key is None and isinstance(statement.value.type, MapType)):
        return f"{place} = {checked(value, stored, statement.value)}"
    entry = checked(value, stored.value, statement.value)
    if statement.key is None:
        return f'{place} = ({entry},) * len(now.everyone["{stored.key.kind}"])'
    return f"{place} = replaced({place}, {text_of(statement.key, names)}, {entry})"


def _may_fail(message: Message, arguments: tuple[Expression, ...], names: Names) -> bool:
    """Whether an argument may be out of its range, which it is not where the message is sent to nobody."""
    given = zip(arguments, message.parameters, strict=True)
    return any(checked(text := text_of(argument, names), of, argument) != text for argument, (_, of) in given)


def _message(message: Message, arguments: tuple[Expression, ...], names: Names) -> str:
    given = (
        f"{attribute_name(name)}={checked(text_of(argument, names), of, argument)}"
        for argument, (name, of) in zip(arguments, message.parameters, strict=True)
    )
    return f"{class_name(message.name)}({', '.join(given)})"
