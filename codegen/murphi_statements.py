"""Statements as Murphi text: they change the state in place."""

from __future__ import annotations

from dataclasses import dataclass, field

from codegen.inline import inlined, is_scalar, kind_of, mentions, number_in, walk
from codegen.instance import Names, quote
from codegen.murphi_expressions import Scope, code, members, value
from codegen.murphi_names import Tables, stored_type
from codegen.murphi_text import FALSE, TRUE, Code
from codegen.murphi_values import MapCode, OptionCode, SetCode, ValueCode, at_place
from codegen.ranges import outside
from spec.protocol import (
    Assert,
    Assign,
    Broadcast,
    Call,
    Entry,
    Expression,
    For,
    If,
    Let,
    Local,
    Pass,
    Read,
    Reset,
    Self,
    Send,
    SetOf,
    SetOperation,
    SetOperator,
    Statement,
    Stop,
    Unreachable,
)
from spec.source import Span
from spec.types import IntType, MapType, OptionType, ProcessType, SetType, Type


@dataclass
class Body:
    """The body of a rule or a procedure while it is written: whose it is, and the variables that it declares."""

    made: Tables
    kind: str
    names: Names
    locals: dict[int, ValueCode] = field(default_factory=dict)
    declarations: list[str] = field(default_factory=list)

    @property
    def scope(self) -> Scope:
        return Scope(self.made, Code("self"), self.locals, self.names)

    def declare(self, wanted: str, of: Type) -> str:
        """A new variable of a type of the language."""
        name = self.names.new(wanted)
        self.declarations.append(f"{name}: {stored_type(of, None, self.made)};")
        return name


def indented(lines: list[str]) -> list[str]:
    return [f"  {line}" if line else line for line in lines]


def body_text(header: str, body: Body, lines: list[str], end: str = "end;") -> str:
    """A rule's or a procedure's text, with its declarations."""
    declared = ["var", *indented(body.declarations)] if body.declarations else []
    return "\n".join([header, *declared, "begin", *indented(lines), end, ""])


def failure(reason: str, span: Span) -> str:
    where = f" (line {span.line})" if span.line else ""
    return f'error "{reason}{where}";'


def statements(these: tuple[Statement, ...], body: Body) -> list[str]:
    """The lines of some statements."""
    lines: list[str] = []
    for statement in these:
        lines += _statement(statement, body)
    return lines


def _statement(statement: Statement, body: Body) -> list[str]:
    made, scope = body.made, body.scope
    match statement:
        case If():
            lines: list[str] = []
            for position, arm in enumerate(statement.arms):
                if arm.condition is None:
                    lines.append("else")
                else:
                    keyword = "elsif" if position else "if"
                    lines.append(f"{keyword} {code(arm.condition, scope).text} then")
                lines += indented(statements(arm.body, body))
            return [*lines, "end;"]
        case Assign():
            return _assign(statement, body)
        case Send():
            return _send(statement, body)
        case Broadcast():
            return _broadcast(statement, body)
        case Reset(timer):
            return [f"{made.kinds[body.kind].states}[self].{made.kinds[body.kind].armed[timer]} := true;"]
        case Stop(timer):
            return [f"{made.kinds[body.kind].states}[self].{made.kinds[body.kind].armed[timer]} := false;"]
        case Let():
            of = statement.local.type
            place = body.declare(statement.local.name, of)
            lines = store(place, of, value(statement.value, scope), body)
            body.locals[statement.local.identity] = at_place(place, of)
            return lines
        case For():
            return _for(statement, body)
        case Call():
            return _call(statement, body)
        case Pass():
            return []
        case Assert():
            condition = code(statement.condition, scope)
            if condition == TRUE:
                return []
            lines = [f"if !{condition.tight()} then", f"  {failure('the assertion is false', statement.span)}"]
            return [*lines, "end;"]
        case Unreachable():
            return [failure("this place is reached", statement.span)]


# Storing -------------------------------------------------------------------------------------------------------------


def store(place: str, of: Type, what: ValueCode, body: Body) -> list[str]:
    """Stores a value that does not depend on what the place held, but for the same entry."""
    match of:
        case OptionType():
            option = OptionCode(TRUE, what) if isinstance(what, Code) else what
            assert isinstance(option, OptionCode)
            if option.some == TRUE:
                return [f"{place} := {option.value.text};"]
            if option.some == FALSE:
                return [f"undefine {place};"]
            some = [f"if {option.some.text} then", f"  {place} := {option.value.text};"]
            return [*some, "else", f"  undefine {place};", "end;"]
        case SetType(ProcessType(kind)):
            assert isinstance(what, SetCode)
            if what.place is not None:
                return [f"{place} := {what.place};"]
            name = body.names.within().new(kind[:1])
            contains = what.contains(Code(name))
            loop = f"for {name}: {body.made.kinds[kind].type} do"
            return [loop, f"  {place}[{name}] := {contains.text};", "end;"]
        case MapType(ProcessType(kind), inner):
            assert isinstance(what, MapCode)
            name = body.names.new(kind[:1])
            entry = store(f"{place}[{name}]", inner, what.entry(Code(name)), body)
            return [f"for {name}: {body.made.kinds[kind].type} do", *indented(entry), "end;"]
        case _:
            assert isinstance(what, Code)
            return [f"{place} := {what.text};"]


def range_check(given: Code | OptionCode, of: Type, interval: tuple[int, int], reason: str, span: Span) -> list[str]:
    """Fails where a number does not fit a type, if it may not fit."""
    inner = number_in(of)
    if not outside(interval, inner):
        return []
    option = OptionCode(TRUE, given) if isinstance(given, Code) else given
    if option.some == FALSE:
        return []
    number = option.value.tight()
    wrong = f"{number} < 0"
    if isinstance(inner, IntType):
        wrong = f"{number} < {inner.low} | {number} > {inner.high}"
    if option.some != TRUE:
        wrong = f"{option.some.tight()} & ({wrong})"
    return [f"if {wrong} then", f"  {failure(reason, span)}", "end;"]


def _assign(statement: Assign, body: Body) -> list[str]:
    made = body.made
    protocol = made.instance.protocol
    declared = protocol.kind(body.kind).variable(statement.variable).type
    stored: Type = declared
    if isinstance(declared, MapType) and not (statement.key is None and isinstance(statement.value.type, MapType)):
        stored = declared.value
    place = f"{made.kinds[body.kind].states}[self].{made.kinds[body.kind].fields[statement.variable]}"
    lines: list[str] = []
    if statement.key is not None:
        place = f"{place}[{_key(statement, stored, lines, body)}]"
    if isinstance(stored, SetType) and (statement.key is not None or not isinstance(declared, MapType)):
        return lines + _assign_set(statement, stored, place, body)
    written = inlined(statement.value, protocol)
    what = value(statement.value, body.scope)
    given = made.ranges.assigned.get((body.kind, statement), (0, 0))
    if isinstance(what, Code | OptionCode):
        reason = f"{statement.variable} is out of its range"
        lines += range_check(what, stored, given, reason, statement.span)
    if stored is not declared and statement.key is None:
        # One value for every key: it must not change while it is stored.
        if mentions(written, statement.variable):
            copy = body.declare(f"new_{statement.variable}", stored)
            lines += store(copy, stored, what, body)
            what = at_place(copy, stored)
        assert isinstance(declared, MapType)
        name = body.names.new(declared.key.kind[:1])
        entry = store(f"{place}[{name}]", stored, what, body)
        return [*lines, f"for {name}: {made.kinds[declared.key.kind].type} do", *indented(entry), "end;"]
    return lines + store(place, stored, what, body)


def _key(statement: Assign, stored: Type, lines: list[str], body: Body) -> str:
    """The text of a map's key; put aside first where storing a set at it could change it."""
    assert statement.key is not None
    key = code(statement.key, body.scope)
    if isinstance(stored, SetType) and mentions(
        inlined(statement.key, body.made.instance.protocol), statement.variable
    ):
        copy = body.declare("key", ProcessType(kind_of(statement.key.type)))
        lines.append(f"{copy} := {key.text};")
        return copy
    return key.text


def _assign_set(statement: Assign, of: SetType, place: str, body: Body) -> list[str]:
    protocol = body.made.instance.protocol
    own: Expression = Read(Self(ProcessType(body.kind)), statement.variable, of)
    if statement.key is not None:
        held = protocol.kind(body.kind).variable(statement.variable).type
        own = Entry(Read(Self(ProcessType(body.kind)), statement.variable, held), statement.key, of)
    match statement.value:
        case SetOperation(operator=operator, left=left, right=SetOf(elements=(element,))) if left == own:
            if operator is not SetOperator.INTERSECTION:
                held_now = "true" if operator is SetOperator.UNION else "false"
                return [f"{place}[{code(element, body.scope).text}] := {held_now};"]
        case _:
            pass
    written = inlined(statement.value, protocol)
    what = members(statement.value, body.scope)
    if what.place is None and not _entry_by_entry(written, statement.variable, own):
        copy = body.declare(f"new_{statement.variable}", of)
        lines = store(copy, of, what, body)
        return [*lines, f"{place} := {copy};"]
    return store(place, of, what, body)


def _entry_by_entry(written: Expression, variable: str, own: Expression) -> bool:
    """Whether a process's being in the new set depends, of the old one, on its being in that alone."""
    if written == own:
        return True
    if isinstance(written, SetOperation):
        return _entry_by_entry(written.left, variable, own) and _entry_by_entry(written.right, variable, own)
    return not mentions(written, variable)


# Loops and calls -----------------------------------------------------------------------------------------------------


def _for(statement: For, body: Body) -> list[str]:
    made = body.made
    kind = kind_of(statement.domain.type)
    domain = members(statement.domain, body.scope)
    lines: list[str] = []
    written = inlined(statement.domain, made.instance.protocol)
    if any(isinstance(part, Read) for part in walk(written)) and _may_assign(statement.body, written):
        # The loop goes over the set as it was at its beginning.
        copy = body.declare("domain", statement.domain.type)
        lines += store(copy, statement.domain.type, domain, body)
        domain = members_at(copy, statement.domain.type)
    name = body.names.new(statement.variable.name)
    body.locals[statement.variable.identity] = Code(name)
    inner = statements(statement.body, body)
    contains = domain.contains(Code(name))
    if contains != TRUE:
        inner = [f"if {contains.text} then", *indented(inner), "end;"]
    return [*lines, f"for {name}: {made.kinds[kind].type} do", *indented(inner), "end;"]


def members_at(place: str, of: Type) -> SetCode:
    """The set that a Murphi variable holds."""
    found = at_place(place, of)
    assert isinstance(found, SetCode)
    return found


def _may_assign(these: tuple[Statement, ...], read: Expression) -> bool:
    for statement in these:
        match statement:
            case Assign():
                if mentions(read, statement.variable):
                    return True
            case If():
                if any(_may_assign(arm.body, read) for arm in statement.arms):
                    return True
            case For():
                if _may_assign(statement.body, read):
                    return True
            case Call():
                return True
            case _:
                pass
    return False


def _call(statement: Call, body: Body) -> list[str]:
    made = body.made
    procedure = made.instance.protocol.procedure(statement.procedure)
    lines: list[str] = []
    arguments = ["self"]
    for parameter, argument in zip(procedure.parameters, statement.arguments, strict=True):
        given = value(argument, body.scope)
        if isinstance(given, Code | OptionCode):
            interval = made.ranges.passed.get((procedure.name, parameter.identity), (0, 0))
            reason = f"{parameter.name} is out of its range"
            lines += range_check(given, parameter.type, interval, reason, statement.span)
        arguments.append(argument_text(parameter.type, given, parameter.name, lines, body))
    return [*lines, f"{made.procedures[procedure.name]}({', '.join(arguments)});"]


def argument_text(of: Type, given: ValueCode, wanted: str, lines: list[str], body: Body) -> str:
    """A value to hand to a procedure. What is no scalar is put into a variable of its own first: a procedure must
    not see its argument change, and Murphi hands over variables only."""
    if is_scalar(of):
        assert isinstance(given, Code | OptionCode)
        return given.value.text if isinstance(given, OptionCode) else given.text
    copy = body.declare(wanted, of)
    lines += store(copy, of, given, body)
    return copy


def parameter_list(parameters: list[tuple[str, Type]], body: Body) -> list[str]:
    """The parameters of a procedure as Murphi declares them; what is no scalar goes by reference."""
    return [f"{'' if is_scalar(of) else 'var '}{name}: {stored_type(of, None, body.made)}" for name, of in parameters]


def procedure_text(
    name: str, kind: str, parameters: tuple[Local, ...], these: tuple[Statement, ...], made: Tables
) -> str:
    """A procedure of the language."""
    body = Body(made, kind, made.names.within())
    named = []
    for parameter in parameters:
        called = body.names.new(parameter.name)
        named.append((called, parameter.type))
        body.locals[parameter.identity] = at_place(called, parameter.type)
    header = "; ".join([f"self: {made.kinds[kind].type}", *parameter_list(named, body)])
    return body_text(f"procedure {name}({header});", body, statements(these, body))


# Sending -------------------------------------------------------------------------------------------------------------


def _send(statement: Send, body: Body) -> list[str]:
    receiver = value(statement.receiver, body.scope)
    option = OptionCode(TRUE, receiver) if isinstance(receiver, Code) else receiver
    assert isinstance(option, OptionCode)
    if option.some == FALSE:
        return []
    lines: list[str] = []
    arguments = _message_arguments(statement.message, statement.arguments, lines, body)
    call = f"{body.made.senders[statement.message]}({', '.join(['self', option.value.text, *arguments])});"
    if option.some == TRUE:
        return [*lines, call]
    return [*lines, f"if {option.some.text} then", f"  {call}", "end;"]


def _broadcast(statement: Broadcast, body: Body) -> list[str]:
    made = body.made
    receiver = made.instance.protocol.message(statement.message).receiver
    to_own_kind = receiver == body.kind
    if to_own_kind and made.instance.size(receiver) == 1:
        return []
    lines: list[str] = []
    arguments = _message_arguments(statement.message, statement.arguments, lines, body)
    sender = made.senders[statement.message]
    if statement.message in made.broadcast_only:
        return [*lines, f"{sender}({', '.join(['self', *arguments])});"]
    name = body.names.new("receiver")
    call = f"{sender}({', '.join(['self', name, *arguments])});"
    inner = [f"if {name} != self then", f"  {call}", "end;"] if to_own_kind else [call]
    return [*lines, f"for {name}: {made.kinds[receiver].type} do", *indented(inner), "end;"]


def _message_arguments(message: str, given: tuple[Expression, ...], lines: list[str], body: Body) -> list[str]:
    declared = body.made.instance.protocol.message(message)
    return [
        argument_text(of, value(argument, body.scope), name, lines, body)
        for argument, (name, of) in zip(given, declared.parameters, strict=True)
    ]


def quoted(span: Span, made: Tables) -> str:
    """Comment lines with the spec's own text."""
    return "".join(f"-- {line}".rstrip() + "\n" for line in quote(made.instance.protocol.source, span))
