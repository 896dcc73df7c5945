"""Types of the language as text that makes Hypothesis draw values of them."""

from __future__ import annotations

from codegen.python.values import value_text
from spec.types import BoolType, EnumType, IntType, MapType, NatType, OptionType, ProcessType, SetType, Type


def strategy_text(of: Type) -> str:
    """A strategy, where `sizes` says how many processes there are of each kind, and `processes` draws one of a kind."""
    match of:
        case BoolType():
            return "st.booleans()"
        case EnumType(values):
            return f"st.sampled_from([{', '.join(map(value_text, values))}])"
        case NatType():
            return "NATURALS"
        case IntType(low, high):
            return f"st.integers({low}, {high})"
        case ProcessType(kind):
            return f'processes["{kind}"]'
        case OptionType(inner):
            return f"st.none() | {strategy_text(inner)}"
        case SetType(inner):
            return f"st.frozensets({strategy_text(inner)})"
        case MapType(key, inner):
            return f'st.tuples(*[{strategy_text(inner)}] * sizes["{key.kind}"])'
        case _:
            raise TypeError(f"nothing of type {of} is stored")
