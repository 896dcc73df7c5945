"""The state and the procedures of a Murphi export."""

from __future__ import annotations

from dataclasses import dataclass, field

from codegen.inline import number_in
from codegen.instance import RESETTING_FAULTS, Instance, durable_and_volatile, properties, slots, starts
from codegen.murphi_expressions import Scope, code, value
from codegen.murphi_messages import message_arrays
from codegen.murphi_names import Tables, stored_type
from codegen.murphi_network import (
    declare_network,
    dropping_procedure,
    links,
    sending_procedure,
)
from codegen.murphi_statements import Body, body_text, indented, procedure_text, quoted, statements, store
from codegen.murphi_text import TRUE, Code, all_of
from codegen.murphi_values import MapCode, ValueCode
from spec.lint import reads_of_step
from spec.protocol import (
    Assign,
    Broadcast,
    Call,
    Constant,
    Fault,
    FaultKind,
    For,
    Handler,
    If,
    ProcessKind,
    PropertyKind,
    Send,
    Statement,
    Variable,
)
from spec.types import MapType, NatType, OptionType, ProcessType, Type

Lines = list[str]


@dataclass
class Module:
    """An export in the making. `state` are the state's variables and their types; `copies`, where steps are judged,
    the variables of a rule that hold the state before it."""

    made: Tables
    state: dict[str, str]
    copies: dict[str, str] = field(default_factory=dict)
    apart: dict[tuple[str, str], str] = field(default_factory=dict)
    counters: dict[Fault, str] = field(default_factory=dict)
    judged: str = ""
    judging: tuple[str, ...] = ()
    """The variables whose copies are needed to judge a step."""
    passing: dict[str, bool] = field(default_factory=dict)
    """By message, whether sending it can pass a bound."""
    remembered: str = ""
    rules: list[str] = field(default_factory=list)
    procedures: list[str] = field(default_factory=list)

    @property
    def can_pass_bounds(self) -> bool:
        """Whether any step can pass a bound; known once all procedures are written."""
        return any("beyond := true" in text for text in self.procedures)

    @property
    def instance(self) -> Instance:
        return self.made.instance


# The state -----------------------------------------------------------------------------------------------------------


def declare_state(module: Module) -> None:
    made, instance = module.made, module.instance
    protocol = instance.protocol
    for kind in protocol.kinds:
        called = made.kinds[kind.name]
        fields = []
        for variable in kind.variables:
            interval = made.ranges.stored.get((kind.name, variable.name))
            of = stored_type(variable.type, interval, made)
            fields.append(f"{called.fields[variable.name]}: {of};{_note(variable)}")
        fields += [f"{called.armed[timer.name]}: boolean;" for timer in kind.timers]
        fields += [f"{called.up}: boolean;"] if called.up is not None else []
        if called.led is not None:
            low, high = made.ranges.token
            fields.append(f"{called.led}: array [{low}..{high}] of boolean;  -- with which tokens it has ever led")
        # A record must have a field, even if nothing is to be remembered.
        fields = fields or ["nothing: boolean;"]
        made.declared_types[called.state_type] = "record\n" + "".join(f"    {line}\n" for line in fields) + "  end"
        made.declared_types[called.states_type] = f"array [{called.type}] of {called.state_type}"
        module.state[called.states] = called.states_type
    module.state.update(declare_network(made))
    if instance.has(FaultKind.PARTITION):
        names = [kind.name for kind in protocol.kinds]
        for position, one in enumerate(names):
            for other in names[position:]:
                name = made.names.new(f"apart_{one}_{other}")
                module.apart[one, other] = name
                module.state[name] = made.names.new(f"all_{name}")
                text = f"array [{made.kinds[one].type}] of array [{made.kinds[other].type}] of boolean"
                made.declared_types[module.state[name]] = text
    bounded = [f for f in instance.steps_of_faults if f.up_to is not None]
    for fault in bounded:
        name = made.names.new(f"{fault.kind.value} count")
        module.counters[fault] = name
        of = made.names.new(f"{fault.kind.value} counter")
        made.declared_types[of] = f"0..{fault.up_to}"
        module.state[name] = of
    steps = properties(protocol, PropertyKind.STEP)
    read = {kind for prop in steps for kind, _ in reads_of_step(protocol, prop)}
    if read or any(f.kind in (FaultKind.RESTART, FaultKind.DISK_LOSS) for f in bounded):
        module.copies = {name: made.names.new(f"before_{name}") for name in module.state}
    if read:
        module.judged = made.names.new("check_step")
        module.judging = tuple(made.kinds[kind.name].states for kind in protocol.kinds if kind.name in read)
    if protocol.leader is not None:
        module.remembered = made.names.new("remember_leader")


def _note(variable: Variable) -> str:
    remarks = ["durable"] if variable.durable else []
    remarks += ["undefined: none"] if isinstance(variable.type, OptionType) else []
    return f"  -- {'; '.join(remarks)}" if remarks else ""


def declare_calls(module: Module) -> None:
    made = module.made
    for procedure in made.instance.protocol.procedures:
        made.procedures[procedure.name] = made.names.new(procedure.name)
    for message in made.instance.protocol.messages:
        verb = "broadcast" if message.name in made.broadcast_only else "send"
        made.senders[message.name] = made.names.new(f"{verb}_{message.name}")
    for kind in made.instance.protocol.kinds:
        for what in ("start", "crash", "lose_disk_of", "judge"):
            made.procedures[f"{what} {kind.name}"] = made.names.new(f"{what}_{kind.name}")


def initial_value(variable: Variable, where: str, body: Body) -> Lines:
    made = body.made
    inner = variable.type.value if isinstance(variable.type, MapType) else variable.type
    if isinstance(inner, ProcessType):
        construct = f"the initial value of `{variable.name}`"
        if inner.kind in made.symmetric:
            raise made.refuse(construct, "one process of a scalarset cannot be named", variable.span)
    found: ValueCode = value(Constant(variable.initial, inner), body.scope)
    if isinstance(variable.type, MapType):
        return store(where, variable.type, MapCode(lambda key: found), body)
    return store(where, variable.type, found, body)


# Procedures ----------------------------------------------------------------------------------------------------------


def write_procedures(module: Module) -> None:
    made, instance = module.made, module.instance
    protocol = instance.protocol
    for message in protocol.messages:
        module.procedures.append(sending_procedure(message, made))
        module.passing[message.name] = "beyond := true" in module.procedures[-1]
    if not message_arrays(made):
        module.procedures += [dropping_procedure(sender, receiver, made) for sender, receiver in links(protocol)]
    for procedure in _in_order(module):
        declared = protocol.procedure(procedure)
        text = procedure_text(made.procedures[procedure], declared.kind, declared.parameters, declared.body, made)
        module.procedures.append(quoted(declared.span, made) + text)
    for kind in protocol.kinds:
        module.procedures += [_judge(module, kind), _start_of(module, kind), *_losses(module, kind)]
    if protocol.leader is not None:
        module.procedures.append(_remember(module))


def _in_order(module: Module) -> list[str]:
    """The procedures, each after those that it calls."""
    protocol = module.instance.protocol
    found: dict[str, None] = {}

    def visit(these: tuple[Statement, ...]) -> None:
        for statement in these:
            match statement:
                case If():
                    for arm in statement.arms:
                        visit(arm.body)
                case For():
                    visit(statement.body)
                case Call(name):
                    if name not in found:
                        visit(protocol.procedure(name).body)
                        found[name] = None
                case _:
                    pass

    for procedure in protocol.procedures:
        visit(procedure.body)
        found.setdefault(procedure.name)
    return list(found)


def _judge(module: Module, kind: ProcessKind) -> str:
    """The procedure that says whether what a process has become is beyond a bound."""
    made, instance = module.made, module.instance
    called = made.kinds[kind.name]
    lines: Lines = []
    body = Body(made, kind.name, made.names.within())
    for variable in kind.variables:
        cap = instance.variable_caps.get((kind.name, variable.name))
        _, high = made.ranges.stored.get((kind.name, variable.name), (0, 0))
        if cap is not None and isinstance(number_in(variable.type), NatType) and high > cap:
            held = f"{called.states}[self].{called.fields[variable.name]}"
            lines += [f"if {_larger(held, variable.type, cap, body)} then", "  beyond := true;", "end;"]
    if not instance.network.is_growing_set and slots(instance) > instance.channel:
        for sender, receiver in links(instance.protocol):
            link = f"{made.networks[f'{sender} -> {receiver}']}[origin][target]"
            length = link if instance.network.reordering else f"{link}.length"
            over = f"exists target: {made.kinds[receiver].type} do {length} > {instance.channel} end"
            lines += [f"if exists origin: {made.kinds[sender].type} do {over} end then", "  beyond := true;", "end;"]
    name = made.procedures[f"judge {kind.name}"]
    if not lines:
        del made.procedures[f"judge {kind.name}"]
        return ""
    return body_text(f"procedure {name}(self: {called.type});", body, lines)


def _larger(held: str, of: Type, cap: int, body: Body) -> str:
    match of:
        case OptionType():
            return f"!isundefined({held}) & {held} > {cap}"
        case MapType(ProcessType(kind), inner):
            key = body.names.new(kind[:1])
            entry = _larger(f"{held}[{key}]", inner, cap, body)
            return f"exists {key}: {body.made.kinds[kind].type} do {entry} end"
        case _:
            return f"{held} > {cap}"


def _start_of(module: Module, kind: ProcessKind) -> str:
    made = module.made
    handlers = starts(module.instance.protocol, kind.name)
    if not handlers:
        del made.procedures[f"start {kind.name}"]
        return ""
    body = Body(made, kind.name, made.names.within())
    lines = first_of(module, handlers, body, [{} for _ in handlers])
    comment = "".join(quoted(handler.span, made) for handler in handlers)
    return comment + body_text(
        f"procedure {made.procedures[f'start {kind.name}']}(self: {made.kinds[kind.name].type});", body, lines
    )


def _losses(module: Module, kind: ProcessKind) -> list[str]:
    """What a crash, and the loss of a disk, do to a process's variables."""
    made, instance = module.made, module.instance
    called = made.kinds[kind.name]
    durable, volatile = durable_and_volatile(kind)
    texts = []
    for what, lost, timers, wanted in (
        ("crash", volatile, True, instance.befalls(kind.name, *RESETTING_FAULTS)),
        ("lose_disk_of", durable, False, instance.befalls(kind.name, FaultKind.DISK_LOSS)),
    ):
        body = Body(made, kind.name, made.names.within())
        lines: Lines = []
        for variable in (v for v in kind.variables if v.name in lost):
            lines += initial_value(variable, f"{called.states}[self].{called.fields[variable.name]}", body)
        if timers:
            lines += [f"{called.states}[self].{called.armed[timer.name]} := false;" for timer in kind.timers]
        name = f"{what} {kind.name}"
        if wanted and lines:
            texts.append(body_text(f"procedure {made.procedures[name]}(self: {called.type});", body, lines))
        else:
            del made.procedures[name]
    return texts


def _remember(module: Module) -> str:
    made, protocol = module.made, module.instance.protocol
    leader = protocol.leader
    assert leader is not None
    called = made.kinds[leader.kind]
    leads = made.names.new(f"leads_{leader.kind}")
    token = made.names.new(f"token_of_{leader.kind}")
    scope = Scope(made, Code("self"), {}, made.names.within())
    up = Code(f"{called.states}[self].{called.up}") if called.up is not None else TRUE
    condition = all_of((up, code(leader.condition, scope)))
    result = f"function {leads}(self: {called.type}): boolean;\nbegin\n  return {condition.text};\nend;\n"
    made.functions["leads"] = (leads, quoted(leader.span, made) + result)
    result = code(leader.token, scope).text
    result = f"function {token}(self: {called.type}): number;\nbegin\n  return {result};\nend;\n"
    made.functions["token"] = (token, result)
    lines = [
        f"if {leads}(self) then",
        f"  {called.states}[self].{called.led}[{token}(self)] := true;",
        "end;",
    ]
    header = f"procedure {module.remembered}(self: {called.type});"
    return body_text(header, Body(made, leader.kind, made.names.within()), lines)


def call_of(module: Module, what: str, kind: str, who: str = "self") -> Lines:
    name = module.made.procedures.get(f"{what} {kind}")
    return [f"{name}({who});"] if name is not None else []


def first_of(module: Module, handlers: tuple[Handler, ...], body: Body, locals_of: list[dict[int, ValueCode]]) -> Lines:
    """The lines that run the first handler whose guard holds."""
    lines: Lines = []
    for position, (handler, known) in enumerate(zip(handlers, locals_of, strict=True)):
        body.locals.update(known)
        inner = statements(handler.body, body) + judged(module, handler)
        if handler.guard is None:
            if position == 0:
                return inner
            return [*lines, "else", *indented(inner), "end;"]
        keyword = "elsif" if position else "if"
        lines += [f"{keyword} {code(handler.guard, body.scope).text} then", *indented(inner)]
    return [*lines, "end;"] if lines else []


# Bounds --------------------------------------------------------------------------------------------------------------


def judged(module: Module, handler: Handler) -> Lines:
    """The call, at the end of a handler, that notes whether it has taken its process beyond a bound; none where it
    cannot have."""
    assigned, _ = _touched(module, handler.body)
    ranges, caps = module.made.ranges, module.instance.variable_caps
    # What the first step has left beyond a bound is judged at every step.
    begun_beyond = any(ranges.kept[place][1] > cap for place, cap in caps.items() if place[0] == handler.kind)
    grown = any(
        ranges.stored[place][1] > cap
        for place, cap in caps.items()
        if place[0] == handler.kind and place[1] in assigned
    )
    links_judged = not module.instance.network.is_growing_set and slots(module.instance) > module.instance.channel
    return call_of(module, "judge", handler.kind) if begun_beyond or grown or links_judged else []


def may_pass(module: Module, handler: Handler) -> bool:
    """Whether a run of a handler can pass a bound."""
    _, sent = _touched(module, handler.body)
    return bool(judged(module, handler)) or any(module.passing[message] for message in sent)


def _touched(module: Module, these: tuple[Statement, ...]) -> tuple[set[str], set[str]]:
    """The variables that statements may assign, and the messages that they may send."""
    assigned: set[str] = set()
    sent: set[str] = set()
    for statement in these:
        inner: list[tuple[Statement, ...]] = []
        match statement:
            case Assign(variable):
                assigned.add(variable)
            case Send(message) | Broadcast(message):
                sent.add(message)
            case If(arms):
                inner = [arm.body for arm in arms]
            case For():
                inner = [statement.body]
            case Call(name):
                inner = [module.instance.protocol.procedure(name).body]
            case _:
                pass
        for part in inner:
            more_assigned, more_sent = _touched(module, part)
            assigned |= more_assigned
            sent |= more_sent
    return assigned, sent
