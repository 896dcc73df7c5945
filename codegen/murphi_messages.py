"""What a message is while it is under way, in Murphi: the indices of an array, or the fields of a queue's slot."""

from __future__ import annotations

from codegen.instance import Names
from codegen.murphi_names import Tables, process_constants, stored_type
from codegen.murphi_text import Code, compare
from codegen.murphi_values import MapCode, OptionCode, ValueCode, chosen, one_of
from spec.protocol import Message
from spec.types import BoolType, EnumType, IntType, MapType, NatType, OptionType, ProcessType, SetType, Type

Lines = list[str]


def message_arrays(made: Tables) -> bool:
    """Whether each message has an array of its own; else they wait in queues."""
    return made.instance.network.is_growing_set or made.instance.network.reordering


def with_receiver(message: Message, made: Tables) -> bool:
    """Whether the array of a message has its receiver for an index."""
    return message.name not in made.broadcast_only


def link_of(sender: str, receiver: str) -> str:
    return f"{sender} -> {receiver}"


def field_of(message: str, parameter: str) -> str:
    return f"{message}_of_{parameter}"


def interval_of(message: Message, position: int, made: Tables) -> tuple[int, int]:
    return made.ranges.arriving.get((message.name, position), (0, 0))


def dimensions(of: Type, interval: tuple[int, int], message: Message, made: Tables) -> list[str]:
    """The index types that stand for a value of a type."""
    match of:
        case BoolType() | EnumType() | NatType() | IntType() | ProcessType():
            return [stored_type(of, interval, made)]
        case OptionType(inner):
            return ["boolean", *dimensions(inner, interval, message, made)]
        case SetType(ProcessType(kind)):
            return ["boolean"] * len(constants_of(kind, message, made))
        case MapType(ProcessType(kind), inner):
            return dimensions(inner, interval, message, made) * len(constants_of(kind, message, made))
    raise TypeError(f"no type of an argument: {of}")


def constants_of(kind: str, message: Message, made: Tables) -> list[str]:
    constants = process_constants(kind, made)
    if constants is None:
        construct = f"a set or map of `{kind}` in the message `{message.name}`"
        reason = "it would have to index an array by single processes, which a scalarset hides; export without symmetry"
        raise made.refuse(construct, reason, message.span)
    return constants


def any_value(
    of: Type, interval: tuple[int, int], wanted: str, message: Message, made: Tables, names: Names
) -> tuple[Lines, ValueCode]:
    """Variables of a rule that go over all values of a type, in the order of its indices, and the value they make."""
    match of:
        case OptionType(inner):
            some = names.new(f"{wanted}_given")
            declared, what = any_value(inner, interval, wanted, message, made, names)
            assert isinstance(what, Code)
            return [f"{some}: boolean", *declared], OptionCode(Code(some), what)
        case SetType(ProcessType(kind)):
            said = [(c, names.new(f"{wanted}_has_{c}")) for c in constants_of(kind, message, made)]
            return [f"{name}: boolean" for _, name in said], one_of([(c, Code(name)) for c, name in said])
        case MapType(ProcessType(kind), inner):
            constants = constants_of(kind, message, made)
            parts = [any_value(inner, interval, f"{wanted}_{c}", message, made, names) for c in constants]

            def entry(x: Code) -> ValueCode:
                found = parts[-1][1]
                for c, (_, what) in reversed(list(zip(constants, parts, strict=True))[:-1]):
                    found = chosen(compare("=", x, Code(c)), what, found)
                return found

            return [line for part in parts for line in part[0]], MapCode(entry)
        case _:
            name = names.new(wanted)
            return [f"{name}: {stored_type(of, interval, made)}"], Code(name)
