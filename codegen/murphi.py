"""Protocols as Murphi text for Rumur, with exactly the states that the reference semantics reaches.

    rumur --deadlock-detection off --output model.c model.m && cc -O3 model.c -lpthread

The processes' variables, their timers and the network are the state; a rule is one step. A step that passes a bound
ends in a failed `assume`, which makes it no step. Beside what the protocol says, the history of who has led is kept.
"""

from __future__ import annotations

from codegen.instance import Instance, assumptions, properties, quorum_name
from codegen.murphi_expressions import Scope, code, equal, size
from codegen.murphi_names import Tables, tables
from codegen.murphi_network import empty_network, loss_rules
from codegen.murphi_rules import copying, deliveries, faults, finish, own_steps
from codegen.murphi_state import Lines, Module, call_of, declare_calls, declare_state, initial_value, write_procedures
from codegen.murphi_statements import Body, body_text, indented, quoted
from codegen.murphi_text import FALSE, Code, any_of, compare, negated
from codegen.murphi_time import ticks
from codegen.murphi_values import at_place
from spec.lint import reads_of_step
from spec.protocol import Apply, ProcessKind, Property, PropertyKind, Size
from spec.types import BOOL, NUMBER, OptionType, SetType

SAFE = (PropertyKind.SAFETY, PropertyKind.INVARIANT)


def murphi(instance: Instance, symmetry: bool = False) -> str:
    """The protocol as one Murphi file. With `symmetry`, processes of every unordered kind are scalarsets; with
    `--symmetry-reduction exhaustive` Rumur then counts orbits.

    Raises InexpressibleError where something has no place in Murphi, or would break the symmetry.
    """
    for kind, many in zip(instance.protocol.kinds, instance.sizes, strict=True):
        if many < 1:
            raise_empty(instance, kind)
    made = tables(instance, symmetry)
    module = Module(made, {})
    declare_state(module)
    declare_calls(module)
    write_procedures(module)
    for message in instance.protocol.messages:
        deliveries(module, message)
    for kind in instance.protocol.kinds:
        own_steps(module, kind)
    faults(module)
    ticks(module)
    if not instance.network.is_growing_set and instance.network.loss:
        declarations, begin = copying(module)
        module.rules.append(loss_rules(made, finish(module, None), declarations, begin))
    checks = [*_spec_properties(module), *_standard_properties(module)]
    if module.judged:
        module.procedures.append(_check_step(module))
    return _assembled(module, _start(module), checks)


def raise_empty(instance: Instance, kind: ProcessKind) -> None:
    """Refuses an instance without processes of a kind."""
    made = tables(instance, False)
    raise made.refuse(f"`{kind.name}`", "there is no process of this kind, and Murphi has no empty type", kind.span)


def _start(module: Module) -> str:
    made, protocol = module.made, module.instance.protocol
    body = Body(made, protocol.kinds[0].name, made.names.within())
    lines: Lines = []
    for kind in protocol.kinds:
        called = made.kinds[kind.name]
        own = Body(made, kind.name, body.names)
        inner: Lines = []
        for variable in kind.variables:
            inner += initial_value(variable, f"{called.states}[self].{called.fields[variable.name]}", own)
        inner += [f"{called.states}[self].{called.armed[timer.name]} := false;" for timer in kind.timers]
        inner += [f"{called.states}[self].{called.up} := true;"] if called.up is not None else []
        if called.led is not None:
            low, high = made.ranges.token
            led = f"{called.states}[self].{called.led}[any_token] := false;"
            inner += [f"for any_token: {low}..{high} do", f"  {led}", "end;"]
        inner = inner or [f"{called.states}[self].nothing := false;"]
        lines += [f"for self: {called.type} do", *indented(inner), "end;"]
    lines += empty_network(made)
    for (one, other), apart in module.apart.items():
        lines += [
            f"for origin: {made.kinds[one].type} do",
            f"  for target: {made.kinds[other].type} do",
            f"    {apart}[origin][target] := false;",
            "  end;",
            "end;",
        ]
    lines += [f"{counter} := 0;" for counter in module.counters.values()]
    for kind in protocol.kinds:
        called_start = call_of(module, "start", kind.name)
        if called_start:
            lines += [f"for self: {made.kinds[kind.name].type} do", *indented(called_start), "end;"]
    # The first step is taken whatever it passes.
    lines += ["beyond := false;"] if module.can_pass_bounds else []
    if protocol.leader is not None:
        loop = f"for self: {made.kinds[protocol.leader.kind].type} do"
        lines += [loop, f"  {module.remembered}(self);", "end;"]
    return body_text('startstate "start"', body, lines)


# Properties ----------------------------------------------------------------------------------------------------------


def _about(prop: Property, made: Tables, before: dict[str, str] | None = None) -> Code:
    """A property for all processes that it is about; a `reachable` one for some."""
    me = None if prop.about is None else Code("self")
    body = code(prop.expression, Scope(made, me, {}, made.names.within(), before))
    if prop.about is None:
        return body
    every = "exists" if prop.kind is PropertyKind.REACHABLE else "forall"
    return Code(f"{every} self: {made.kinds[prop.about].type} do {body.text} end")


def _spec_properties(module: Module) -> list[str]:
    texts = []
    for prop in properties(module.instance.protocol, *SAFE, PropertyKind.REACHABLE):
        judged = "cover" if prop.kind is PropertyKind.REACHABLE else "invariant"
        comment, text = quoted(prop.span, module.made), _about(prop, module.made).text
        texts.append(f'{comment}{judged} "{prop.name}"\n  {text};\n')
    return texts


def _check_step(module: Module) -> str:
    """The procedure that judges a step by the state before it, given in copies, and the present one. A step that
    changes nothing of what a property reads is not judged by it."""
    made, protocol = module.made, module.instance.protocol
    before = {
        kind.name: module.copies[made.kinds[kind.name].states]
        for kind in protocol.kinds
        if made.kinds[kind.name].states in module.judging
    }
    body = Body(made, protocol.kinds[0].name, made.names.within())
    lines: Lines = []
    for prop in properties(protocol, PropertyKind.STEP):
        places = sorted(reads_of_step(protocol, prop))
        changed = any_of(_changed(kind, place, before, body) for kind, place in places)
        if changed != FALSE:
            lines += [line for line in quoted(prop.span, made).split("\n") if line]
            lines += [f"if {changed.text} then"]
            lines += [f'  assert {_about(prop, made, before).text} "{prop.name}";', "end;"]
    parameters = "; ".join(f"var {module.copies[name]}: {module.state[name]}" for name in module.judging)
    return body_text(f"procedure {module.judged}({parameters});", body, lines)


def _changed(kind: str, place: str, before: dict[str, str], body: Body) -> Code:
    """Whether a variable or timer of some process of a kind, or whether it is up, has changed in a step."""
    made = body.made
    called = made.kinds[kind]
    declared = next((v for v in made.instance.protocol.kind(kind).variables if v.name == place), None)
    field = called.fields[place] if declared is not None else called.armed.get(place, called.up)
    if field is None:
        return FALSE
    name = body.names.within().new(kind[:1])
    old, new = f"{before[kind]}[{name}].{field}", f"{called.states}[{name}].{field}"
    differs = Code(f"{old} != {new}")
    if declared is not None and isinstance(declared.type, OptionType):
        scope = Scope(made, None, {}, body.names)
        differs = negated(equal(at_place(old, declared.type), at_place(new, declared.type), declared.type, scope))
    return Code(f"(exists {name}: {called.type} do {differs.text} end)")


def _standard_properties(module: Module) -> list[str]:
    made, protocol = module.made, module.instance.protocol
    leader = protocol.leader
    if leader is None:
        return []
    called = made.kinds[leader.kind]
    leads, token = made.functions["leads"][0], made.functions["token"][0]
    low, high = made.ranges.token
    led = f"{called.states}[%s].{called.led}[t]"
    texts = [
        f"""-- Over the whole history, no two processes have led with one token.
invariant "one_leader_per_token"
  forall one: {called.type} do forall other: {called.type} do forall t: {low}..{high} do
    {led % "one"} & {led % "other"} -> one = other
  end end end;
""",
        f"""-- No process leads with a token lower than one it has led with before.
invariant "token_never_goes_backwards"
  forall one: {called.type} do
    {leads}(one) -> forall t: {low}..{high} do {led % "one"} -> t <= {token}(one) end
  end;
""",
    ]
    if leader.elected_by is not None:
        scope = Scope(made, Code("self"), {}, made.names.within())
        assert isinstance(leader.elected_by.type, SetType)
        kind = leader.elected_by.type.of.kind
        quorum = quorum_name(protocol, kind)
        if quorum is None:
            many = size(Size(leader.elected_by, NUMBER), scope)
            holds = compare(">", Code(f"2 * {many.text}"), Code(str(module.instance.size(kind))))
        else:
            holds = code(Apply(quorum, None, (leader.elected_by,), BOOL), scope)
        texts.append(
            f"""-- Whoever leads is backed by a quorum of durable votes.
invariant "leader_holds_quorum"
  forall self: {called.type} do
    {leads}(self) -> {holds.tight()}
  end;
"""
        )
    return texts


# The file ------------------------------------------------------------------------------------------------------------


def _assembled(module: Module, start: str, checks: list[str]) -> str:
    made, instance = module.made, module.instance
    types = ["type", f"  number: {made.ranges.all[0]}..{made.ranges.all[1]};"]
    for kind, many in zip(instance.protocol.kinds, instance.sizes, strict=True):
        of = f"scalarset({many})" if kind.name in made.symmetric else f"0..{many - 1}"
        types.append(f"  {made.kinds[kind.name].type}: {of};")
    for values, name in made.enum_types.items():
        types.append(f"  {name}: enum {{ {', '.join(made.enum_values[value] for value in values)} }};")
    types += [f"  {name}: {text};" for name, text in made.declared_types.items()]
    variables = ["var", *(f"  {name}: {of};" for name, of in module.state.items())]
    if module.can_pass_bounds:
        variables.append("  beyond: boolean;  -- while a step runs: it passes a bound; false in every state")
    functions = [text for _, text in made.functions.values()]
    procedures = [text for text in module.procedures if text]
    parts = [_header(module), "\n".join(types) + "\n", "\n".join(variables) + "\n"]
    parts += [*functions, *procedures, start, *module.rules, *checks]
    return "\n".join(parts)


def _header(module: Module) -> str:
    made, instance = module.made, module.instance
    protocol = instance.protocol
    lines = [
        f"The protocol `{protocol.name}` as a Murphi model for Rumur, made by Oneleader from {protocol.source.name}"
    ]
    lines += [f'"{protocol.description}"'] if protocol.description else []
    sizes = zip(protocol.kinds, instance.sizes, strict=True)
    lines += ["", "processes: " + ", ".join(f"{many} {kind.name}" for kind, many in sizes)]
    lines.append(f"network: {_network(instance)}")
    caps = [f"{variable} <= {cap}" for (_, variable), cap in instance.variable_caps.items()]
    lines += [f"bounds: {', '.join(caps) or 'none'}", *assumptions(instance)]
    exact = " --symmetry-reduction exhaustive" if made.symmetric else ""
    lines += ["", f"Run: rumur --deadlock-detection off{exact} --output model.c FILE", "     cc -O3 model.c -lpthread"]
    return "".join(f"-- {line}".rstrip() + "\n" for line in lines)


def _network(instance: Instance) -> str:
    network = instance.network
    said = [n for n in ("loss", "duplication", "reordering") if getattr(network, n)]
    what = ", ".join(said) or "reliable"
    return what if network.is_growing_set else f"{what}, at most {instance.channel} messages on a link"
