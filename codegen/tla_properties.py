"""The properties of a TLA+ export: types, the protocol's own, and those that every protocol with a leader has."""

from __future__ import annotations

from dataclasses import dataclass

from codegen.instance import properties, quorum_name
from codegen.tla_actions import Lines, TlaModule, comment, set_of_values
from codegen.tla_expressions import Place, Text, binary, implies, text
from spec.lint import reads_of_step
from spec.protocol import Apply, Expression, Property, PropertyKind
from spec.types import BOOL, SetType


@dataclass(frozen=True)
class Stated:
    """A property of states: its name, its definition, the expressions that it consists of, whether it looks at who
    has led, and the property of the spec that it is, if it is one."""

    name: str
    definition: str
    expressions: tuple[Expression, ...]
    looks_at_led: bool = False
    declared: Property | None = None


def stated(module: TlaModule) -> list[Stated]:
    """Those that are to hold in every state, `TypeOK` aside: first the protocol's own."""
    known, protocol = module.known, module.instance.protocol
    found = []
    for prop in properties(protocol, PropertyKind.SAFETY, PropertyKind.INVARIANT):
        name = known.names.new(prop.name)
        definition = f"{comment(module, [prop.span])}{name} == {about(prop, module)}\n"
        found.append(Stated(name, definition, (prop.expression,), False, prop))
    return [*found, *_standard(module)]


def steps(module: TlaModule) -> list[tuple[str, str]]:
    """The names and the definitions of what is to hold of every step."""
    known, protocol = module.known, module.instance.protocol
    found = []
    for prop in properties(protocol, PropertyKind.STEP):
        name = known.names.new(prop.name)
        read = _state_variables(module, sorted(reads_of_step(protocol, prop)))
        reads, before = f"<<{', '.join(read)}>>", ""
        if known.types:
            # A tuple of things of one type could be a sequence; Apalache wants to be told.
            of = ", ".join(known.types[variable] for variable in read)
            tuple_name = known.names.new(f"read_by_{name}")
            before, reads = f"\\* @type: <<{of}>>;\n{tuple_name} == {reads}\n", tuple_name
        found.append((name, f"{before}{comment(module, [prop.span])}{name} == [][{about(prop, module)}]_{reads}\n"))
    return found


def witnesses(module: TlaModule) -> list[tuple[str, str]]:
    """The names and the definitions of what must not hold in every state, for want of a witness."""
    found = []
    for prop in properties(module.instance.protocol, PropertyKind.REACHABLE):
        name = module.known.names.new(f"never_{prop.name}")
        said = "\\* As an invariant it is violated: the trace is the witness."
        found.append((name, f"{comment(module, [prop.span])}{said}\n{name} == ~({about(prop, module)})\n"))
    return found


def about(prop: Property, module: TlaModule) -> str:
    """What a property says, of every process (or of some) where it is about processes."""
    known = module.known
    me = None if prop.about is None else Text("self")
    body = text(prop.expression, Place(known, me, {}, known.names.within())).text
    if prop.about is None:
        return body
    every = "\\E" if prop.kind is PropertyKind.REACHABLE else "\\A"
    return f"{every} self \\in {known.kinds[prop.about]} : {body}"


def type_ok(module: TlaModule) -> str:
    """That variables hold values of their types."""
    known = module.known
    parts = []
    for kind in module.instance.protocol.kinds:
        members = known.kinds[kind.name]
        for variable in kind.variables:
            of = set_of_values(variable.type, known)
            parts.append(f"{known.variables[kind.name, variable.name]} \\in [{members} -> {of}]")
        booleans = [known.armed[kind.name, timer.name] for timer in kind.timers]
        booleans += [known.up[kind.name]] if kind.name in known.up else []
        parts += [f"{name} \\in [{members} -> BOOLEAN]" for name in booleans]
    return "TypeOK ==\n" + "".join(f"  /\\ {part}\n" for part in parts or ["TRUE"])


def _state_variables(module: TlaModule, places: list[tuple[str, str]]) -> Lines:
    """The variables of the state that hold some variables, timers or ups of the protocol."""
    known = module.known
    found = [known.variables.get(where) or known.armed.get(where) or known.up.get(where[0]) for where in places]
    return [variable for variable in found if variable is not None]


def _standard(module: TlaModule) -> list[Stated]:
    known, protocol = module.known, module.instance.protocol
    leader = protocol.leader
    if leader is None:
        return []
    led, kind = module.led, known.kinds[leader.kind]
    leads, token = known.definitions["leads"], known.definitions["token of"]

    def state(wanted: str, said: str, formula: str, looks_at_led: bool, *expressions: Expression) -> Stated:
        name = known.names.new(wanted)
        return Stated(name, f"\\* {said}\n{name} ==\n  {formula}\n", expressions, looks_at_led)

    found = [
        state(
            "one_leader_per_token",
            "Over the whole history, no two processes have led with one token.",
            f"\\A k, l \\in {led} : k[2] = l[2] => k[1] = l[1]",
            True,
        ),
        state(
            "token_never_goes_backwards",
            "No process leads with a token lower than one it has led with before.",
            f"\\A k \\in {kind} : {leads}(k) => \\A l \\in {led} : l[1] = k => l[2] <= {token}(k)",
            True,
            leader.condition,
            leader.token,
        ),
    ]
    if leader.elected_by is not None:
        inside = Place(known, Text("self"), {}, known.names.within())
        assert isinstance(leader.elected_by.type, SetType)
        of = leader.elected_by.type.of.kind
        quorum = quorum_name(protocol, of)
        judged = leader.elected_by if quorum is None else Apply(quorum, None, (leader.elected_by,), BOOL)
        holds = text(judged, inside)
        if quorum is None:
            holds = binary(Text(f"2 * Cardinality({holds.text})"), ">", Text(f"Cardinality({known.kinds[of]})"))
        formula = implies(Text(f"{leads}(self)"), holds)
        found.append(
            state(
                "leader_holds_quorum",
                "Whoever leads is backed by a quorum of durable votes.",
                f"\\A self \\in {kind} : {formula.text}",
                False,
                leader.condition,
                judged,
            )
        )
    return found
