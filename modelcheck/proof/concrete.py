"""Concrete states as what the symbols of a state are, and back.

A raw value is a plain one: a truth value, a whole number, the number of a process within its kind, or the name of an
enumeration's value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from modelcheck.model import Name, ProcessState, State
from modelcheck.proof.logic import BOOL, NUMERIC, Term, constant, number, truth
from modelcheck.proof.setting import Setting, cut_symbol, process_sort, spent_symbol
from spec.types import BoolType, EnumType, MapType, OptionType, ProcessType, SetType, Type, Value

Raw = bool | int | str
Cell = tuple[str, tuple[int, ...]]
"""A symbol, and the numbers of the processes that it is applied to."""
Read = Callable[[str, tuple[int, ...]], Raw]
"""What a symbol is for some processes."""


def term_of(setting: Setting, raw: Raw, sort: str) -> Term:
    """A raw value as a term."""
    if sort == BOOL:
        return truth(bool(raw))
    if sort in NUMERIC:
        return number(int(raw), sort)
    if sort.startswith("process/"):
        return setting.processes[sort.removeprefix("process/")][int(raw)]
    return constant(f"value/{raw}", sort)


def raw_default(of: Type) -> Raw:
    """What an option that has no value holds; compare `setting.default`."""
    match of:
        case BoolType():
            return False
        case EnumType(values):
            return values[0]
        case _:
            return 0


# A state as cells ----------------------------------------------------------------------------------------------------


def cells_of(setting: Setting, state: State) -> dict[Cell, Raw]:
    """What every symbol is in a state, but for the messages under way and the history."""
    found: dict[Cell, Raw] = {}
    for kind, processes in zip(setting.protocol.kinds, state.processes, strict=True):
        for index, process in enumerate(processes):
            for variable, value in zip(kind.variables, process.values, strict=True):
                for symbol, beyond, raw in _cells(setting, f"{kind.name}.{variable.name}", variable.type, value):
                    found[symbol, (index, *beyond)] = raw
            for timer, armed in zip(kind.timers, process.armed, strict=True):
                found[f"{kind.name}/armed/{timer.name}", (index,)] = armed
            if setting.crashes:
                found[f"{kind.name}/up", (index,)] = process.up
    if setting.splits:
        for names in setting.model.names:
            for name in names:
                cut = bool(state.sides) and state.sides[setting.model.kind_index[name.kind]][name.number]
                found[cut_symbol(name.kind), (name.number,)] = cut
    spent = dict(zip(setting.model.bounded_faults, state.spent, strict=True))
    for fault in setting.counted:
        found[spent_symbol(fault), ()] = spent[fault]
    return found


def _cells(setting: Setting, name: str, of: Type, value: Value) -> Iterator[tuple[str, tuple[int, ...], Raw]]:
    match of:
        case MapType(_, inner):
            for key, entry in enumerate(value):
                for symbol, beyond, raw in _cells(setting, name, inner, entry):
                    yield symbol, (key, *beyond), raw
        case SetType(ProcessType(kind)):
            for one in range(setting.model.size(kind)):
                yield name, (one,), one in value
        case OptionType(ProcessType(kind)):
            for one in range(setting.model.size(kind)):
                yield name, (one,), value == one
        case OptionType(inner):
            yield f"{name}.given", (), value is not None
            yield name, (), raw_default(inner) if value is None else value
        case _:
            yield name, (), value


def columns_of(setting: Setting, value: Value, of: Type) -> tuple[Raw, ...]:
    """A value as a message carries it."""
    match of:
        case SetType(ProcessType(kind)):
            return tuple(one in value for one in range(setting.model.size(kind)))
        case OptionType(ProcessType(kind)):
            return tuple(value == one for one in range(setting.model.size(kind)))
        case OptionType(inner):
            return (False, raw_default(inner)) if value is None else (True, value)
        case _:
            return (value,)


# And back ------------------------------------------------------------------------------------------------------------


def state_of(setting: Setting, read: Read) -> State:
    """The state that the symbols describe, with nothing under way and no history."""
    model = setting.model
    processes = tuple(tuple(_process(setting, name, read) for name in names) for names in model.names)
    sides: tuple[tuple[bool, ...], ...] = ()
    if setting.splits:
        sides = tuple(
            tuple(bool(read(cut_symbol(name.kind), (name.number,))) for name in names) for names in model.names
        )
        if not any(map(any, sides)):
            sides = ()
    spent = tuple(int(read(spent_symbol(f), ())) if f in setting.counted else 0 for f in model.bounded_faults)
    return State(processes, frozenset(), frozenset(), sides, spent, frozenset())


def _process(setting: Setting, name: Name, read: Read) -> ProcessState:
    kind = setting.kinds[name.kind]
    own = (name.number,)
    return ProcessState(
        tuple(_value(setting, f"{kind.name}.{v.name}", v.type, own, read) for v in kind.variables),
        tuple(bool(read(f"{kind.name}/armed/{timer.name}", own)) for timer in kind.timers),
        bool(read(f"{kind.name}/up", own)) if setting.crashes else True,
    )


def _value(setting: Setting, name: str, of: Type, at: tuple[int, ...], read: Read) -> Value:
    match of:
        case MapType(key, inner):
            keys = range(setting.model.size(key.kind))
            return tuple(_value(setting, name, inner, (*at, entry), read) for entry in keys)
        case SetType(ProcessType(kind)):
            return frozenset(one for one in range(setting.model.size(kind)) if read(name, (*at, one)))
        case OptionType(ProcessType(kind)):
            return next((one for one in range(setting.model.size(kind)) if read(name, (*at, one))), None)
        case OptionType():
            return read(name, at) if read(f"{name}.given", at) else None
        case _:
            return read(name, at)


def arguments_of(setting: Setting, message: str, columns: Sequence[Raw]) -> tuple[Value, ...]:
    """What a message carries, from its columns."""
    left = list(columns)
    return tuple(carried(setting, of, left) for _, of in setting.messages[message].parameters)


def carried(setting: Setting, of: Type, left: list[Raw]) -> Value:
    """One value; its columns are taken from the front of what is left."""
    taken, left[:] = left[: len(setting.columns(of))], left[len(setting.columns(of)) :]
    match of:
        case SetType():
            return frozenset(one for one, within in enumerate(taken) if within)
        case OptionType(ProcessType()):
            return next((one for one, within in enumerate(taken) if within), None)
        case OptionType():
            return taken[1] if taken[0] else None
        case _:
            return taken[0]


def sort_of_column(setting: Setting, message: str) -> tuple[str, ...]:
    """The sorts of the columns of a message."""
    return tuple(sort for _, of in setting.messages[message].parameters for sort in setting.columns(of))


def process_number(of: Term) -> int:
    """Which of its kind a process constant is."""
    assert of.operator == "constant" and of.sort == process_sort(of.sort.removeprefix("process/"))
    return int(of.name.rsplit(".", 1)[1]) - 1


# Formulas of which all is known --------------------------------------------------------------------------------------


def evaluated(term: Term, read: Callable[[str, str], Raw]) -> Raw:
    """What a formula without quantifiers is, where `read` says what its constants are, by name and sort."""
    match term.operator:
        case "true" | "false":
            return term.operator == "true"
        case "number":
            return term.value
        case "constant":
            if term.sort.startswith("process/"):
                return process_number(term)
            return term.name.removeprefix("value/")
        case "apply":
            assert not term.arguments, f"{term} is no constant"
            return read(term.name, term.sort)
        case "and":
            return all(evaluated(one, read) for one in term.arguments)
        case "or":
            return any(evaluated(one, read) for one in term.arguments)
        case "not":
            return not evaluated(term.arguments[0], read)
        case "=>":
            return not evaluated(term.arguments[0], read) or evaluated(term.arguments[1], read)
        case "ite":
            return evaluated(term.arguments[1 if evaluated(term.arguments[0], read) else 2], read)
    one, other = (evaluated(argument, read) for argument in term.arguments)
    if term.operator == "=":
        return one == other
    assert not isinstance(one, str) and not isinstance(other, str)
    match term.operator:
        case "<=":
            return one <= other
        case "+":
            return one + other
        case "-":
            return one - other
        case "*":
            return one * other
    raise TypeError(f"not a formula without quantifiers: {term}")
