"""How a state is packed into bits: what the emitted C code and Python agree on.

Each process has a row of 64-bit words: its variables, its armed timers, whether it is up, on which side of a
partition it is, the tokens it has led with, and what it has sent. A last row holds the counters of bounded faults.
The packed state is the rows' used bits one after the other, with the top bit of the first word always set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod

from modelcheck.model import Model
from spec.protocol import Broadcast, FaultKind, For, If, Message, Send, Statement
from spec.types import (
    BoolType,
    EnumType,
    IntType,
    MapType,
    NatType,
    OptionType,
    ProcessType,
    SetType,
    Type,
    Value,
)

WORD = 64
OCCUPIED = 1 << 63
MAX_CELLS = 1 << 14
"""More bits than this in one block of a row are no packed state any more."""


class Unsupported(Exception):
    """The protocol is beyond what the packed representation can hold; the plain engine explores it."""


# Values as codes -------------------------------------------------------------------------------------------------


def domain_size(model: Model, of: Type, cap: int) -> int:
    """How many codes a value needs; `cap` is the largest `nat`."""
    match of:
        case BoolType():
            return 2
        case EnumType(values):
            return len(values)
        case NatType():
            return cap + 1
        case IntType(low, high):
            return high - low + 1
        case ProcessType(kind):
            return model.size(kind)
        case OptionType(inner):
            return 1 + domain_size(model, inner, cap)
        case SetType(ProcessType(kind)):
            return 1 << min(model.size(kind), 20)
        case _:
            raise Unsupported(f"a value of type {of} cannot be packed")


def encode(of: Type, value: Value) -> int:
    match of:
        case EnumType(values):
            return values.index(value)
        case IntType(low, _):
            return int(value) - low
        case OptionType(inner):
            return 0 if value is None else 1 + encode(inner, value)
        case SetType():
            return sum(1 << member for member in value)
        case _:
            return int(value)


def decode(of: Type, code: int) -> Value:
    match of:
        case BoolType():
            return bool(code)
        case EnumType(values):
            return values[code]
        case IntType(low, _):
            return code + low
        case OptionType(inner):
            return None if code == 0 else decode(inner, code - 1)
        case SetType():
            return frozenset(i for i in range(code.bit_length()) if code >> i & 1)
        case _:
            return code


def bits_for(codes: int) -> int:
    return max(codes - 1, 0).bit_length()


# Blocks of a row -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Dim:
    """An axis of a block. Where it counts processes of `kind`, index `first + i` is process i (`first` is 1 where
    index 0 is `none`); with `subset`, index m is the set of the processes whose bits m has."""

    size: int
    kind: str | None = None
    first: int = 0
    subset: bool = False


@dataclass(frozen=True)
class Plain:
    """Content that says nothing about processes."""


@dataclass(frozen=True)
class ProcessCode:
    """Content is a process of `kind`, plus `first`."""

    kind: str
    first: int


@dataclass(frozen=True)
class Members:
    """Content is a set of processes of `kind`, one bit each."""

    kind: str


@dataclass(frozen=True)
class MessageCode:
    """Content is 0 or a message from one kind to another, see `Layout.codes`."""

    sender: str
    receiver: str


Content = Plain | ProcessCode | Members | MessageCode


@dataclass(frozen=True)
class Block:
    """Cells of equal width, `per_word` of them to a word, from a place in a row on."""

    name: str
    dims: tuple[Dim, ...]
    width: int
    content: Content
    word: int = 0
    shift: int = 0
    per_word: int = 1

    @property
    def count(self) -> int:
        return prod(dim.size for dim in self.dims)

    def place(self, cell: int) -> tuple[int, int]:
        return self.word + cell // self.per_word, self.shift + cell % self.per_word * self.width

    def cell(self, indices: tuple[int, ...]) -> int:
        cell = 0
        for index, dim in zip(indices, self.dims, strict=True):
            cell = cell * dim.size + index
        return cell

    def cells(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        return enumerate(product(*(range(dim.size) for dim in self.dims)))

    def get(self, row: list[int], cell: int) -> int:
        if self.width == 0:
            return 0
        word, shift = self.place(cell)
        return row[word] >> shift & ((1 << self.width) - 1)

    def put(self, row: list[int], cell: int, value: int) -> None:
        if self.width == 0:
            return
        word, shift = self.place(cell)
        mask = (1 << self.width) - 1
        row[word] = row[word] & ~(mask << shift) | (value & mask) << shift


@dataclass(frozen=True)
class Row:
    """`used` has the number of bits in use of each word."""

    blocks: dict[str, Block]
    used: tuple[int, ...]

    @property
    def words(self) -> int:
        return len(self.used)


def _row(blocks: Iterable[Block]) -> Row:
    placed: dict[str, Block] = {}
    used: list[int] = []
    for block in blocks:
        if block.width > WORD or block.count * block.width > MAX_CELLS:
            raise Unsupported(f"{block.name} needs {block.count * block.width} bits")
        bits = block.count * block.width
        if bits <= WORD:
            word = next((i for i, taken in enumerate(used) if taken + bits <= WORD), len(used))
            if word == len(used):
                used.append(0)
            where = Block(block.name, block.dims, block.width, block.content, word, used[word], max(block.count, 1))
            used[word] += bits
        else:
            per_word = WORD // block.width
            where = Block(block.name, block.dims, block.width, block.content, len(used), 0, per_word)
            left = block.count
            while left > 0:
                used.append(min(left, per_word) * block.width)
                left -= per_word
        placed[block.name] = where
    return Row(placed, tuple(used))


# The layout of a model -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sending:
    """How a message travels: `broadcast_only` if it never goes to a single receiver."""

    message: Message
    broadcast_only: bool


@dataclass(frozen=True)
class Layout:
    """`armed` are the timers, by kind and name, that are armed whenever their process is up: they need no bit."""

    model: Model
    armed: frozenset[tuple[str, str]] = frozenset()

    @cached_property
    def sendings(self) -> tuple[Sending, ...]:
        """The messages that some handler sends."""
        sent: dict[str, bool] = {}
        protocol = self.model.protocol
        bodies = [handler.body for handler in protocol.handlers] + [p.body for p in protocol.procedures]
        for statement in (s for body in bodies for s in statements(body)):
            if isinstance(statement, Send):
                sent[statement.message] = False
            elif isinstance(statement, Broadcast):
                sent.setdefault(statement.message, True)
        return tuple(Sending(m, sent[m.name]) for m in protocol.messages if m.name in sent)

    def sending(self, message: str) -> Sending | None:
        return next((s for s in self.sendings if s.message.name == message), None)

    @cached_property
    def has_sides(self) -> bool:
        return self.model.fault(FaultKind.PARTITION) is not None

    @cached_property
    def has_crash(self) -> bool:
        return self.model.fault(FaultKind.CRASH) is not None

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The rows of each kind's processes, and last the row of all else."""
        kinds = tuple(_row(self._blocks(index)) for index in range(len(self.model.protocol.kinds)))
        spent = _row(
            Block(f"spent{i}", (), bits_for((fault.up_to or 0) + 1), Plain())
            for i, fault in enumerate(self.model.bounded_faults)
        )
        return (*kinds, spent)

    def _blocks(self, index: int) -> Iterator[Block]:
        model = self.model
        kind = model.protocol.kinds[index]
        for variable in kind.variables:
            cap = model.caps.variables.get((kind.name, variable.name), 0)
            dims: tuple[Dim, ...] = ()
            of = variable.type
            if isinstance(of, MapType):
                dims = (Dim(model.size(of.key.kind), of.key.kind),)
                of = of.value
            yield Block(f"var_{variable.name}", dims, *self._content(of, cap))
        for timer in kind.timers:
            if (kind.name, timer.name) not in self.armed:
                yield Block(f"armed_{timer.name}", (), 1, Plain())
        if self.has_crash:
            yield Block("up", (), 1, Plain())
        if self.has_sides:
            yield Block("side", (), 1, Plain())
        leader = model.protocol.leader
        if leader is not None and leader.kind == kind.name:
            yield Block("led", (Dim(model.caps.token + 1),), 1, Plain())
        if model.network.is_growing_set:
            for sending in self.sendings:
                if sending.message.sender == kind.name:
                    yield Block(f"sent_{sending.message.name}", self.message_dims(sending), 1, Plain())
        else:
            for receiver in model.protocol.kinds:
                if codes := self.codes(kind.name, receiver.name):
                    dims = (Dim(model.size(receiver.name), receiver.name), Dim(model.channel))
                    content = MessageCode(kind.name, receiver.name)
                    yield Block(f"link_{receiver.name}", dims, bits_for(codes), content)

    def _content(self, of: Type, cap: int) -> tuple[int, Content]:
        match of:
            case SetType(ProcessType(kind)):
                return self.model.size(kind), Members(kind)
            case ProcessType(kind):
                return bits_for(self.model.size(kind)), ProcessCode(kind, 0)
            case OptionType(ProcessType(kind)):
                return bits_for(self.model.size(kind) + 1), ProcessCode(kind, 1)
            case _:
                return bits_for(domain_size(self.model, of, cap)), Plain()

    def argument_size(self, message: Message, position: int) -> int:
        cap = self.model.caps.arguments.get((message.name, position), 0)
        return domain_size(self.model, message.parameters[position][1], cap)

    def message_dims(self, sending: Sending) -> tuple[Dim, ...]:
        """An axis for each argument, and one for the receiver unless the message only ever goes to all."""
        message = sending.message
        dims = []
        for position, (_, of) in enumerate(message.parameters):
            size = self.argument_size(message, position)
            match of:
                case ProcessType(kind):
                    dims.append(Dim(size, kind))
                case OptionType(ProcessType(kind)):
                    dims.append(Dim(size, kind, 1))
                case SetType(ProcessType(kind)):
                    dims.append(Dim(size, kind, 0, True))
                case _:
                    dims.append(Dim(size))
        if not sending.broadcast_only:
            dims.append(Dim(self.model.size(message.receiver), message.receiver))
        return tuple(dims)

    # Links: what is under way, as codes ---------------------------------------------------------------------------

    def code_ranges(self, sender: str, receiver: str) -> tuple[tuple[Message, int, int], ...]:
        """The messages of a link, each with its first code and its number of codes; code 0 is no message."""
        ranges = []
        first = 1
        for sending in self.sendings:
            message = sending.message
            if (message.sender, message.receiver) == (sender, receiver):
                count = prod(self.argument_size(message, i) for i in range(len(message.parameters)))
                ranges.append((message, first, count))
                first += count
        if first > 1 << 16:
            raise Unsupported(f"there are {first - 1} different messages from a {sender} to a {receiver}")
        return tuple(ranges)

    def codes(self, sender: str, receiver: str) -> int:
        """How many codes the cells of a link take; 0 where nothing is ever sent."""
        ranges = self.code_ranges(sender, receiver)
        return ranges[-1][1] + ranges[-1][2] if ranges else 0

    def argument_codes(self, message: Message, index: int) -> tuple[int, ...]:
        codes = []
        for position in reversed(range(len(message.parameters))):
            index, code = divmod(index, self.argument_size(message, position))
            codes.append(code)
        return tuple(reversed(codes))

    def message_index(self, message: Message, codes: tuple[int, ...]) -> int:
        index = 0
        for position, code in enumerate(codes):
            index = index * self.argument_size(message, position) + code
        return index

    def arguments(self, message: Message, codes: tuple[int, ...]) -> tuple[Value, ...]:
        return tuple(decode(of, code) for (_, of), code in zip(message.parameters, codes, strict=True))

    # Where the rows are -------------------------------------------------------------------------------------------

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Where each kind's rows begin among all words of the rows; last, where the row of all else begins."""
        offsets = [0]
        for row, size in zip(self.rows, self.model.sizes, strict=False):
            offsets.append(offsets[-1] + row.words * size)
        return tuple(offsets)

    @property
    def row_words(self) -> int:
        """The words of all rows together."""
        return self.offsets[-1] + self.rows[-1].words

    @cached_property
    def used(self) -> tuple[int, ...]:
        """The bits in use of each word of the rows."""
        of_kinds = (row.used * size for row, size in zip(self.rows, self.model.sizes, strict=False))
        return (*(bits for used in of_kinds for bits in used), *self.rows[-1].used)

    @property
    def bits(self) -> int:
        """The bits of a packed state, without the one that is always set."""
        return sum(self.used)

    @property
    def words(self) -> int:
        return (self.bits + 1 + WORD - 1) // WORD


def statements(body: tuple[Statement, ...]) -> Iterator[Statement]:
    """All statements of a body, nested ones too (not those of called procedures)."""
    for statement in body:
        yield statement
        match statement:
            case If():
                for arm in statement.arms:
                    yield from statements(arm.body)
            case For():
                yield from statements(statement.body)
            case _:
                pass
