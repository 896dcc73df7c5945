"""The actions of a TLA+ export: what each handler and each fault does to the state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from codegen.inline import number_in
from codegen.instance import Instance, alternatives, quote, receptions, slots, timeouts
from codegen.ranges import Ranges
from codegen.tla_effects import NOBODY, Effects, needed_lets, nothing, run
from codegen.tla_expressions import (
    COMPARISON,
    FALSE,
    OTHER,
    TRUE,
    Text,
    TlaNames,
    either,
    lines_of,
    negated,
    text,
)
from spec.protocol import (
    Connected,
    Connective,
    Expression,
    Fault,
    Handler,
    Message,
    OnAction,
    OnInput,
    OnMessage,
    ProcessKind,
)
from spec.source import NOWHERE, Span
from spec.types import BoolType, EnumType, IntType, MapType, NatType, OptionType, ProcessType, SetType, Type

WIDTH = 100
Lines = list[str]
IGNORED = "No guard holds: the timer has fired, and that is all."
SELF, TARGET = Text("self"), Text("l[2]")


@dataclass
class TlaModule:
    """An export in the making. `variables` are the state's, in order; `calls` are the disjuncts of `Next`, by what
    binds their parameters."""

    known: TlaNames
    ranges: Ranges
    variables: list[str] = field(default_factory=list)
    sides: str = ""
    counters: dict[Fault, str] = field(default_factory=dict)
    definitions: list[str] = field(default_factory=list)
    calls: dict[str, list[str]] = field(default_factory=dict)

    @property
    def instance(self) -> Instance:
        return self.known.instance

    @property
    def links(self) -> dict[tuple[str, str], str]:
        return self.known.links

    @property
    def messages(self) -> str:
        return self.known.messages

    @property
    def led(self) -> str:
        return self.known.led


def comment(module: TlaModule, spans: Iterable[Span]) -> str:
    """Comment lines with the spec's own text."""
    source = module.instance.protocol.source
    return "".join(f"\\* {line}".rstrip() + "\n" for span in spans for line in quote(source, span))


def camel(*words: str) -> str:
    """`on`, `request_vote` become OnRequestVote."""
    return "".join(part[:1].upper() + part[1:] for word in words for part in word.split("_"))


def effects_of(module: TlaModule, kind: str, me: Text = SELF) -> Effects:
    """A run of a handler of a process of a kind, before its first statement."""
    return Effects(module.known, module.ranges, kind, me, module.known.names.within(), TARGET)


# Actions -------------------------------------------------------------------------------------------------------------


@dataclass
class Action:
    """One action while it is written. `taken` is where a message has come from, as the link and the key of the queue
    that `rest` is put back to; `changes` are further variables and their next values; `bare` leaves the history and
    the bounds alone."""

    title: str
    parameters: tuple[str, ...]
    guards: list[Text]
    effects: Effects
    spans: tuple[Span, ...] = ()
    taken: tuple[str, str] | None = None
    changes: dict[str, str] = field(default_factory=dict)
    handled: bool = True
    unless_idle: str = ""
    remark: str = ""


def define_action(module: TlaModule, action: Action, binder: str) -> None:
    """Writes an action and makes it part of `Next`."""
    known, effects = module.known, action.effects
    name = known.names.new(action.title)
    changed = dict(action.changes)
    me = effects.me.text
    for variable, what in effects.values.items():
        of = known.variables[effects.kind, variable]
        changed[of] = _excepting(of, me, what)
    for timer, armed in effects.armed.items():
        of = known.armed[effects.kind, timer]
        changed[of] = f"[{of} EXCEPT ![{me}] = {armed.text}]"
    if module.messages and effects.sent.text != NOBODY.text:
        changed[module.messages] = _joined(module.messages, effects.sent)
    for pair, link in module.links.items():
        after = _link_after(link, action, effects.out.get(pair), effects)
        if after is not None:
            changed[link] = after
    parts: list[Lines] = [[part.text] if part.level < OTHER else [f"({part.text})"] for part in action.guards]
    inner: list[Lines] = []
    inner += [[f'Assert({demand.condition.text}, "{demand.message}")'] for demand in effects.demands]
    inner += [_assignment(variable, changed[variable]) for variable in module.variables if variable in changed]
    inner += [[_conjunct(bound)] for bound in effects.within]
    leader = module.instance.protocol.leader
    remembers = action.handled and leader is not None and leader.kind == effects.kind
    if remembers:
        changed[module.led] = ""
    rest = [variable for variable in module.variables if variable not in changed]
    if rest:
        inner.append([f"UNCHANGED <<{', '.join(rest)}>>"])
    inner += [[line] for line in _bounds(module, action)] if action.handled else []
    inner += [["Remember"]] if remembers else []
    if action.unless_idle:
        others = [variable for variable in module.variables if variable not in module.counters.values()]
        if known.types:
            # A tuple of things of one type could be a sequence, for Apalache.
            inner.append(["(" + " \\/ ".join(f"{variable}' # {variable}" for variable in others) + ")"])
        else:
            inner.append([f"<<{', '.join(others)}>>' # <<{', '.join(others)}>>"])
    written = [Text(line) for part in inner for line in part]
    lets = needed_lets(effects.lets, written)
    parts += _under_lets(lets, inner)
    said = action.remark and f"\\* {action.remark}\n"
    header = f"{name}({', '.join(action.parameters)}) ==" if action.parameters else f"{name} =="
    body = "".join(f"  /\\ {part[0]}\n" + "".join(f"     {line}\n" for line in part[1:]) for part in parts)
    module.definitions.append(f"{comment(module, action.spans)}{said}{header}\n{body}")
    call = f"{name}({', '.join(action.parameters)})" if action.parameters else name
    module.calls.setdefault(binder, []).append(call)


def _joined(messages: str, sent: Text) -> str:
    """The messages with those that are sent."""
    one_line = f"{messages} \\cup {sent.tight()}"
    if len(one_line) <= WIDTH or sent.branches is None:
        return one_line
    return (
        f"{messages} \\cup\n"
        + "\n".join(
            f"       {'(' if position == 0 else ' '}{line}" for position, line in enumerate(lines_of(sent, WIDTH - 10))
        )
        + ")"
    )


def _conjunct(part: Text) -> str:
    return part.text if part.level < OTHER else f"({part.text})"


def _assignment(variable: str, after: str) -> Lines:
    return [f"{variable}' = {after}"]


def _excepting(variable: str, me: str, what: Text) -> str:
    """The variable with another value for one process; a map of which one entry has changed is written shortly."""
    nested = f"[{variable}[{me}] EXCEPT !"
    if what.text.startswith(nested) and what.text.count(" EXCEPT ") == 1:
        return f"[{variable} EXCEPT ![{me}]{what.text.removeprefix(nested)}"
    one_line = f"[{variable} EXCEPT ![{me}] = {what.text}]"
    if len(one_line) <= WIDTH:
        return one_line
    head = f"[{variable} EXCEPT ![{me}] ="
    return "\n".join([head, *(f"       {line}" for line in lines_of(what, WIDTH - 12))]) + "]"


def _under_lets(lets: list[tuple[str, Text]], inner: list[Lines]) -> list[Lines]:
    inner = [[line for text_ in part for line in text_.split("\n")] for part in inner]
    if not lets:
        return inner
    lines: Lines = []
    for position, (name, what) in enumerate(lets):
        head = "LET " if position == 0 else "    "
        first, *more = lines_of(what, WIDTH - len(name) - 12)
        lines.append(f"{head}{name} == {first}")
        lines += [" " * (len(name) + 8) + line for line in more]
    for position, part in enumerate(inner):
        head = "IN  /\\ " if position == 0 else "    /\\ "
        lines.append(head + part[0])
        lines += [" " * 7 + line for line in part[1:]]
    return [lines]


def _link_after(link: str, action: Action, out: Text | None, effects: Effects) -> str | None:
    """What is under way over the links of one pair of kinds after an action; None if it is what it was."""
    empty = nothing(effects)
    out = None if out == empty else out
    bag = effects.known.instance.network.reordering
    puts: list[str] = []
    if action.taken is not None and action.taken[0] == link:
        puts.append(f"![{action.taken[1]}] = rest")
    if out is None:
        return f"[{link} EXCEPT {', '.join(puts)}]" if puts else None
    target = effects.target.text
    if out.branches is not None and out.branches[2] == empty:
        condition, what, _ = out.branches
        prefix = f"{target} = "
        if condition.text.startswith(prefix) and target not in condition.text[len(prefix) :] + what.text:
            sign = "(+)" if bag else "\\o"
            puts.append(f"![<<{effects.me.text}, {condition.text[len(prefix) :]}>>] = @ {sign} {what.text}")
            return f"[{link} EXCEPT {', '.join(puts)}]"
    base = link
    if puts:
        base = effects.let("without_it", Text(f"[{link} EXCEPT {', '.join(puts)}]")).text
    mine = Text(f"l[1] = {effects.me.text}", COMPARISON)
    sign = "(+)" if bag else "\\o"
    lines = lines_of(either(mine, out, empty), WIDTH - 24)
    margin = " " * (len(base) + len(sign) + 15)
    more = "".join(f"\n{margin}{line}" for line in lines[1:])
    return f"[l \\in DOMAIN {link} |->\n          {base}[l] {sign} ({lines[0]}{more})]"


def _bounds(module: TlaModule, action: Action) -> Lines:
    """The conditions on the next state that keep an action within the bounds."""
    known, instance, effects = module.known, module.instance, action.effects
    lines: Lines = []
    for variable in instance.protocol.kind(effects.kind).variables:
        where = (effects.kind, variable.name)
        cap = instance.variable_caps.get(where)
        if cap is None or not isinstance(number_in(variable.type), NatType):
            continue
        may_grow = variable.name in effects.values and module.ranges.stored[where][1] > cap
        if may_grow or module.ranges.kept[where][1] > cap:
            limit = known.limit(where, variable.name, cap).text
            lines.append(_at_most(f"{known.variables[where]}'[self]", variable.type, limit, known))
    # What the first step has put on a link beyond the bound is judged at every step.
    over = slots(instance) > instance.channel
    for pair, link in module.links.items():
        if not over and effects.out.get(pair, nothing(effects)) == nothing(effects):
            continue
        size = "BagCardinality" if instance.network.reordering else "Len"
        limit = known.limit("channel", "channel", instance.channel).text
        lines.append(f"\\A l \\in DOMAIN {link} : {size}({link}'[l]) <= {limit}")
    return lines


def _at_most(held: str, of: Type, limit: str, known: TlaNames) -> str:
    match of:
        case OptionType():
            return f"({held} = none \\/ {held} <= {limit})"
        case MapType(ProcessType(kind), inner):
            return f"\\A k \\in {known.kinds[kind]} : {_at_most(f'{held}[k]', inner, limit, known)}"
        case _:
            return f"{held} <= {limit}"


# Handlers ------------------------------------------------------------------------------------------------------------


def guards_until(
    handlers: tuple[Handler, ...], position: int, known: list[dict[int, Text]], effects: Effects
) -> list[Text]:
    """That the handler at a position is the first whose guard holds; at the end, that none is. FALSE is among the
    conditions if they can never hold together."""
    guards = []
    for number, (handler, locals_of) in enumerate(zip(handlers, known, strict=True)):
        place = replace(effects.place, locals=locals_of)
        holds = TRUE if handler.guard is None else text(handler.guard, place)
        if number < position:
            # What is false of a disjunction is false of all its parts.
            parts = [handler.guard] if handler.guard is not None else []
            guards += [negated(text(part, place)) for part in _disjuncts(parts)] or [negated(holds)]
        elif number == position and handler.guard is not None:
            guards += [text(part, place) for part in _conjuncts(handler.guard)]
    kept = list(dict.fromkeys(guard for guard in guards if guard != TRUE))
    return [FALSE] if any(negated(guard) in kept for guard in kept) else kept


def _conjuncts(guard: Expression) -> list[Expression]:
    if isinstance(guard, Connected) and guard.connective is Connective.AND:
        return [*_conjuncts(guard.left), *_conjuncts(guard.right)]
    return [guard]


def _disjuncts(guards: list[Expression]) -> list[Expression]:
    found: list[Expression] = []
    for guard in guards:
        if isinstance(guard, Connected) and guard.connective is Connective.OR:
            found += _disjuncts([guard.left, guard.right])
        else:
            found.append(guard)
    return found


def up_of(module: TlaModule, kind: str, who: str = "self") -> list[Text]:
    """The condition that a process is up, where it may be down."""
    return [Text(f"{module.known.up[kind]}[{who}]")] if kind in module.known.up else []


def able(module: TlaModule, kind: str, who: str = "self") -> list[Text]:
    """The conditions that a process is up and not paused, where it may be otherwise."""
    paused = paused_of(module, kind)
    return [*up_of(module, kind, who), *([Text(f"~{paused}[{who}]")] if paused else [])]


def paused_of(module: TlaModule, kind: str) -> str:
    """The variable that says whether processes of a kind are paused; empty where they never are."""
    clocks = module.instance.protocol.clocks
    pause = clocks.pause(kind) if clocks is not None else None
    return "" if pause is None else module.known.variables[kind, pause.variable]


def _may_fire(module: TlaModule, kind: str, timer: str) -> list[Text]:
    """The condition that an armed timer has run for its shortest duration, where that is more than nothing."""
    clocks = module.instance.protocol.clocks
    clock = clocks.timer(kind, timer) if clocks is not None else None
    if clock is None or not clock.shortest:
        return []
    count = Text(f"{module.known.variables[kind, clock.variable]}[self]")
    return [Text(f"{count.text} >= {clock.shortest}", COMPARISON)]


def deliveries(module: TlaModule, message: Message) -> None:
    """An action for each handler of a message, and one for what no handler takes from a link."""
    known, network = module.known, module.instance.network
    handlers = receptions(module.instance.protocol, message.name)
    growing = network.is_growing_set
    parameters = ("self", "msg") if growing else ("self", "from", "msg", "rest")
    sender = Text("msg.from") if growing else Text("from")
    locals_of: list[dict[int, Text]] = []
    for handler in handlers:
        assert isinstance(handler.event, OnMessage)
        given = [Text(f"msg.{known.fields[message.name, name]}") for name, _ in message.parameters]
        bound = {p.identity: what for p, what in zip(handler.event.parameters, given, strict=True)}
        locals_of.append({**bound, handler.event.sender.identity: sender})
    guards = [Text(f'msg.type = "{message.name}"')]
    if growing and message.name not in known.broadcast_only:
        guards.append(Text("msg.to = self"))
    elif growing and message.sender == message.receiver:
        guards.append(Text("msg.from # self"))
    guards += able(module, message.receiver)
    guards += [Text(f"Connected({sender.text}, self)")] if module.sides else []
    taken = None
    binder = f"msg \\in {module.messages} : \\E self \\in {known.kinds[message.receiver]}"
    if not growing:
        link = module.links[message.sender, message.receiver]
        taken = (link, "<<from, self>>")
        binder = f"{link} {known.kinds[message.sender]} {known.kinds[message.receiver]}"
    for position, handler in enumerate(handlers):
        effects = effects_of(module, message.receiver)
        effects.locals.update(locals_of[position])
        reached = guards_until(handlers, position, locals_of, effects)
        if FALSE in reached:
            continue
        run(handler.body, effects)
        title = camel("on", message.name)
        define_action(module, Action(title, parameters, guards + reached, effects, (handler.span,), taken), binder)
    if not growing:
        effects = effects_of(module, message.receiver)
        reached = guards_until(handlers, len(handlers), locals_of, effects)
        if FALSE not in reached:
            action = Action(camel("ignore", message.name), parameters, guards + reached, effects, (), taken)
            action.handled = False
            action.remark = "No guard holds: the message is taken, and that is all."
            define_action(module, action, binder)


def own_steps(module: TlaModule, kind: ProcessKind) -> None:
    """An action for each handler of a timer, an action or an input."""
    known, protocol = module.known, module.instance.protocol
    binder = f"self \\in {known.kinds[kind.name]}"
    for timer in kind.timers:
        handlers = timeouts(protocol, kind.name, timer.name)
        armed = Text(f"{known.armed[kind.name, timer.name]}[self]")
        for position in range(len(handlers) + 1):
            effects = effects_of(module, kind.name)
            effects.armed[timer.name] = FALSE
            reached = guards_until(handlers, position, [{} for _ in handlers], effects)
            if FALSE in reached:
                continue
            guards = [*able(module, kind.name), armed, *_may_fire(module, kind.name, timer.name), *reached]
            if position < len(handlers):
                run(handlers[position].body, effects)
                action = Action(camel("on_timeout", timer.name), ("self",), guards, effects, (handlers[position].span,))
                if handlers[position].span == NOWHERE:
                    action.remark = IGNORED
            else:
                action = Action(camel("ignore_timeout", timer.name), ("self",), guards, effects, handled=False)
                action.remark = IGNORED
            define_action(module, action, binder)
    for handler in protocol.handlers:
        if handler.kind != kind.name or not isinstance(handler.event, OnAction | OnInput):
            continue
        handlers = alternatives(protocol, kind.name, handler.event)
        effects = effects_of(module, kind.name)
        binders, parameters = [binder], ["self"]
        locals_of: dict[int, Text] = {}
        for parameter in handler.event.parameters if isinstance(handler.event, OnInput) else ():
            name = effects.names.new(parameter.name)
            binders.append(f"{name} \\in {set_of_values(parameter.type, known)}")
            parameters.append(name)
            locals_of[parameter.identity] = Text(name)
        effects.locals.update(locals_of)
        reached = guards_until(handlers, handlers.index(handler), [locals_of for _ in handlers], effects)
        if FALSE in reached:
            continue
        run(handler.body, effects)
        action = Action(
            camel(handler.event.name), tuple(parameters), able(module, kind.name) + reached, effects, (handler.span,)
        )
        define_action(module, action, ", ".join(binders))


def set_of_values(of: Type, known: TlaNames, naturals: str = "Nat") -> str:
    """The set of a type's values; `naturals` are those of a `nat`."""
    match of:
        case BoolType():
            return "BOOLEAN"
        case EnumType():
            return "{" + ", ".join(f'"{value}"' for value in of.values) + "}"
        case NatType():
            return naturals
        case IntType(low, high):
            return f"({low} .. {high})"
        case ProcessType(kind):
            return known.kinds[kind]
        case OptionType(inner):
            return f"({{none}} \\cup {set_of_values(inner, known, naturals)})"
        case SetType(ProcessType(kind)):
            return f"(SUBSET {known.kinds[kind]})"
        case MapType(ProcessType(kind), inner):
            return f"[{known.kinds[kind]} -> {set_of_values(inner, known, naturals)}]"
        case _:
            return "Int"
