"""The rules of a Murphi export: one for each kind of step."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from codegen.instance import alternatives, receptions, starts, timeouts
from codegen.murphi_expressions import code
from codegen.murphi_names import stored_type
from codegen.murphi_network import arrival
from codegen.murphi_state import Lines, Module, call_of, first_of, judged, may_pass
from codegen.murphi_statements import Body, body_text, quoted, statements
from codegen.murphi_text import FALSE, TRUE, Code, all_of, any_of, compare, negated
from codegen.murphi_values import OptionCode, ValueCode
from spec.protocol import Fault, FaultKind, Handler, Message, OnAction, OnInput, OnMessage, ProcessKind
from spec.types import IntType, MapType, NatType, OptionType, SetType


def copying(module: Module, wanted: bool = False) -> tuple[Lines, Lines]:
    """The declarations and the lines that keep the state before a step, where it is needed after it."""
    names = tuple(module.copies) if wanted else module.judging
    declarations = [f"{module.copies[name]}: {module.state[name]};" for name in names]
    return declarations, [f"{module.copies[name]} := {name};" for name in names]


def finish(module: Module, kind: str | None, handlers: tuple[Handler, ...] = ()) -> Lines:
    """How a rule ends: a step beyond a bound is none; who leads is remembered; the step is judged."""
    leader = module.instance.protocol.leader
    lines = ["assume !beyond;"] if any(may_pass(module, h) for h in handlers) else []
    if leader is not None and leader.kind == kind:
        lines.append(f"{module.remembered}(self);")
    if module.judged:
        lines.append(f"{module.judged}({', '.join(module.copies[name] for name in module.judging)});")
    return lines


def rule(
    module: Module,
    title: str,
    quantifiers: Iterable[tuple[str, str]],
    condition: Code,
    body: Body,
    lines: Lines,
    comment: str = "",
    compares: bool = False,
) -> None:
    declarations, begin = copying(module, compares)
    body.declarations = [*declarations, *body.declarations]
    text = body_text(f'rule "{title}"\n  {condition.text}\n==>', body, [*begin, *lines])
    quantified = "; ".join(f"{name}: {of}" for name, of in quantifiers)
    if quantified:
        inner = "".join(f"  {line}\n" if line else "\n" for line in text.rstrip("\n").split("\n"))
        text = f"ruleset {quantified} do\n{inner}end;\n"
    module.rules.append(comment + text)


def _any_guard(handlers: tuple[Handler, ...], body: Body, locals_of: list[dict[int, ValueCode]]) -> Code:
    guards = []
    for handler, known in zip(handlers, locals_of, strict=True):
        body.locals.update(known)
        guards.append(TRUE if handler.guard is None else code(handler.guard, body.scope))
    return any_of(guards)


def _react(
    module: Module, handlers: tuple[Handler, ...], body: Body, locals_of: list[dict[int, ValueCode]]
) -> tuple[Code, Lines]:
    """A condition under which some handler runs, and the lines that run it; for events that leave no other trace."""
    condition = _any_guard(handlers, body, locals_of)
    if len(handlers) == 1:
        body.locals.update(locals_of[0])
        return condition, statements(handlers[0].body, body) + judged(module, handlers[0])
    return condition, first_of(module, handlers, body, locals_of)


def _is_up(module: Module, kind: str, who: str = "self") -> Code:
    called = module.made.kinds[kind]
    return TRUE if called.up is None else Code(f"{called.states}[{who}].{called.up}")


def is_able(module: Module, kind: str, who: str = "self") -> Code:
    """Whether a process is up and not paused."""
    return all_of((_is_up(module, kind, who), negated(is_paused(module, kind, who))))


def is_paused(module: Module, kind: str, who: str = "self") -> Code:
    """Whether a process is paused; false where none of its kind ever is."""
    clocks = module.instance.protocol.clocks
    pause = clocks.pause(kind) if clocks is not None else None
    return FALSE if pause is None else Code(clock_of(module, kind, pause.variable, who))


def clock_of(module: Module, kind: str, variable: str, who: str = "self") -> str:
    """A variable of a process that has to do with time."""
    called = module.made.kinds[kind]
    return f"{called.states}[{who}].{called.fields[variable]}"


def _may_fire(module: Module, kind: str, timer: str) -> Code:
    """Whether an armed timer has run for its shortest duration."""
    clocks = module.instance.protocol.clocks
    clock = clocks.timer(kind, timer) if clocks is not None else None
    if clock is None or not clock.shortest:
        return TRUE
    return compare(">=", Code(clock_of(module, kind, clock.variable)), Code(str(clock.shortest)))


def connected(module: Module, sender: tuple[str, str], receiver: tuple[str, str]) -> Code:
    """Whether no partition lies between two processes, each given by kind and name."""
    (one, one_name), (other, other_name) = sender, receiver
    if (one, other) in module.apart:
        return Code(f"!{module.apart[one, other]}[{one_name}][{other_name}]")
    if (other, one) in module.apart:
        return Code(f"!{module.apart[other, one]}[{other_name}][{one_name}]")
    return TRUE


def deliveries(module: Module, message: Message) -> None:
    made, network = module.made, module.instance.network
    handlers = receptions(module.instance.protocol, message.name)
    if network.is_growing_set and not handlers:
        return
    keeping = (False, True) if network.duplication and not network.is_growing_set else (False,)
    for keep in keeping:
        body = Body(made, message.receiver, made.names.within())
        events = [handler.event for handler in handlers if isinstance(handler.event, OnMessage)]
        sender = body.names.new(events[0].sender.name if events else "sender")
        written = [p.name for p in events[0].parameters] if events else None
        found = arrival(message, body, sender, keep, written)
        locals_of: list[dict[int, ValueCode]] = []
        for event in events:
            known: dict[int, ValueCode] = {event.sender.identity: Code(sender)}
            known.update({p.identity: a for p, a in zip(event.parameters, found.arguments, strict=True)})
            locals_of.append(known)
        ends = [("self", made.kinds[message.receiver].type), (sender, made.kinds[message.sender].type)]
        reached = connected(module, (message.sender, sender), (message.receiver, "self"))
        condition = all_of((found.present, is_able(module, message.receiver), reached))
        if network.is_growing_set and not found.prelude:
            guard, lines = _react(module, handlers, body, locals_of)
            condition = all_of((condition, guard))
        else:
            lines = [*found.prelude, *found.take, *first_of(module, handlers, body, locals_of)]
        comment = "".join(quoted(handler.span, module.made) for handler in handlers)
        title = f"{'duplicate' if keep else 'deliver'} {message.name}"
        lines += finish(module, message.receiver, handlers)
        rule(module, title, [*ends, *found.quantifiers], condition, body, lines, comment)


def own_steps(module: Module, kind: ProcessKind) -> None:
    made, protocol = module.made, module.instance.protocol
    called = made.kinds[kind.name]
    me = ("self", called.type)
    able = is_able(module, kind.name)
    for timer in kind.timers:
        handlers = timeouts(protocol, kind.name, timer.name)
        body = Body(made, kind.name, made.names.within())
        armed = f"{called.states}[self].{called.armed[timer.name]}"
        lines = [f"{armed} := false;", *first_of(module, handlers, body, [{} for _ in handlers])]
        lines += finish(module, kind.name, handlers)
        comment = "".join(quoted(handler.span, module.made) for handler in handlers)
        condition = all_of((Code(armed), _may_fire(module, kind.name, timer.name), able))
        rule(module, f"timeout {timer.name}", [me], condition, body, lines, comment)
    seen: set[object] = set()
    for handler in protocol.handlers:
        if handler.kind != kind.name or handler.event in seen or not isinstance(handler.event, OnAction | OnInput):
            continue
        seen.add(handler.event)
        handlers = alternatives(protocol, kind.name, handler.event)
        body = Body(made, kind.name, made.names.within())
        quantifiers, known = _input_values(module, handler.event, body)
        guard, lines = _react(module, handlers, body, [known for _ in handlers])
        lines += finish(module, kind.name, handlers)
        comment = "".join(quoted(each.span, module.made) for each in handlers)
        rule(module, handler.event.name, [me, *quantifiers], all_of((able, guard)), body, lines, comment)


def _input_values(
    module: Module, event: OnAction | OnInput, body: Body
) -> tuple[list[tuple[str, str]], dict[int, ValueCode]]:
    """The variables of a rule that go over all arguments of an input, and what they are to its handlers."""
    made = module.made
    quantifiers: list[tuple[str, str]] = []
    known: dict[int, ValueCode] = {}
    for parameter in event.parameters if isinstance(event, OnInput) else ():
        of = parameter.type.of if isinstance(parameter.type, OptionType) else parameter.type
        interval = (of.low, of.high) if isinstance(of, IntType) else None
        if isinstance(of, NatType | SetType | MapType):
            construct = f"the input `{event.name}`"
            raise made.refuse(construct, f"`{parameter.name}` has no finite range of values", parameter.span)
        given = None
        if isinstance(parameter.type, OptionType):
            given = Code(body.names.new(f"{parameter.name}_given"))
            quantifiers.append((given.text, "boolean"))
        name = body.names.new(parameter.name)
        quantifiers.append((name, stored_type(of, interval, made)))
        known[parameter.identity] = Code(name) if given is None else OptionCode(given, Code(name))
    return quantifiers, known


# Faults --------------------------------------------------------------------------------------------------------------


def faults(module: Module) -> None:
    """The rules of the faults that may happen."""
    for fault in module.instance.steps_of_faults:
        counter = module.counters.get(fault)
        may = TRUE if counter is None else compare("<", Code(counter), Code(str(fault.up_to)))
        count = [] if counter is None else [f"{counter} := {counter} + 1;"]
        if fault.kind is FaultKind.PARTITION:
            _partitions(module, may, count)
            continue
        for kind in module.instance.protocol.kinds:
            if fault.happens_to(kind.name):
                _fault_of(module, fault, kind, may, count)
    for kind in module.instance.protocol.kinds:
        called = module.made.kinds[kind.name]
        if called.up is not None:
            body = Body(module.made, kind.name, module.made.names.within())
            lines = [f"{called.states}[self].{called.up} := true;", *call_of(module, "start", kind.name)]
            lines += finish(module, kind.name, starts(module.instance.protocol, kind.name))
            down = Code(f"!{called.states}[self].{called.up}")
            rule(module, "recover", [("self", called.type)], down, body, lines)
        if is_paused(module, kind.name) != FALSE:
            body = Body(module.made, kind.name, module.made.names.within())
            lines = [*_paused(module, kind, "false"), *finish(module, None)]
            rule(module, "resume", [("self", called.type)], is_paused(module, kind.name), body, lines)


def _fault_of(module: Module, fault: Fault, kind: ProcessKind, may: Code, count: Lines) -> None:
    called = module.made.kinds[kind.name]
    body = Body(module.made, kind.name, module.made.names.within())
    if fault.kind is FaultKind.PAUSE:
        _pausing(module, kind, may, count)
        return
    lines = [*count, *call_of(module, "crash", kind.name)]
    if fault.kind is FaultKind.CRASH:
        lines += [f"{called.states}[self].{called.up} := false;", *finish(module, None)]
    else:
        if fault.kind is FaultKind.DISK_LOSS:
            lines += call_of(module, "lose_disk_of", kind.name)
        lines += call_of(module, "start", kind.name)
        end = finish(module, kind.name, starts(module.instance.protocol, kind.name))
        if count:
            # A fault that changes nothing but its own counter did not happen.
            changed = any_of(
                compare("!=", Code(name), Code(copy))
                for name, copy in module.copies.items()
                if name not in module.counters.values()
            )
            position = len(end) - (1 if module.judged else 0)
            end.insert(position, f"assume {changed.text};")
        lines += end
    condition = all_of((_is_up(module, kind.name), may))
    rule(module, fault.kind.value, [("self", called.type)], condition, body, lines, compares=bool(count))


def _pausing(module: Module, kind: ProcessKind, may: Code, count: Lines) -> None:
    """That a process of a kind pauses."""
    body = Body(module.made, kind.name, module.made.names.within())
    lines = [*count, *_paused(module, kind, "true"), *finish(module, None)]
    condition = all_of((is_able(module, kind.name), may))
    rule(module, FaultKind.PAUSE.value, [("self", module.made.kinds[kind.name].type)], condition, body, lines)


def _paused(module: Module, kind: ProcessKind, truth: str) -> Lines:
    clocks = module.instance.protocol.clocks
    pause = clocks.pause(kind.name) if clocks is not None else None
    assert pause is not None
    lines = [f"{clock_of(module, kind.name, pause.variable)} := {truth};"]
    return lines if pause.lasted is None else [*lines, f"{clock_of(module, kind.name, pause.lasted)} := 0;"]


def _partitions(module: Module, may: Code, count: Lines) -> None:
    """Cutting the processes in two, and healing the cut. The smaller side is chosen process by process; who is chosen
    twice counts once, so that smaller sides come up as well."""
    made, instance = module.made, module.instance
    kinds = instance.protocol.kinds
    for chosen in product(*(range(size + 1) for size in instance.sizes)):
        if not 1 <= sum(chosen) <= sum(instance.sizes) // 2:
            continue
        body = Body(made, kinds[0].name, made.names.within())
        sides = {
            kind.name: [body.names.new(f"cut_off_{number + 1}") for number in range(some)]
            for kind, some in zip(kinds, chosen, strict=True)
        }
        quantifiers = [(name, made.kinds[kind].type) for kind, names in sides.items() for name in names]
        lines: Lines = list(count)
        for (one, other), apart in module.apart.items():
            in_one = any_of(compare("=", Code("origin"), Code(name)) for name in sides[one])
            in_other = any_of(compare("=", Code("target"), Code(name)) for name in sides[other])
            lines += _for_each_pair(module, one, other, f"{apart}[origin][target] := {differs(in_one, in_other).text};")
        if count:
            # The cut that is there already is no step.
            copies = {apart: body.names.new(f"old_{apart}") for apart in module.apart.values()}
            body.declarations += [f"{copy}: {module.state[apart]};" for apart, copy in copies.items()]
            lines = [*(f"{copy} := {apart};" for apart, copy in copies.items()), *lines]
            changed = any_of(compare("!=", Code(apart), Code(copy)) for apart, copy in copies.items())
            lines.append(f"assume {changed.text};")
        rule(module, "partition", quantifiers, may, body, lines + finish(module, None))
    body = Body(made, kinds[0].name, made.names.within())
    lines = []
    cut = []
    for (one, other), apart in module.apart.items():
        lines += _for_each_pair(module, one, other, f"{apart}[origin][target] := false;")
        inner = f"exists target: {made.kinds[other].type} do {apart}[origin][target] end"
        cut.append(Code(f"(exists origin: {made.kinds[one].type} do {inner} end)"))
    rule(module, "heal", [], any_of(cut), body, lines + finish(module, None))


def differs(one: Code, other: Code) -> Code:
    """Whether exactly one of two truths holds."""
    return Code(f"{one.tight()} != {other.tight()}")


def _for_each_pair(module: Module, one: str, other: str, line: str) -> Lines:
    kinds = module.made.kinds
    return [
        f"for origin: {kinds[one].type} do",
        f"  for target: {kinds[other].type} do",
        f"    {line}",
        "  end;",
        "end;",
    ]
