"""What things are called in the Murphi text, and what types they have there."""

from __future__ import annotations

from dataclasses import dataclass, field

from codegen.instance import InexpressibleError, Instance, Names, broadcast_only, enumeration_owner, enumerations
from codegen.ranges import Ranges, ranges
from spec.protocol import FaultKind
from spec.source import Span
from spec.types import (
    BoolType,
    EnumType,
    IntType,
    MapType,
    NatType,
    NumberType,
    OptionType,
    ProcessType,
    SetType,
    Type,
    Value,
)

KEYWORDS = """
    alias array assert assume begin boolean by case clear const cover do else elsif end endalias endexists
    endfor endforall endfunction endif endprocedure endrecord endrule endruleset endstartstate endswitch endwhile enum
    error exists false for forall function if in interleaved invariant isundefined ismember liveness multiset
    multisetadd multisetcount multisetremove multisetremovepred of procedure process program property put real record
    return rule ruleset scalarset self startstate switch then to traceuntil true type undefine undefined union var
    while number token beyond main state
    member members found origin target position place any_token one other
"""
"""Words that are no names in Murphi (of either dialect), and names that every export has."""


@dataclass
class KindNames:
    """One kind of process: its type, the array of its processes' states, and the fields of such a state."""

    type: str
    states: str
    fields: dict[str, str]
    armed: dict[str, str]
    up: str | None
    led: str | None
    states_type: str
    state_type: str


@dataclass
class Tables:
    """All names and types of one export. `declared_types` are the types that the text declares on demand."""

    instance: Instance
    symmetric: frozenset[str]
    """The kinds whose processes are scalarsets."""
    ranges: Ranges
    names: Names
    kinds: dict[str, KindNames] = field(default_factory=dict)
    enum_types: dict[tuple[str, ...], str] = field(default_factory=dict)
    enum_values: dict[str, str] = field(default_factory=dict)
    declared_types: dict[str, str] = field(default_factory=dict)
    complex_types: dict[str, str] = field(default_factory=dict)
    networks: dict[str, str] = field(default_factory=dict)
    """By message, the array that holds what is under way; with queues, by `sender kind -> receiver kind`."""
    network_types: dict[str, str] = field(default_factory=dict)
    broadcast_only: frozenset[str] = frozenset()
    """Messages that are never sent to one process: with a growing set, no receiver need be written down."""
    functions: dict[object, tuple[str, str]] = field(default_factory=dict)
    """Helper functions by what they compute: the name and the text."""
    procedures: dict[str, str] = field(default_factory=dict)
    senders: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    """By message, the value that says in a queue that it is this message."""
    drops: dict[tuple[str, str], str] = field(default_factory=dict)

    def refuse(self, construct: str, reason: str, span: Span) -> InexpressibleError:
        """The error that says that a construct has no place in this export."""
        return InexpressibleError(self.instance.protocol.source, construct, reason, span)


def tables(instance: Instance, symmetry: bool) -> Tables:
    """Chooses every global name."""
    protocol = instance.protocol
    symmetric = frozenset(
        kind.name
        for kind, size in zip(protocol.kinds, instance.sizes, strict=True)
        if symmetry and not kind.ordered and size > 1
    )
    made = Tables(instance, symmetric, ranges(instance), Names(KEYWORDS.split()))
    names = made.names
    for kind in protocol.kinds:
        made.kinds[kind.name] = KindNames(names.new(kind.name), "", {}, {}, None, None, "", "")
    for of in enumerations(protocol):
        made.enum_types[of.values] = ""
        for value in of.values:
            made.enum_values.setdefault(value, names.new(value))
    for of in enumerations(protocol):
        made.enum_types[of.values] = names.new(f"{enumeration_owner(protocol, of)}_type")
    for kind in protocol.kinds:
        called = made.kinds[kind.name]
        called.states = names.new(_plural(kind.name))
        called.states_type = names.new(f"all_{called.states}")
        called.state_type = names.new(f"{kind.name}_state")
        fields = Names(KEYWORDS.split())
        for variable in kind.variables:
            called.fields[variable.name] = fields.new(variable.name)
        for timer in kind.timers:
            called.armed[timer.name] = fields.new(f"{timer.name}_armed")
        called.up = fields.new("up") if instance.befalls(kind.name, FaultKind.CRASH) else None
        leads = protocol.leader is not None and protocol.leader.kind == kind.name
        called.led = fields.new("led") if leads else None
    made.broadcast_only = broadcast_only(instance)
    return made


def _plural(name: str) -> str:
    return f"{name}es" if name.endswith(("s", "x", "ch")) else f"{name}s"


# Types ---------------------------------------------------------------------------------------------------------------


def stored_type(of: Type, interval: tuple[int, int] | None, made: Tables) -> str:
    """The Murphi type of a place; numbers are of the interval (None: any number)."""
    match of:
        case BoolType():
            return "boolean"
        case EnumType():
            return made.enum_types[of.values]
        case NatType() | IntType() | NumberType():
            return "number" if interval is None else f"{interval[0]}..{interval[1]}"
        case ProcessType(kind):
            return made.kinds[kind].type
        case OptionType(inner):
            return stored_type(inner, interval, made)
        case SetType(ProcessType(kind)):
            return _complex(f"{made.kinds[kind].type}_set", f"array [{made.kinds[kind].type}] of boolean", made)
        case MapType(ProcessType(kind), inner):
            entry = stored_type(inner, interval, made)
            plain = entry.replace("..", "_to_").replace("-", "minus_")
            wanted = f"{made.kinds[kind].type}_to_{plain}"
            return _complex(wanted, f"array [{made.kinds[kind].type}] of {entry}", made)
    raise TypeError(f"no type of a place: {of}")


def _complex(wanted: str, text: str, made: Tables) -> str:
    """The name of an array type; one name for one type, so that its values can be handed around."""
    if text not in made.complex_types:
        name = made.names.new(wanted)
        made.complex_types[text] = name
        made.declared_types[name] = text
    return made.complex_types[text]


def constant(value: Value, made: Tables) -> str:
    """A boolean, a number or an enumeration's value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return made.enum_values[value] if isinstance(value, str) else str(value)


def process_constants(kind: str, made: Tables) -> list[str] | None:
    """The processes of a kind as constants; None where they are a scalarset, which has no constants."""
    return None if kind in made.symmetric else [str(number) for number in range(made.instance.size(kind))]
