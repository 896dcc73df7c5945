"""Types of statements: what handlers and procedures do."""

from __future__ import annotations

from dataclasses import dataclass

from spec import syntax
from spec.definitions import children, parts
from spec.expressions import condition_of, count, each, of_set, typed, value_for
from spec.names import Names, Place, Reported, bind
from spec.protocol import (
    Arm,
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
    Message,
    Pass,
    Read,
    Reset,
    Send,
    Statement,
    Stop,
    Unreachable,
)
from spec.source import Span
from spec.types import MapType, OptionType, ProcessType, SetType


@dataclass(frozen=True)
class Body:
    """What was made of a block; `ok` is False where something in it is wrong (and has been reported)."""

    statements: tuple[Statement, ...]
    ok: bool


def body_of(written: tuple[syntax.Statement, ...], place: Place, names: Names) -> Body:
    """The statements of a handler, a procedure or an arm; each is looked at, whatever is wrong with the others."""
    made: list[Statement] = []
    ok = True
    for position, statement in enumerate(written):
        try:
            found = _statement(statement, place, names)
        except Reported:
            ok = False
            if isinstance(statement, syntax.LetStatement):
                place = place.without(statement.name.text)
            continue
        made.append(found)
        if isinstance(found, Let):
            place = place.with_local(found.local)
        if isinstance(found, Unreachable) and position + 1 < len(written):
            names.report(
                "E0406", "nothing runs after `unreachable`", written[position + 1].span, "this is never reached"
            )
            ok = False
    return Body(tuple(made), ok)


def _statement(written: syntax.Statement, place: Place, names: Names) -> Statement:
    assert place.kind is not None
    span = written.span
    match written:
        case syntax.AssignStatement():
            return _assignment(written, place, names)
        case syntax.IfStatement(arms, _):
            return _if(arms, span, place, names)
        case syntax.SendStatement(word, arguments, receiver, _):
            message = _sent(word, place, names)
            values = _arguments(message, arguments, span, place, names)
            to = typed(receiver, place, names, OptionType(ProcessType(message.receiver)))
            inner = to.type.of if isinstance(to.type, OptionType) else to.type
            if inner != ProcessType(message.receiver):
                shown = f"expected a `{message.receiver}`"
                help = "send to each of them in a `for`" if isinstance(to.type, SetType) else ""
                raise names.report("E0304", f"this is `{to.type}`", receiver.span, shown, help)
            return Send(message.name, values, to, span)
        case syntax.BroadcastStatement(word, arguments, _):
            message = _sent(word, place, names)
            return Broadcast(message.name, _arguments(message, arguments, span, place, names), span)
        case syntax.TimerStatement(verb, timer, _):
            timers = [t.name for t in names.kinds[place.kind].timers]
            if timer.text not in timers:
                raise names.unknown("E0214", "timer", timer, timers, place.kind)
            if verb == "stop":
                return Stop(timer.text, span)
            return Reset(timer.text, span, _since(written, timers, place.kind, names))
        case syntax.LetStatement(word, value, _):
            found = typed(value, place, names)
            return Let(bind(word, found.type, place, names), found, span)
        case syntax.ForStatement():
            return _for(written, place, names)
        case syntax.WhileStatement(condition, _, _):
            raise names.report(
                "E0403",
                "a `while` may run for ever, and a step must end",
                Span(span.line, span.column, condition.span.end_line, condition.span.end_column),
                "no loops without a bound",
                "`for n in SET:` goes through the processes of a set; what takes several steps is several handlers",
            )
        case syntax.CallStatement(word, arguments, _):
            return _procedure_call(word, arguments, span, place, names)
        case syntax.PassStatement():
            return Pass(span)
        case syntax.AssertStatement(condition, _):
            return Assert(condition_of(condition, place, names), span)
        case syntax.UnreachableStatement():
            return Unreachable(span)


def _since(written: syntax.TimerStatement, timers: list[str], kind: str, names: Names) -> str | None:
    word = written.since
    if word is None:
        return None
    if word.text not in timers:
        raise names.unknown("E0214", "timer", word, timers, kind)
    if word.text == written.timer.text:
        raise names.report("E0216", f"`{word}` since itself goes on as it is", word.span, "expected another timer")
    if not names.timed:
        raise names.asks_for_time("since", word.span)
    return word.text


def _assignment(written: syntax.AssignStatement, place: Place, names: Names) -> Assign:
    assert place.kind is not None
    word = written.target
    variables = {v.name: v for v in names.kinds[place.kind].variables}
    if word.text not in variables:
        if word.text in names.broken:
            raise Reported()
        if word.text in place.locals:
            raise names.report(
                "E0312",
                f"`{word}` is not a variable",
                word.span,
                "it cannot be assigned",
                "a local name keeps its value",
            )
        if any(timer.name == word.text for timer in names.kinds[place.kind].timers):
            raise names.report("E0305", f"`{word}` is a timer", word.span, "here", f"`reset {word}` or `stop {word}`")
        raise names.unknown("E0201", "variable", word, variables, place.kind)
    variable = variables[word.text]
    if written.key is None:
        if isinstance(variable.type, MapType):
            value = typed(written.value, place, names, variable.type.value)
            if value.type != variable.type:
                value = value_for(written.value, variable.type.value, place, names)
            return Assign(variable.name, None, value, written.span)
        return Assign(variable.name, None, value_for(written.value, variable.type, place, names), written.span)
    if not isinstance(variable.type, MapType):
        raise names.report("E0304", f"`{word}` is `{variable.type}`", word.span, "expected a map before `[`")
    of = variable.type
    key = written.key
    at, value = each(
        [lambda: value_for(key, of.key, place, names), lambda: value_for(written.value, of.value, place, names)]
    )
    return Assign(variable.name, at, value, written.span)


def _if(arms: tuple[syntax.ConditionalArm, ...], span: Span, place: Place, names: Names) -> If:
    made: list[Arm] = []
    ok = True
    for arm in arms:
        condition: Expression | None = None
        try:
            condition = condition_of(arm.condition, place, names) if arm.condition is not None else None
        except Reported:
            ok = False
        impossible = bool(arm.body) and isinstance(arm.body[0], syntax.UnreachableStatement)
        point = names.point(arm.span, impossible)
        body = body_of(arm.body, place, names)
        ok = ok and body.ok
        made.append(Arm(condition, body.statements, point, arm.span))
    if not ok:
        raise Reported()
    return If(tuple(made), span)


def _sent(word: syntax.Word, place: Place, names: Names) -> Message:
    if word.text not in names.messages:
        if word.text in names.broken:
            raise Reported()
        raise names.unknown("E0404", "message", word, names.messages)
    message = names.messages[word.text]
    if message.sender != place.kind:
        raise names.report(
            "E0407", f"`{word}` is sent by `{message.sender}`, and this is `{place.kind}`", word.span, "not its message"
        )
    return message


def _arguments(
    message: Message, written: tuple[syntax.Expression, ...], span: Span, place: Place, names: Names
) -> tuple[Expression, ...]:
    count(written, len(message.parameters), span, message.name, names)
    pairs = zip(written, message.parameters, strict=True)
    return tuple(each([lambda w=w, of=of: value_for(w, of, place, names) for w, (_, of) in pairs]))  # type: ignore[misc]


def _procedure_call(
    word: syntax.Word, arguments: tuple[syntax.Expression, ...], span: Span, place: Place, names: Names
) -> Call:
    if word.text not in names.procedures:
        if word.text in names.broken:
            raise Reported()
        if word.text in names.messages:
            raise names.report(
                "E0308",
                f"`{word}` is a message",
                word.span,
                "",
                f"`send {word}(...) to ...` or `broadcast {word}(...)`",
            )
        raise names.unknown("E0215", "procedure", word, names.procedures)
    _, kind, parameters = names.procedures[word.text]
    if kind != place.kind:
        raise names.report("E0407", f"`{word}` is a procedure of `{kind}`", word.span, f"and this is `{place.kind}`")
    count(arguments, len(parameters), span, word.text, names)
    pairs = zip(arguments, parameters, strict=True)
    values = each([lambda w=w, p=p: value_for(w, p.type, place, names) for w, p in pairs])  # type: ignore[misc]
    return Call(word.text, tuple(values), span)


# Loops ---------------------------------------------------------------------------------------------------------------


def _for(written: syntax.ForStatement, place: Place, names: Names) -> For:
    domain = of_set(written.domain, place, names)
    assert isinstance(domain.type, SetType)
    variable = bind(written.variable, domain.type.of, place, names)
    body = body_of(written.body, place.with_local(variable), names)
    if not body.ok:
        raise Reported()
    written_maps = {s.variable for s in all_statements(body.statements) if isinstance(s, Assign)}
    for statement in all_statements(body.statements):
        _order_independent(statement, variable, written_maps, names)
    return For(variable, domain, body.statements, written.span)


def _order_independent(statement: Statement, variable: Local, written: set[str], names: Names) -> None:
    """Refuses what would let the order show in which a `for` goes through its set. Raises Reported."""

    def refuse(what: str) -> Reported:
        return names.report(
            "E0408",
            "the order of a `for` must not show",
            statement.span,
            what,
            f"its body may send to `{variable.name}` and set map entries at `{variable.name}`",
        )

    match statement:
        case Assign(_, key, _):
            if key is None or not _is(key, variable):
                raise refuse(f"this does not only set an entry at `{variable.name}`")
        case Send(_, _, receiver):
            if not _is(receiver, variable):
                raise refuse(f"this is not sent to `{variable.name}`")
        case If() | Pass() | Assert() | Unreachable():
            pass
        case _:
            raise refuse("this may depend on the order")
    for expression in expressions_of(statement):
        for part in _reads_beside(expression, variable, names):
            if part.variable in written:
                raise refuse(f"this reads `{part.variable}`, which the loop changes")


def _is(expression: Expression, variable: Local) -> bool:
    return isinstance(expression, Local) and expression.identity == variable.identity


def _reads_beside(expression: Expression, variable: Local, names: Names) -> list[Read]:
    """The variables read, but for entries at the loop's own element."""
    if isinstance(expression, Entry) and _is(expression.key, variable):
        return []
    if isinstance(expression, Read):
        return [expression]
    found = [read for child in children(expression) for read in _reads_beside(child, variable, names)]
    inside = (
        [part for part in parts(expression, names) if isinstance(part, Read)]
        if hasattr(expression, "definition")
        else []
    )
    return found + inside


def all_statements(statements: tuple[Statement, ...]) -> list[Statement]:
    found: list[Statement] = []
    for statement in statements:
        found.append(statement)
        if isinstance(statement, If):
            for arm in statement.arms:
                found += all_statements(arm.body)
        if isinstance(statement, For):
            found += all_statements(statement.body)
    return found


def expressions_of(statement: Statement) -> list[Expression]:
    """The expressions right within a statement."""
    match statement:
        case Assign(_, key, value):
            return [value] if key is None else [key, value]
        case If(arms):
            return [arm.condition for arm in arms if arm.condition is not None]
        case Send(_, arguments, receiver):
            return [*arguments, receiver]
        case Broadcast(_, arguments) | Call(_, arguments):
            return list(arguments)
        case Let(_, value):
            return [value]
        case For(_, domain, _):
            return [domain]
        case Assert(condition):
            return [condition]
        case _:
            return []
