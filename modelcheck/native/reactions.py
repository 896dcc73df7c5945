"""Which of a sender's messages may make their receiver do something, as a C mask: all at once, before any is delivered.

A message is a bit of a block, see `layout`. Conditions that compare an argument with what does not depend on the
message become a look-up of the bits whose argument is less; `and`, `or` and `not` become those of the masks. What
cannot be told in this way is taken to be possible: a handler judges for itself what it is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from modelcheck.layout import Block
from modelcheck.native.expressions import Context, expression
from spec.lint import nodes
from spec.protocol import (
    Compare,
    Comparison,
    Connected,
    Connective,
    Expression,
    Filtered,
    Handler,
    If,
    Local,
    Not,
    OneOf,
    OnMessage,
    Quantified,
    Statement,
)
from spec.types import BoolType, EnumType, IntType, NatType, ProcessType

ALL = "~UINT64_C(0)"


@dataclass(frozen=True)
class Reaction:
    """`may` is a C expression of a mask that has all messages that may do something. It reads a table `below_0`,
    `below_1`, .. for each position in `positions`, and the sender `j` if `by_sender`."""

    may: str
    positions: tuple[int, ...]
    by_sender: bool


@dataclass(frozen=True)
class _Mask:
    """`exact`: the mask has none but the bits for which the condition holds."""

    text: str
    exact: bool


@dataclass(frozen=True)
class _Reading:
    """What names mean in a handler's conditions before it has done anything."""

    context: Context
    arguments: Mapping[int, int]
    """The position of each argument, by the identity of its local."""
    sender: Local
    block: Block


def reaction(handlers: tuple[Handler, ...], block: Block, context: Context) -> Reaction | None:
    """None where nothing can be told. The process is `me` in C; what its handlers read is as before the step."""
    masks: list[str] = []
    by_sender = False
    used: set[int] = set()
    for handler in handlers:
        event = handler.event
        assert isinstance(event, OnMessage)
        arguments = {local.identity: position for position, local in enumerate(event.parameters)}
        reading = _Reading(context, arguments, event.sender, block)
        conditions = list(_conditions(handler.body))
        body = _any([_mask(part, reading) if part is not None else None for part in conditions])
        guard = _mask(handler.guard, reading) if handler.guard is not None else None
        found = _both(guard, body)
        if found is None:
            return None
        text = found.text
        read = {local for part in (handler.guard, *conditions) if part is not None for local in _locals(part)}
        used |= {position for local, position in arguments.items() if local in read}
        if event.sender.identity in read:
            by_sender = True
            text = f"({{ const int64_t l{event.sender.identity} = j; {text}; }})"
        masks.append(text)
    return Reaction(f"({' | '.join(masks)})", tuple(sorted(used)), by_sender)


def tables(block: Block, positions: tuple[int, ...], word: int) -> Iterator[str]:
    """`below_POSITION[c]`: the cells of a word of the block whose argument at that position has a code less than c."""
    first = word * block.per_word
    for position in positions:
        rows = []
        for code in range(block.dims[position].size + 1):
            bits = 0
            for cell, indices in block.cells():
                if first <= cell < first + block.per_word and indices[position] < code:
                    bits |= 1 << (cell - first)
            rows.append(f"UINT64_C({hex(bits)})")
        yield f"static const uint64_t below_{position}[] = {{{', '.join(rows)}}};"


def _conditions(body: tuple[Statement, ...]) -> Iterator[Expression | None]:
    """A body does something only if one of these holds before it begins (None: it always may). Where no arm of its
    `if`s is taken, each of them finds the variables as they were."""
    for statement in body:
        if isinstance(statement, If):
            for arm in statement.arms:
                yield arm.condition
        else:
            yield None


def _any(masks: list[_Mask | None]) -> _Mask | None:
    known = [one for one in masks if one is not None]
    if len(known) < len(masks):
        return None
    return _Mask(f"({' | '.join(one.text for one in known) or '0'})", all(one.exact for one in known))


def _both(one: _Mask | None, other: _Mask | None) -> _Mask | None:
    if one is None or other is None:
        known = one or other
        return known and _Mask(known.text, False)
    return _Mask(f"({one.text} & {other.text})", one.exact and other.exact)


def _not(one: _Mask | None) -> _Mask | None:
    return _Mask(f"~{one.text}", True) if one is not None and one.exact else None


def _mask(part: Expression, reading: _Reading) -> _Mask | None:
    """The messages for which a condition may hold."""
    if _is_common(part, reading):
        return _Mask(f"({expression(part, reading.context)} ? {ALL} : 0)", True)
    match part:
        case Not():
            return _not(_mask(part.operand, reading))
        case Connected(Connective.AND):
            return _both(_mask(part.left, reading), _mask(part.right, reading))
        case Connected(Connective.OR):
            return _any([_mask(part.left, reading), _mask(part.right, reading)])
        case Connected(Connective.IMPLIES):
            return _any([_not(_mask(part.left, reading)), _mask(part.right, reading)])
        case OneOf():
            equal = (Compare(Comparison.EQUAL, part.value, other) for other in part.alternatives)
            return _any([_mask(one, reading) for one in equal])
        case Compare():
            return _compared(part, reading)
        case _:
            return None


def _locals(part: Expression) -> set[int]:
    """The identities of the locals that an expression reads, without those that it binds itself."""
    bound = {inner.variable.identity for inner in nodes(part) if isinstance(inner, Quantified | Filtered)}
    return {local.identity for local in nodes(part) if isinstance(local, Local)} - bound


def _is_common(part: Expression, reading: _Reading) -> bool:
    """Whether an expression has one value for all messages of a sender."""
    return _locals(part) <= {reading.sender.identity}


_TURNED = {
    Comparison.LESS: Comparison.GREATER,
    Comparison.LESS_EQUAL: Comparison.GREATER_EQUAL,
    Comparison.GREATER: Comparison.LESS,
    Comparison.GREATER_EQUAL: Comparison.LESS_EQUAL,
}


def _compared(part: Compare, reading: _Reading) -> _Mask | None:
    """A comparison of an argument with something else."""
    argument, other, comparison = part.left, part.right, part.comparison
    if not (isinstance(argument, Local) and argument.identity in reading.arguments):
        argument, other, comparison = other, argument, _TURNED.get(comparison, comparison)
    if not (isinstance(argument, Local) and argument.identity in reading.arguments and _is_common(other, reading)):
        return None
    match argument.type:
        case IntType(low, _):
            pass
        case NatType() | BoolType() | EnumType() | ProcessType():
            low = 0
        case _:
            return None
    position = reading.arguments[argument.identity]
    size = reading.block.dims[position].size
    value = expression(other, reading.context)
    less = f"below_{position}[code_between({value}, {low}, {size})]"
    less_equal = f"below_{position}[code_between({value} + 1, {low}, {size})]"
    texts = {
        Comparison.LESS: less,
        Comparison.LESS_EQUAL: less_equal,
        Comparison.GREATER: f"~{less_equal}",
        Comparison.GREATER_EQUAL: f"~{less}",
        Comparison.EQUAL: f"({less_equal} & ~{less})",
        Comparison.DIFFERENT: f"~({less_equal} & ~{less})",
    }
    return _Mask(texts[comparison], True)
