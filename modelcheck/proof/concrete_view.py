"""States of the reference semantics as states of the formulas, and back: for fixed sizes, where every symbol has a
value at every argument."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product

from modelcheck.model import Link, Name, Packet, ProcessState, State, packet_order
from modelcheck.proof.logic import (
    BOOL,
    FALSE,
    NUMBER,
    NUMERIC,
    POSITION,
    TRUE,
    Term,
    choice,
    conjunction,
    constant,
    disjunction,
    equal,
    number,
    subterms,
    truth,
    variable,
)
from modelcheck.proof.quorums import minimal_quorums
from modelcheck.proof.setting import (
    Setting,
    View,
    cut_symbol,
    default,
    literal,
    process_sort,
    quorum_sort,
    spent_symbol,
)
from modelcheck.proof.smtlib import quorum_kinds
from modelcheck.properties import is_quorum
from spec.types import EnumType, MapType, OptionType, ProcessType, SetType, Type, Value

Place = tuple[Term, ...]
Tables = Mapping[str, Mapping[Place, Term]]
"""What every symbol is at all constants. Where nothing stands, it is false."""

CONSTANT = ("constant", "number", "true", "false")


# From a state --------------------------------------------------------------------------------------------------------


def view_of(setting: Setting, state: State) -> View:
    """A state as a view: every symbol at constants is a constant."""
    return view_of_tables(setting, tables_of(setting, state))


def view_of_tables(setting: Setting, tables: Tables) -> View:
    symbols = setting.symbols

    def view(symbol: str, arguments: Place) -> Term:
        table = tables[symbol]
        if all(argument.operator in CONSTANT for argument in arguments):
            return table.get(arguments, FALSE)
        here = {place: conjunction(map(equal, arguments, place)) for place in table}
        if symbols[symbol].result == BOOL:
            return disjunction(when for place, when in here.items() if table[place] is TRUE)
        *others, last = table
        found = table[last]
        for place in others:
            found = choice(here[place], table[place], found)
        return found

    return view


def tables_of(setting: Setting, state: State) -> Tables:
    """A state as tables. What is under way on a link is at the positions 0, 1, ..."""
    tables: dict[str, dict[Place, Term]] = {symbol: {} for symbol in setting.symbols}
    model = setting.model
    for kind, group in zip(setting.protocol.kinds, state.processes, strict=True):
        for me, process in zip(setting.processes[kind.name], group, strict=True):
            for declared, value in zip(kind.variables, process.values, strict=True):
                for symbol, place, held in _cells(setting, f"{kind.name}.{declared.name}", value, declared.type, (me,)):
                    tables[symbol][place] = held
            for timer, armed in zip(kind.timers, process.armed, strict=True):
                tables[f"{kind.name}/armed/{timer.name}"][me,] = truth(armed)
            if setting.crashes:
                tables[f"{kind.name}/up"][me,] = truth(process.up)
            if setting.splits:
                cut = bool(state.sides) and state.sides[model.kind_index[kind.name]][_index(setting, me)]
                tables[cut_symbol(kind.name)][me,] = truth(cut)
    if setting.has_positions:
        for sender, receiver in setting.links:
            for ends in product(setting.processes[sender], setting.processes[receiver]):
                tables[f"end/{sender}/{receiver}"][ends] = number(0, POSITION)
    for link in state.links:
        for position, packet in enumerate(link.queue):
            tables[f"sent/{packet.message}"][_sent(setting, packet, number(position, POSITION))] = TRUE
        ends = (_process(setting, link.sender), _process(setting, link.receiver))
        tables[f"end/{link.sender.kind}/{link.receiver.kind}"][ends] = number(len(link.queue), POSITION)
    for packet in state.packets:
        tables[f"sent/{packet.message}"][_sent(setting, packet)] = TRUE
    for fault, spent in zip(model.bounded_faults, state.spent, strict=True):
        if fault in setting.counted:
            tables[spent_symbol(fault)][()] = number(spent)
    leader = setting.protocol.leader
    if leader is not None:
        for process_number, token in state.led:
            tables["led"][setting.processes[leader.kind][process_number], number(token)] = TRUE
    return tables


def _cells(setting: Setting, name: str, value: Value, of: Type, place: Place) -> Iterator[tuple[str, Place, Term]]:
    match of:
        case MapType(key, inner):
            for process, entry in zip(setting.processes[key.kind], value, strict=True):
                yield from _cells(setting, name, entry, inner, (*place, process))
        case SetType(ProcessType(kind)) | OptionType(ProcessType(kind)):
            for process, inside in zip(setting.processes[kind], columns_of(setting, value, of), strict=True):
                yield name, (*place, process), inside
        case OptionType():
            given, held = columns_of(setting, value, of)
            yield f"{name}.given", place, given
            yield name, place, held
        case _:
            yield name, place, columns_of(setting, value, of)[0]


def columns_of(setting: Setting, value: Value, of: Type) -> Place:
    """A value as the arguments that carry it in a message."""
    match of:
        case SetType(ProcessType(kind)):
            return tuple(truth(index in value) for index in range(len(setting.processes[kind])))
        case OptionType(ProcessType(kind)):
            return tuple(truth(index == value) for index in range(len(setting.processes[kind])))
        case OptionType(inner):
            return (FALSE, default(inner)) if value is None else (TRUE, literal(value, inner))
        case ProcessType(kind):
            return (setting.processes[kind][value],)
        case _:
            return (literal(value, of),)


def _process(setting: Setting, name: Name) -> Term:
    return setting.processes[name.kind][name.number]


def _index(setting: Setting, process: Term) -> int:
    return setting.processes[process.sort.removeprefix("process/")].index(process)


def _sent(setting: Setting, packet: Packet, *position: Term) -> Place:
    parameters = setting.messages[packet.message].parameters
    carried = (
        column
        for value, (_, of) in zip(packet.arguments, parameters, strict=True)
        for column in columns_of(setting, value, of)
    )
    return (_process(setting, packet.sender), _process(setting, packet.receiver), *position, *carried)


# Back to a state -----------------------------------------------------------------------------------------------------


def state_of(setting: Setting, view: View) -> State:
    """The state that a view of constants is: the inverse of `view_of`, up to positions."""
    evaluation = Evaluation(setting, {})
    return state_of_tables(setting, {s: evaluation.table(view, s) for s in setting.symbols})


def state_of_tables(setting: Setting, tables: Tables) -> State:
    """The state that tables are. Raises ValueError where they are none."""
    model, leader = setting.model, setting.protocol.leader
    processes = tuple(
        tuple(
            ProcessState(
                tuple(_held(setting, tables, f"{kind.name}.{v.name}", v.type, (me,)) for v in kind.variables),
                tuple(tables[f"{kind.name}/armed/{timer.name}"][me,] is TRUE for timer in kind.timers),
                not setting.crashes or tables[f"{kind.name}/up"][me,] is TRUE,
            )
            for me in setting.processes[kind.name]
        )
        for kind in setting.protocol.kinds
    )
    sides: tuple[tuple[bool, ...], ...] = ()
    if setting.splits:
        sides = tuple(
            tuple(tables[cut_symbol(kind)][me,] is TRUE for me in everyone)
            for kind, everyone in setting.processes.items()
        )
    spent = tuple(
        tables[spent_symbol(fault)][()].value if fault in setting.counted else 0 for fault in model.bounded_faults
    )
    led: frozenset[tuple[int, int]] = frozenset()
    if leader is not None:
        led = frozenset((_index(setting, p), token.value) for (p, token), held in tables["led"].items() if held is TRUE)
    packets, links = _under_way(setting, tables)
    return State(processes, packets, links, sides if any(map(any, sides)) else (), spent, led)


def _under_way(setting: Setting, tables: Tables) -> tuple[frozenset[Packet], frozenset[Link]]:
    packets: set[Packet] = set()
    queues: dict[tuple[Name, Name], dict[int, Packet]] = {}
    for message in setting.protocol.messages:
        for (sender, receiver, *rest), held in tables[f"sent/{message.name}"].items():
            if held is not TRUE:
                continue
            position = rest.pop(0).value if setting.has_positions else 0
            arguments = []
            for _, of in message.parameters:
                count = len(setting.columns(of))
                arguments.append(_carried(setting, tuple(rest[:count]), of))
                del rest[:count]
            ends = (
                Name(message.sender, _index(setting, sender)),
                Name(message.receiver, _index(setting, receiver)),
            )
            packet = Packet(message.name, *ends, tuple(arguments))
            if not setting.has_positions:
                packets.add(packet)
                continue
            queue = queues.setdefault(ends, {})
            end = tables[f"end/{message.sender}/{message.receiver}"][sender, receiver].value
            if position in queue or not 0 <= position < end:
                raise ValueError(f"{packet} at position {position}")
            queue[position] = packet
    order = packet_order if setting.network.reordering else None
    links = []
    for (one, other), queue in queues.items():
        in_order = [queue[position] for position in sorted(queue)]
        links.append(Link(one, other, tuple(sorted(in_order, key=order) if order is not None else in_order)))
    return frozenset(packets), frozenset(links)


def _held(setting: Setting, tables: Tables, name: str, of: Type, place: Place) -> Value:
    match of:
        case MapType(key, inner):
            return tuple(_held(setting, tables, name, inner, (*place, p)) for p in setting.processes[key.kind])
        case SetType(ProcessType(kind)) | OptionType(ProcessType(kind)):
            columns = tuple(tables[name][*place, process] for process in setting.processes[kind])
        case OptionType():
            columns = (tables[f"{name}.given"][place], tables[name][place])
        case _:
            columns = (tables[name][place],)
    return _carried(setting, columns, of)


def _carried(setting: Setting, columns: Place, of: Type) -> Value:
    match of:
        case SetType():
            return frozenset(index for index, inside in enumerate(columns) if inside is TRUE)
        case OptionType(ProcessType()):
            inside = [index for index, one in enumerate(columns) if one is TRUE]
            if len(inside) > 1:
                raise ValueError(f"{of}: {inside}")
            return inside[0] if inside else None
        case OptionType(inner):
            return _carried(setting, columns[1:], inner) if columns[0] is TRUE else None
        case ProcessType():
            return _index(setting, columns[0])
        case EnumType():
            return columns[0].name.removeprefix("value/")
        case _:
            return columns[0] is TRUE if columns[0].sort == BOOL else columns[0].value


# What a formula is in a state ----------------------------------------------------------------------------------------


_free: dict[Term, frozenset[Term]] = {}


def free_variables(term: Term) -> frozenset[Term]:
    found = _free.get(term)
    if found is None:
        if term.operator == "variable":
            found = frozenset((term,))
        else:
            found = frozenset().union(*map(free_variables, term.arguments))
            if term.operator in ("forall", "exists"):
                found -= set(term.arguments[:-1])
        _free[term] = found
    return found


class Evaluation:
    """What terms are where every symbol is known. Quantifiers over numbers range over those that stand in the tables:
    all else that they speak of is neither under way nor in the history. `sorts` are the members of further sorts."""

    def __init__(
        self,
        setting: Setting,
        tables: Tables,
        beside: Iterable[Tables] = (),
        sorts: Mapping[str, tuple[Term, ...]] | None = None,
    ) -> None:
        self.setting = setting
        self.tables = tables
        self.universe: dict[str, tuple[Term, ...]] = {BOOL: (FALSE, TRUE)}
        self.universe |= {process_sort(kind): everyone for kind, everyone in setting.processes.items()}
        self.universe |= setting.enumerations
        self.universe |= sorts or {}
        for sort in NUMERIC:
            inside = {
                part
                for known in (tables, *beside)
                for table in known.values()
                for place in table
                for part in place
                if part.sort == sort
            }
            if sort == NUMBER and setting.protocol.clocks is not None:
                inside |= {number(age) for age in range((setting.protocol.clocks.delay or -1) + 1)}
            self.universe[sort] = tuple(sorted(inside, key=lambda part: part.value))
        self._known: dict[Term, Term] = {}

    def is_true(self, term: Term) -> bool:
        return self.of(term) is TRUE

    def of(self, term: Term, bound: Mapping[Term, Term] | None = None) -> Term:
        """The constant that a term is, its free variables being `bound`."""
        return self._of(term, bound or {}, {})

    def _of(self, term: Term, bound: Mapping[Term, Term], memo: dict[Term, Term]) -> Term:
        if term.operator in CONSTANT:
            return term
        known = memo if free_variables(term) else self._known
        found = known.get(term)
        if found is None:
            found = known[term] = self._computed(term, bound, memo)
        return found

    def _computed(self, term: Term, bound: Mapping[Term, Term], memo: dict[Term, Term]) -> Term:
        def of(part: Term) -> Term:
            return self._of(part, bound, memo)

        match term.operator, term.arguments:
            case "variable", _:
                return bound[term]
            case "apply", arguments:
                return self.tables[term.name].get(tuple(map(of, arguments)), FALSE)
            case "not", (operand,):
                return truth(of(operand) is FALSE)
            case "and", parts:
                return truth(all(of(part) is TRUE for part in parts))
            case "or", parts:
                return truth(any(of(part) is TRUE for part in parts))
            case "=>", (condition, consequence):
                return truth(of(condition) is FALSE or of(consequence) is TRUE)
            case "ite", (condition, yes, no):
                return of(yes) if of(condition) is TRUE else of(no)
            case "=", (left, right):
                one, other = of(left), of(right)
                # The sorts of numbers are the encoding's affair.
                return truth(one is other or (one.operator == other.operator == "number" and one.value == other.value))
            case "<=", (left, right):
                return truth(of(left).value <= of(right).value)
            case "+", (left, right):
                return number(of(left).value + of(right).value, term.sort)
            case "-", (left, right):
                return number(of(left).value - of(right).value, term.sort)
            case "*", (left, right):
                return number(of(left).value * of(right).value, term.sort)
            case "forall" | "exists", (*variables, body):
                each = (
                    self._of(body, {**bound, **dict(zip(variables, chosen, strict=True))}, {}) is TRUE
                    for chosen in product(*(self.universe[one.sort] for one in variables))
                )
                return truth(all(each) if term.operator == "forall" else any(each))
        raise TypeError(f"not evaluated: {term}")

    def table(self, view: View, symbol: str) -> dict[Place, Term]:
        """What a view says of a symbol, at every place. At which numbers something may be under way is read off the
        view's formula: those that stand in it, or in the tables."""
        sorts = self.setting.symbols[symbol].arguments
        places = tuple(variable(f"place{i}!", sort) for i, sort in enumerate(sorts))
        body = view(symbol, places)
        found: dict[Place, Term] = {}
        finite = tuple(place for place in places if place.sort not in NUMERIC)
        numeric = tuple(place for place in places if place.sort in NUMERIC)
        parts = [p for p in subterms(body) if p.sort in NUMERIC and free_variables(p) <= set(finite)] if numeric else []
        for chosen in product(*(self.universe[place.sort] for place in finite)):
            bound = dict(zip(finite, chosen, strict=True))
            inside = {sort: dict.fromkeys(self.universe[sort]) for sort in NUMERIC}
            for part in parts:
                inside[part.sort][self.of(part, bound)] = None
            for numbers in product(*(inside[place.sort] for place in numeric)):
                all_bound = {**bound, **dict(zip(numeric, numbers, strict=True))}
                value = self.of(body, all_bound)
                if not numeric or value is TRUE:
                    found[tuple(all_bound[place] for place in places)] = value
        return found


def quorum_tables(setting: Setting) -> Tables:
    """Who together is a quorum, by the protocol's own definition."""
    return {
        f"quorum/{kind}": {
            tuple(map(truth, inside)): truth(
                is_quorum(setting.model, kind, frozenset(i for i, within in enumerate(inside) if within))
            )
            for inside in product((False, True), repeat=len(everyone))
        }
        for kind, everyone in setting.processes.items()
    }


def structure(setting: Setting) -> tuple[Mapping[str, tuple[Term, ...]], Tables]:
    """What formulas for any number of processes speak of besides a state, where there are so many as `setting` has: the
    quorums and who is in them; of an ordered kind, the order and who is next. The sorts' members and the tables."""
    sorts: dict[str, tuple[Term, ...]] = {}
    tables: dict[str, dict[Place, Term]] = {}
    for kind in quorum_kinds(setting):
        everyone = setting.processes[kind]
        quorums = minimal_quorums(setting, kind)
        sorts[quorum_sort(kind)] = names = tuple(
            constant(f"quorum.{number}", quorum_sort(kind)) for number in range(len(quorums))
        )
        tables[f"member/{kind}"] = {
            (process, name): truth(index in quorum)
            for name, quorum in zip(names, quorums, strict=True)
            for index, process in enumerate(everyone)
        }
    for declared in setting.protocol.kinds:
        kind, everyone = declared.name, setting.processes[declared.name]
        if declared.ordered:
            tables[f"order/{kind}"] = {
                (one, other): truth(here <= there)
                for here, one in enumerate(everyone)
                for there, other in enumerate(everyone)
            }
            for name, offset in (("successor", 1), ("predecessor", -1)):
                tables[f"{name}/{kind}"] = {
                    (one,): everyone[(here + offset) % len(everyone)] for here, one in enumerate(everyone)
                }
    return sorts, tables
