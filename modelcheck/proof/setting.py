"""What a proof is about: a protocol with its network and faults, for which sizes, and the symbols that stand for its
states.

A kind of process has a fixed number of processes, which are then constants, or any number; then its processes are an
uninterpreted sort, numbers are a total order with a successor, and quorums are a sort of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count

from modelcheck.model import Caps, Model, stepping_faults
from modelcheck.proof.logic import (
    BOOL,
    FALSE,
    INTEGER,
    NUMBER,
    POSITION,
    TRUE,
    Term,
    apply,
    conjunction,
    constant,
    disjunction,
    equal,
    for_all,
    number,
    there_is,
    variable,
)
from spec.lint import nodes
from spec.protocol import Constant, Fault, FaultKind, Message, Network, ProcessKind, Protocol
from spec.source import NOWHERE, Span
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


class Unprovable(Exception):
    """Something in the spec is outside of what this encoding covers. `span` is where it stands."""

    def __init__(self, reason: str, span: Span = NOWHERE) -> None:
        super().__init__(reason)
        self.reason = reason
        self.span = span


@dataclass(frozen=True, slots=True)
class Symbol:
    """A function (or, without arguments, a constant) that stands for a part of a state."""

    name: str
    arguments: tuple[str, ...]
    result: str


View = Callable[[str, tuple[Term, ...]], Term]
"""A state: what a symbol of it is at some arguments."""

_fresh = count()


def fresh(name: str, sort: str) -> Term:
    """A variable that stands nowhere else."""
    return variable(f"{name}!{next(_fresh)}", sort)


def spent_symbol(fault: Fault) -> str:
    """How often a bounded fault has happened."""
    return "spent/" + fault.kind.value.replace(" ", "-")


def cut_symbol(kind: str) -> str:
    """Whether a process is on the far side of a split. No name of a spec has a hyphen in it."""
    return f"{kind}/cut-off"


def process_sort(kind: str) -> str:
    return f"process/{kind}"


def quorum_sort(kind: str) -> str:
    return f"quorum/{kind}"


def enum_sort(of: EnumType) -> str:
    return f"type/{of.name}" if of.name else "/".join(("one-of", *of.values))


def sort_of(of: Type) -> str:
    """The sort of a scalar."""
    match of:
        case BoolType():
            return BOOL
        case EnumType():
            return enum_sort(of)
        case ProcessType(kind):
            return process_sort(kind)
        case NatType() | IntType() | NumberType():
            return NUMBER
        case _:
            raise TypeError(f"{of} is no scalar")


def literal(value: Value, of: Type) -> Term:
    """A scalar's literal."""
    match of:
        case BoolType():
            return TRUE if value else FALSE
        case EnumType():
            return constant(f"value/{value}", enum_sort(of))
        case _:
            return number(value)


def default(of: Type) -> Term:
    """What stands for the value of an option that has none."""
    match of:
        case BoolType():
            return FALSE
        case EnumType(values):
            return literal(values[0], of)
        case _:
            return number(0)


@dataclass(frozen=True, eq=False)
class Setting:
    """`sizes` has an entry for each kind, in order: how many processes, or None for any number. `quantified` is whether
    quantifiers over few values, such as a fixed number of processes, stay quantifiers, or are spelled out."""

    protocol: Protocol
    sizes: tuple[int | None, ...]
    network: Network
    faults: tuple[Fault, ...]
    quantified: bool = False
    spells_out: bool = False
    """Whether what is computed of numbers of narrow ranges is spelled out, value by value: of use to those who suppose,
    as every proof does, that all is of its type."""
    goals: frozenset[str] | None = None
    """The properties of the spec that are to be shown; None: all of them, and the standard ones. The others may be
    supposed, if they are shown with them."""

    def is_goal(self, name: str) -> bool:
        return self.goals is None or name in self.goals

    @property
    def any_number(self) -> bool:
        """Whether numbers are a total order, and some kind has any number of processes."""
        return None in self.sizes

    @cached_property
    def kinds(self) -> dict[str, ProcessKind]:
        return {kind.name: kind for kind in self.protocol.kinds}

    @cached_property
    def size(self) -> dict[str, int | None]:
        return dict(zip(self.kinds, self.sizes, strict=True))

    @cached_property
    def processes(self) -> dict[str, tuple[Term, ...]]:
        """The processes of the kinds of a fixed size, as constants."""
        return {
            kind: tuple(constant(f"{kind}.{index + 1}", process_sort(kind)) for index in range(size))
            for kind, size in self.size.items()
            if size is not None
        }

    @cached_property
    def enumerations(self) -> dict[str, tuple[Term, ...]]:
        """The values of each enumeration of the protocol, by its sort."""
        found = {part for part in nodes(self.protocol) if isinstance(part, EnumType)}
        found |= {p.type for p in nodes(self.protocol) if isinstance(p, Constant) and isinstance(p.type, EnumType)}
        return {enum_sort(of): tuple(literal(value, of) for value in of.values) for of in sorted(found, key=enum_sort)}

    @cached_property
    def messages(self) -> dict[str, Message]:
        return {message.name: message for message in self.protocol.messages}

    @cached_property
    def model(self) -> Model:
        """The model of these sizes without bounds: the reference for quorums and for replaying. Kinds of any number
        of processes have one each."""
        sizes = tuple(size or 1 for size in self.sizes)
        return Model(self.protocol, sizes, Caps({}, {}, 0), self.network, self.faults, 1 << 30)

    @cached_property
    def crashes(self) -> bool:
        """Whether a process can be down."""
        return self.has_fault(FaultKind.CRASH)

    @cached_property
    def splits(self) -> bool:
        return self.has_fault(FaultKind.PARTITION)

    @cached_property
    def counted(self) -> tuple[Fault, ...]:
        """The faults whose number is bounded; one that may never happen is no fault."""
        stepping = stepping_faults(self.protocol)
        return tuple(f for f in self.faults if f.up_to and f.kind in stepping)

    def has_fault(self, kind: FaultKind) -> bool:
        return any(fault.kind is kind and fault.up_to != 0 for fault in self.faults)

    @cached_property
    def has_positions(self) -> bool:
        """Whether what is under way is a queue or a bag, in which every message has a position."""
        return not self.network.is_growing_set

    @cached_property
    def symbols(self) -> dict[str, Symbol]:
        """All that a state is made of."""
        return {symbol.name: symbol for symbol in self._symbols()}

    def _symbols(self) -> Iterator[Symbol]:
        for kind in self.protocol.kinds:
            sort = process_sort(kind.name)
            for declared in kind.variables:
                for cell in self.cells(f"{kind.name}.{declared.name}", declared.type):
                    yield Symbol(cell.name, (sort, *cell.arguments), cell.result)
            for timer in kind.timers:
                yield Symbol(f"{kind.name}/armed/{timer.name}", (sort,), BOOL)
            if self.crashes:
                yield Symbol(f"{kind.name}/up", (sort,), BOOL)
            if self.splits:
                yield Symbol(cut_symbol(kind.name), (sort,), BOOL)
        for message in self.protocol.messages:
            ends = (process_sort(message.sender), process_sort(message.receiver))
            position = (POSITION,) if self.has_positions else ()
            columns = tuple(sort for _, of in message.parameters for sort in self.columns(of))
            yield Symbol(f"sent/{message.name}", (*ends, *position, *columns), BOOL)
        if self.has_positions:
            for sender, receiver in self.links:
                yield Symbol(f"end/{sender}/{receiver}", (process_sort(sender), process_sort(receiver)), POSITION)
        for fault in self.counted:
            yield Symbol(spent_symbol(fault), (), NUMBER)
        if self.protocol.leader is not None:
            yield Symbol("led", (process_sort(self.protocol.leader.kind), NUMBER), BOOL)

    @cached_property
    def links(self) -> tuple[tuple[str, str], ...]:
        """The pairs of kinds between which there are messages."""
        return tuple(dict.fromkeys((m.sender, m.receiver) for m in self.protocol.messages))

    def cells(self, name: str, of: Type) -> Iterator[Symbol]:
        """The symbols that hold a value of a type; their arguments are those beyond the process's own."""
        match of:
            case MapType(key, value):
                for cell in self.cells(name, value):
                    yield Symbol(cell.name, (process_sort(key.kind), *cell.arguments), cell.result)
            case SetType(ProcessType(kind)) | OptionType(ProcessType(kind)):
                yield Symbol(name, (process_sort(kind),), BOOL)
            case OptionType(inner):
                yield Symbol(f"{name}.given", (), BOOL)
                yield Symbol(name, (), self.sort(inner))
            case _:
                yield Symbol(name, (), self.sort(of))

    def sort(self, of: Type) -> str:
        """The sort of a scalar that a variable holds."""
        return INTEGER if self.any_number and isinstance(of, IntType) and of.low < 0 else sort_of(of)

    def sort_carried(self, of: Type) -> str:
        """The sort of a scalar that a message or an input carries."""
        if self.sort(of) == INTEGER:
            raise Unprovable(f"the negative numbers of `{of}` that are carried, for any number of processes")
        return sort_of(of)

    def columns(self, of: Type) -> tuple[str, ...]:
        """The sorts of the arguments that carry a value of a type in a message."""
        match of:
            case SetType(ProcessType(kind)) | OptionType(ProcessType(kind)):
                size = self.size[kind]
                if size is None:
                    raise Unprovable(
                        f"a message carries `{of}`; for any number of processes only scalars can be carried"
                    )
                return (BOOL,) * size
            case OptionType(inner):
                return BOOL, self.sort_carried(inner)
            case _:
                return (self.sort_carried(of),)

    # Quantifiers over processes

    def every(self, kind: str, body: Callable[[Term], Term], name: str = "p") -> Term:
        if kind in self.processes and not self.quantified:
            return conjunction(body(process) for process in self.processes[kind])
        bound = fresh(name, process_sort(kind))
        return for_all((bound,), body(bound))

    def some(self, kind: str, body: Callable[[Term], Term], name: str = "p") -> Term:
        if kind in self.processes and not self.quantified:
            return disjunction(body(process) for process in self.processes[kind])
        bound = fresh(name, process_sort(kind))
        return there_is((bound,), body(bound))

    def precedes(self, kind: str, left: Term, right: Term) -> Term:
        """Whether a process of an ordered kind is at or before another."""
        if kind not in self.processes:
            return equal(left, right) if left is right else apply(f"order/{kind}", BOOL, left, right)
        everyone = self.processes[kind]
        return disjunction(
            conjunction((equal(left, one), disjunction(equal(right, other) for other in everyone[index:])))
            for index, one in enumerate(everyone)
        )


def base_view(setting: Setting) -> View:
    """The state whose symbols are not known: any state."""
    symbols = setting.symbols

    def view(symbol: str, arguments: tuple[Term, ...]) -> Term:
        return apply(symbol, symbols[symbol].result, *arguments)

    return view
