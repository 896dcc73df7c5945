"""From the syntax tree to the typed `Protocol`: names, types, and what a protocol must have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from spec import syntax
from spec.clock_limits import Untimed
from spec.clocks import AGE, hidden_variables, with_clocks
from spec.definitions import checked_definition, majority, within
from spec.diagnostics import Diagnostic, SpecError
from spec.expressions import condition_of, counted, typed
from spec.lint import problems_of_structure, warnings_about
from spec.lint_writes import WRITES_FOLLOW_TOKENS
from spec.names import (
    STANDARD_PROPERTIES,
    Names,
    Place,
    Reported,
    bind,
    collect_kind,
    enumeration,
    free,
    type_of,
)
from spec.parser import parse
from spec.protocol import (
    Compare,
    Comparison,
    Confirmation,
    Event,
    Handler,
    Leader,
    Message,
    Next,
    OnAction,
    OnInput,
    OnMessage,
    OnStart,
    OnTimeout,
    Procedure,
    Property,
    PropertyKind,
    Protocol,
    Read,
    Self,
    Timer,
    Variable,
)
from spec.settings import checks_of, fairness_of, fault_named, faults_of, network_of
from spec.source import Source, Span
from spec.statements import body_of
from spec.timing import CLOCK_WORDS, timing_of
from spec.types import BOOL, NAT, MapType, NatType, ProcessType, SetType, is_number

Item = TypeVar("Item", bound=syntax.Item)
Made = TypeVar("Made")


def load(path: Path | str) -> tuple[Protocol, tuple[Diagnostic, ...]]:
    """The protocol of a file, and the warnings about it.

    Raises SpecError for a spec that is wrong, OSError for a file that cannot be read and UnicodeDecodeError for one
    that is no text.
    """
    return check(Source(str(path), Path(path).read_text(encoding="utf-8-sig")))


def check(source: Source) -> tuple[Protocol, tuple[Diagnostic, ...]]:
    """The protocol of a text, and the warnings about it. Raises SpecError with all errors found."""
    return check_file(parse(source))


def check_file(file: syntax.File) -> tuple[Protocol, tuple[Diagnostic, ...]]:
    """The protocol of a syntax tree, and the warnings about it. Raises SpecError with all errors found."""
    names = Names(file.source, timed=bool(_items(file, syntax.TimedItem)))
    name, description = _title(file, names)
    _collect_kinds(file, names)
    _collect_messages(file, names)
    _collect_definitions(file, names)
    _collect_procedures(file, names)
    for item in _items(file, syntax.DefinitionItem):
        _attempt(lambda item=item: checked_definition(item.name, names))  # type: ignore[misc]
    handlers = tuple(_gather(file, syntax.HandlerItem, _handler, names))
    procedures = tuple(_gather(file, syntax.ProcedureItem, _procedure, names))
    names.leading = _leading(file, names)
    leaders = _gather(file, syntax.LeaderItem, _leader, names)
    _only_one(file, syntax.LeaderItem, "leader", names)
    properties = tuple(_gather(file, syntax.PropertyItem, _property, names))
    properties += tuple(_gather(file, syntax.WritesItem, _writes, names))
    _only_one(file, syntax.WritesItem, "writes", names)
    _distinct([(p.name, p.span) for p in properties], "property", names)
    protocol = Protocol(
        name=name,
        description=description,
        source=file.source,
        types=tuple(enum for enum in names.enums.values()),
        kinds=tuple(names.kinds.values()),
        messages=tuple(names.messages.values()),
        definitions=tuple(names.definitions.values()),
        procedures=procedures,
        handlers=handlers,
        leader=leaders[0] if leaders else None,
        properties=properties,
        checks=checks_of(file, names),
        network=network_of(file, names),
        faults=faults_of(file, names),
        timing=timing_of(file, names),
        points=tuple(names.points),
        fairness=fairness_of(file, names, handlers),
    )
    if not names.problems:
        names.problems.extend(problems_of_structure(protocol))
        names.problems.extend(_problems_of_time(protocol))
    if names.problems:
        raise SpecError(file.source, tuple(sorted(dict.fromkeys(names.problems), key=lambda p: p.span)))
    return protocol, tuple(sorted(warnings_about(protocol), key=lambda p: p.span))


def _problems_of_time(protocol: Protocol) -> tuple[Diagnostic, ...]:
    if protocol.timing is None:
        return ()
    meant = "a count of time goes by this name"
    hidden = {name for kind in protocol.kinds for name in hidden_variables(kind)}
    taken = [
        Diagnostic("E0209", f"`{variable.name}` means something else where there is time", variable.span, meant)
        for kind in protocol.kinds
        for variable in kind.variables
        if variable.name in hidden
    ]
    taken += [
        Diagnostic("E0209", f"`{timer.name}` means something else where there is time", timer.span, "a word of `timed`")
        for kind in protocol.kinds
        for timer in kind.timers
        if timer.name in CLOCK_WORDS
    ]
    what = f"the message `{{}}` carries `{AGE}`, which means something else where there is time"
    taken += [
        Diagnostic("E0209", what.format(message.name), message.span, "how long it has been under way goes by this name")
        for message in protocol.messages
        if any(name == AGE for name, _ in message.parameters)
    ]
    try:
        with_clocks(protocol, protocol.faults)
    except Untimed as untimed:
        return (*taken, untimed.problem)
    return tuple(taken)


# Helpers -------------------------------------------------------------------------------------------------------------


def _items(file: syntax.File, kind: type[Item]) -> list[Item]:
    return [item for item in file.items if isinstance(item, kind)]


def _attempt(make: Callable[[], Made]) -> Made | None:
    try:
        return make()
    except Reported:
        return None


def _gather(file: syntax.File, kind: type[Item], make: Callable[[Item, Names], Made], names: Names) -> list[Made]:
    """What is made of each item of a kind; what is wrong has been reported and is left out."""
    made = (_attempt(lambda item=item: make(item, names)) for item in _items(file, kind))  # type: ignore[misc]
    return [one for one in made if one is not None]


def _only_one(file: syntax.File, kind: type[Item], what: str, names: Names) -> None:
    for again in _items(file, kind)[1:]:
        names.report("E0209", f"`{what}` stands here a second time", again.span, "expected once")


def _distinct(found: list[tuple[str, Span]], what: str, names: Names) -> None:
    seen: dict[str, Span] = {}
    for name, span in found:
        if name in seen:
            names.report(
                "E0209", f"there are two of the {what} `{name}`", span, f"the first is on line {seen[name].line}"
            )
        seen.setdefault(name, span)


# Declarations --------------------------------------------------------------------------------------------------------


def _title(file: syntax.File, names: Names) -> tuple[str, str]:
    titles = _items(file, syntax.ProtocolItem)
    _only_one(file, syntax.ProtocolItem, "protocol", names)
    if not titles:
        at = file.items[0].span if file.items else Span(1, 1, 1, 2)
        here = Span(at.line, at.column, at.line, at.column + 1)
        names.report("E0107", "a spec begins with its name", here, "expected `protocol NAME`")
    elif file.items[0] is not titles[0]:
        names.report("E0107", "`protocol` comes first", titles[0].span, "expected at the beginning of the file")
    texts = _items(file, syntax.DescriptionItem)
    for extra in texts[1:]:
        names.report("E0209", "a second description", extra.span, "expected once, right after `protocol`")
    return titles[0].name.text if titles else "", texts[0].text if texts else ""


def _collect_kinds(file: syntax.File, names: Names) -> None:
    kinds = _items(file, syntax.ProcessItem)
    _distinct([(item.name.text, item.name.span) for item in kinds], "kind of process", names)
    for item in kinds:
        _attempt(lambda item=item: free(item.name, names))  # type: ignore[misc]
        names.ordered[item.name.text] = item.ordered
    if not kinds:
        end = max(len(file.source.lines), 1)
        names.report("E0110", "there is no process", Span(end, 1, end, 2), "expected `process NAME:` somewhere")
    for declared in _items(file, syntax.TypeItem):
        try:
            if declared.name.text in names.enums or declared.name.text in names.ordered:
                raise names.report("E0209", f"`{declared.name}` is declared twice", declared.name.span, "a second time")
            names.enums[declared.name.text] = enumeration(declared.name.text, declared.values, declared.span, names)
        except Reported:
            names.broken |= {declared.name.text, *(value.text for value in declared.values)}
    for item in kinds:
        collect_kind(item, names)
    for kind in names.kinds.values():
        declared_here: list[Variable | Timer] = [*kind.variables, *kind.timers]
        for place in declared_here:
            if place.name in names.values:
                names.report(
                    "E0209",
                    f"`{place.name}` is also a value of `{names.values[place.name]}`",
                    place.span,
                    "a second meaning",
                )


def _collect_messages(file: syntax.File, names: Names) -> None:
    for item in _items(file, syntax.MessageItem):
        try:
            free(item.name, names)
            if item.name.text in names.messages:
                raise names.report("E0209", f"`{item.name}` is declared twice", item.name.span, "a second time")
            sender = names.kind_at(item.sender, item.name.span, "message (`from KIND to KIND`)")
            receiver = names.kind_at(item.receiver, item.name.span, "message (`from KIND to KIND`)")
            parameters = []
            for parameter in item.parameters:
                of = type_of(parameter.type, names)
                if isinstance(of, MapType):
                    raise names.report(
                        "E0206", "a map in a message", parameter.type.span, "expected a type without map"
                    )
                parameters.append((parameter.name.text, of))
            _distinct([(p.name.text, p.name.span) for p in item.parameters], "parameter", names)
            names.messages[item.name.text] = Message(
                item.name.text, tuple(parameters), sender, receiver, item.name.span
            )
        except Reported:
            names.broken.add(item.name.text)


def _collect_definitions(file: syntax.File, names: Names) -> None:
    for item in _items(file, syntax.DefinitionItem):
        try:
            if item.name.text != "quorum":
                free(item.name, names)
            if item.name.text in names.definition_items:
                raise names.report("E0209", f"`{item.name}` is defined twice", item.name.span, "a second time")
            names.definition_items[item.name.text] = item
        except Reported:
            names.broken.add(item.name.text)
    quorum = names.definition_items.get("quorum")
    if quorum is not None:
        try:
            definition = checked_definition(quorum.name, names)
        except Reported:
            return
        shape = [p.type for p in definition.parameters]
        if len(shape) != 1 or not isinstance(shape[0], SetType) or definition.body.type != BOOL or definition.kind:
            names.report(
                "E0313",
                "a quorum is a property of a set of processes alone",
                quorum.name.span,
                "expected `define quorum(s: set of KIND): CONDITION`, reading no variables",
            )


def _collect_procedures(file: syntax.File, names: Names) -> None:
    for item in _items(file, syntax.ProcedureItem):
        try:
            free(item.name, names)
            if item.name.text in names.procedures:
                raise names.report("E0209", f"`{item.name}` is declared twice", item.name.span, "a second time")
            kind = names.kind_at(item.kind, item.name.span, "procedure")
            place = Place(kind, {})
            for parameter in item.parameters:
                local = bind(parameter.name, type_of(parameter.type, names), place, names)
                place = place.with_local(local)
            parameters = tuple(local for local in place.locals.values() if local is not None)
            names.procedures[item.name.text] = (item, kind, parameters)
        except Reported:
            names.broken.add(item.name.text)


def _procedure(item: syntax.ProcedureItem, names: Names) -> Procedure:
    if item.name.text not in names.procedures or names.procedures[item.name.text][0] is not item:
        raise Reported()
    _, kind, parameters = names.procedures[item.name.text]
    place = Place(kind, {local.name: local for local in parameters})
    body = body_of(item.body, place, names)
    if not body.ok:
        raise Reported()
    return Procedure(item.name.text, kind, parameters, body.statements, item.name.span)


# Handlers ------------------------------------------------------------------------------------------------------------


def _handler(item: syntax.HandlerItem, names: Names) -> Handler:
    kind, event, place = _event(item, names)
    guard = None
    broken = False
    try:
        guard = condition_of(item.guard, place, names) if item.guard is not None else None
    except Reported:
        broken = True
    impossible = bool(item.body) and isinstance(item.body[0], syntax.UnreachableStatement)
    point = names.point(item.head, impossible)
    body = body_of(item.body, place, names)
    if broken or not body.ok:
        raise Reported()
    return Handler(kind, event, guard, body.statements, point, item.head)


def _event(item: syntax.HandlerItem, names: Names) -> tuple[str, Event, Place]:
    match item.event:
        case "start":
            kind = names.kind_at(item.kind, item.head, "handler")
            return kind, OnStart(), Place(kind, {})
        case "timeout":
            assert item.name is not None
            owners = [k.name for k in names.kinds.values() if any(t.name == item.name.text for t in k.timers)]
            if item.kind is not None:
                owners = [kind for kind in owners if kind == names.kind_named(item.kind)]
            if not owners:
                raise names.unknown(
                    "E0214", "timer", item.name, [t.name for k in names.kinds.values() for t in k.timers]
                )
            if len(owners) > 1:
                raise names.report("E0203", "which kind's timer is this?", item.name.span, "", f"`at {owners[0]}`")
            return owners[0], OnTimeout(item.name.text), Place(owners[0], {})
        case "message":
            assert item.name is not None and item.sender is not None
            if item.name.text in names.broken:
                raise Reported()
            if item.name.text not in names.messages:
                raise names.unknown("E0404", "message", item.name, names.messages)
            return _message_event(item, item.name, item.sender, names)
        case "action":
            assert item.name is not None
            kind = names.kind_at(item.kind, item.name.span, "action")
            return kind, OnAction(item.name.text), Place(kind, {})
        case _:
            assert item.name is not None
            return _input_event(item, item.name, names)


def _message_event(
    item: syntax.HandlerItem, name: syntax.Word, sender: syntax.Word, names: Names
) -> tuple[str, Event, Place]:
    message = names.messages[name.text]
    if len(item.parameters) != len(message.parameters):
        wanted = ", ".join(parameter for parameter, _ in message.parameters)
        raise names.report(
            "E0311",
            f"`{name}` carries {counted(len(message.parameters))}, not {len(item.parameters)}",
            item.head,
            f"expected `{name}({wanted})`",
        )
    place = Place(message.receiver, {})
    locals = []
    for word, (_, of) in zip(item.parameters, message.parameters, strict=True):
        assert isinstance(word, syntax.Word)
        locals.append(bind(word, of, place, names))
        place = place.with_local(locals[-1])
    origin = bind(sender, ProcessType(message.sender), place, names)
    return message.receiver, OnMessage(name.text, tuple(locals), origin), place.with_local(origin)


def _input_event(item: syntax.HandlerItem, name: syntax.Word, names: Names) -> tuple[str, Event, Place]:
    kind = names.kind_at(item.kind, name.span, "input")
    place = Place(kind, {})
    locals = []
    for parameter in item.parameters:
        assert isinstance(parameter, syntax.Parameter)
        of = type_of(parameter.type, names)
        if isinstance(of, NatType | MapType | SetType) or getattr(of, "of", None) == NAT:
            raise names.report(
                "E0314",
                f"an input's `{of}` may be one of too many values",
                parameter.type.span,
                "expected a small finite type",
                "for a number: `int 0..3`",
            )
        locals.append(bind(parameter.name, of, place, names))
        place = place.with_local(locals[-1])
    return kind, OnInput(name.text, tuple(locals)), place


# Leader and properties -----------------------------------------------------------------------------------------------


def _leader(item: syntax.LeaderItem, names: Names) -> Leader:
    kind = names.kind_at(item.kind, item.condition.span, "leader")
    own = Place(kind, {})
    condition = condition_of(item.condition, own, names)
    token = typed(item.token, own, names)
    if not isinstance(token.type, NatType):
        help = "it may go below 0" if is_number(token.type) else "tokens are compared by storage: a later one is larger"
        raise names.report("E0304", f"the token is `{token.type}`", item.token.span, "expected `nat`", help)
    elected_by = None
    if item.elected_by is not None:
        elected_by = typed(item.elected_by, Place(kind, {}, others=True), names)
        if not isinstance(elected_by.type, SetType):
            raise names.report(
                "E0304", f"this is `{elected_by.type}`", item.elected_by.span, "expected a set of processes"
            )
        defined = names.definitions.get("quorum")
        if defined is None or defined.parameters[0].type != elected_by.type:
            # Whoever leads has to hold a quorum, also where nothing else in the spec asks what one is.
            majority(elected_by.type.of, names)
    confirmed = None
    if item.confirmed_by is not None:
        message, timer = item.confirmed_by
        if message.text not in names.messages:
            raise names.unknown("E0404", "message", message, names.messages)
        timers = [t.name for t in names.kinds[kind].timers]
        if timer.text not in timers:
            raise names.unknown("E0214", "timer", timer, timers, kind)
        confirmed = Confirmation(message.text, timer.text)
    until = None
    if item.until is not None:
        timers = [t.name for t in names.kinds[kind].timers]
        if item.until.text not in timers:
            raise names.unknown("E0214", "timer", item.until, timers, kind)
        until = item.until.text
    return Leader(kind, condition, token, elected_by, confirmed, item.span, until)


def _writes(item: syntax.WritesItem, names: Names) -> Property:
    """The property that every protocol has whose storage takes writes with tokens."""
    kind = names.kind_at(item.kind, item.variable.span, "storage")
    variables = {variable.name: variable for variable in names.kinds[kind].variables}
    if item.variable.text not in variables:
        raise names.unknown("E0201", "variable", item.variable, variables, kind)
    of = variables[item.variable.text].type
    if not isinstance(of, NatType):
        raise names.report("E0304", f"`{item.variable}` is `{of}`", item.variable.span, "expected `nat`: a token")
    newest = Read(Self(ProcessType(kind), item.span), item.variable.text, of, item.variable.span)
    follows = Compare(Comparison.GREATER_EQUAL, Next(newest, of, item.span), newest, item.span)
    says = "no write with an older token lands after one with a newer token"
    return Property(PropertyKind.STEP, WRITES_FOLLOW_TOKENS, says, kind, follows, None, item.span)


def _leading(file: syntax.File, names: Names) -> str | None:
    """The kind of the first `leader` clause; what is wrong with that is told when the clause itself is checked."""
    for item in _items(file, syntax.LeaderItem):
        if item.kind is not None:
            return item.kind.text if item.kind.text in names.ordered else None
        return names.sole_kind()
    return None


def _property(item: syntax.PropertyItem, names: Names) -> Property:
    free(item.name, names)
    if item.name.text in STANDARD_PROPERTIES:
        raise names.report(
            "E0208", f"`{item.name}` is a property that every protocol has", item.name.span, "choose another name"
        )
    kind = names.kind_named(item.kind) if item.kind else names.sole_kind()
    keyword = PropertyKind(item.keyword)
    whole = keyword in (PropertyKind.SAFETY, PropertyKind.INVARIANT, PropertyKind.REACHABLE)
    place = Place(kind, {}, others=True, steps=keyword is PropertyKind.STEP, observes=True, network=whole)
    expression = condition_of(item.body, place, names)
    then = condition_of(item.then, place, names) if item.then is not None else None
    own = any(isinstance(part, Self) for whole in (expression, then) if whole for part in within(whole))
    about = kind if own else None
    quorum_of = _quorum_of(item.quorum, names) if item.quorum is not None else None
    without = frozenset(fault_named(word, names) for word in item.without)
    span = item.name.span
    return Property(keyword, item.name.text, item.description, about, expression, then, span, quorum_of, without)


def _quorum_of(written: syntax.QuorumPart, names: Names) -> str:
    """The kind of which a quorum stays, where a `recovers` counts on no more than that."""
    kind = names.kind_named(written.kind) if written.kind is not None else names.leading or names.sole_kind()
    if kind is None:
        raise names.report("E0203", "a quorum of which kind?", written.span, "", "say `with a quorum of KIND`")
    majority(ProcessType(kind), names)
    return kind
