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

from modelcheck.model import Link, Model, Name, Packet, ProcessState, State
from modelcheck.semantics import packet_order
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


# States ----------------------------------------------------------------------------------------------------------


def pack_rows(layout: Layout, rows: list[int]) -> tuple[int, ...]:
    stream = 0
    at = 0
    for word, bits in zip(rows, layout.used, strict=True):
        stream |= word << at
        at += bits
    low = stream & (OCCUPIED - 1)
    whole = low | OCCUPIED | (stream >> 63) << 64
    return tuple(whole >> (WORD * i) & ((1 << WORD) - 1) for i in range(layout.words))


def unpack_rows(layout: Layout, words: tuple[int, ...]) -> list[int]:
    whole = sum(word << (WORD * i) for i, word in enumerate(words))
    stream = whole & (OCCUPIED - 1) | whole >> 64 << 63
    rows = []
    for bits in layout.used:
        rows.append(stream & ((1 << bits) - 1))
        stream >>= bits
    return rows


def pack(layout: Layout, state: State) -> tuple[int, ...]:
    """The packed form of a state, as it is (not of its orbit)."""
    return pack_rows(layout, _rows_of(layout, state))


def _rows_of(layout: Layout, state: State) -> list[int]:
    model = layout.model
    rows: list[int] = []
    for index, (kind, row) in enumerate(zip(model.protocol.kinds, layout.rows, strict=False)):
        for number, process in enumerate(state.processes[index]):
            words = [0] * row.words
            for variable, value in zip(kind.variables, process.values, strict=True):
                block = row.blocks[f"var_{variable.name}"]
                if isinstance(variable.type, MapType):
                    for key, entry in enumerate(value):
                        block.put(words, key, encode(variable.type.value, entry))
                else:
                    block.put(words, 0, encode(variable.type, value))
            for timer, armed in zip(kind.timers, process.armed, strict=True):
                if (kind.name, timer.name) in layout.armed:
                    assert armed == process.up
                    continue
                row.blocks[f"armed_{timer.name}"].put(words, 0, int(armed))
            if layout.has_crash:
                row.blocks["up"].put(words, 0, int(process.up))
            if layout.has_sides and state.sides:
                row.blocks["side"].put(words, 0, int(state.sides[index][number]))
            if "led" in row.blocks:
                for leader, token in state.led:
                    if leader == number:
                        row.blocks["led"].put(words, token, 1)
            name = Name(kind.name, number)
            for packet in state.packets:
                if packet.sender == name:
                    _put_packet(layout, row, words, packet)
            for link in state.links:
                if link.sender == name:
                    _put_link(layout, row, words, link)
            rows += words
    spent = [0] * layout.rows[-1].words
    for i, times in enumerate(state.spent):
        layout.rows[-1].blocks[f"spent{i}"].put(spent, 0, times)
    return rows + spent


def _codes_of(message: Message, packet: Packet) -> tuple[int, ...]:
    return tuple(encode(of, a) for (_, of), a in zip(message.parameters, packet.arguments, strict=True))


def _put_packet(layout: Layout, row: Row, words: list[int], packet: Packet) -> None:
    sending = layout.sending(packet.message)
    assert sending is not None
    codes = _codes_of(sending.message, packet)
    block = row.blocks[f"sent_{packet.message}"]
    block.put(words, block.cell(codes if sending.broadcast_only else (*codes, packet.receiver.number)), 1)


def _put_link(layout: Layout, row: Row, words: list[int], link: Link) -> None:
    firsts = {m.name: first for m, first, _ in layout.code_ranges(link.sender.kind, link.receiver.kind)}
    codes = []
    for packet in link.queue:
        message = layout.model.protocol.message(packet.message)
        codes.append(firsts[message.name] + layout.message_index(message, _codes_of(message, packet)))
    block = row.blocks[f"link_{link.receiver.kind}"]
    for position, code in enumerate(sorted(codes) if layout.model.network.reordering else codes):
        block.put(words, link.receiver.number * layout.model.channel + position, code)


def unpack(layout: Layout, packed: tuple[int, ...]) -> State:
    model = layout.model
    flat = unpack_rows(layout, packed)
    processes, sides = [], []
    packets: list[Packet] = []
    links: list[Link] = []
    led: list[tuple[int, int]] = []
    for index, (kind, row) in enumerate(zip(model.protocol.kinds, layout.rows, strict=False)):
        states, cut = [], []
        for name in model.names[index]:
            start = layout.offsets[index] + name.number * row.words
            words = flat[start : start + row.words]
            values = []
            for variable in kind.variables:
                block = row.blocks[f"var_{variable.name}"]
                if isinstance(variable.type, MapType):
                    of = variable.type.value
                    values.append(tuple(decode(of, block.get(words, key)) for key in range(block.count)))
                else:
                    values.append(decode(variable.type, block.get(words, 0)))
            up = not layout.has_crash or bool(row.blocks["up"].get(words, 0))
            armed = tuple(
                up if (kind.name, t.name) in layout.armed else bool(row.blocks[f"armed_{t.name}"].get(words, 0))
                for t in kind.timers
            )
            states.append(ProcessState(tuple(values), armed, up))
            cut.append(layout.has_sides and bool(row.blocks["side"].get(words, 0)))
            if "led" in row.blocks:
                block = row.blocks["led"]
                led += [(name.number, token) for token in range(block.count) if block.get(words, token)]
            packets += _packets(layout, row, words, name)
            links += _links(layout, row, words, name)
        processes.append(tuple(states))
        sides.append(tuple(cut))
    spent_words = flat[layout.offsets[-1] :]
    spent = tuple(block.get(spent_words, 0) for block in layout.rows[-1].blocks.values())
    is_cut = any(side for cut in sides for side in cut)
    return State(
        tuple(processes), frozenset(packets), frozenset(links), tuple(sides) if is_cut else (), spent, frozenset(led)
    )


def _packets(layout: Layout, row: Row, words: list[int], sender: Name) -> Iterator[Packet]:
    for sending in layout.sendings:
        message = sending.message
        block = row.blocks.get(f"sent_{message.name}")
        if block is None or message.sender != sender.kind:
            continue
        everyone = [n for n in layout.model.names[layout.model.kind_index[message.receiver]] if n != sender]
        for cell, indices in block.cells():
            if block.get(words, cell):
                if sending.broadcast_only:
                    arguments = layout.arguments(message, indices)
                    yield from (Packet(message.name, sender, receiver, arguments) for receiver in everyone)
                else:
                    receiver = Name(message.receiver, indices[-1])
                    yield Packet(message.name, sender, receiver, layout.arguments(message, indices[:-1]))


def _links(layout: Layout, row: Row, words: list[int], sender: Name) -> Iterator[Link]:
    model = layout.model
    for kind in model.protocol.kinds:
        block = row.blocks.get(f"link_{kind.name}")
        if block is None:
            continue
        ranges = layout.code_ranges(sender.kind, kind.name)
        for receiver in model.names[model.kind_index[kind.name]]:
            queue = []
            for position in range(model.channel):
                code = block.get(words, receiver.number * model.channel + position)
                if code:
                    message, first, _ = next(r for r in ranges if r[1] <= code < r[1] + r[2])
                    arguments = layout.arguments(message, layout.argument_codes(message, code - first))
                    queue.append(Packet(message.name, sender, receiver, arguments))
            if queue:
                if model.network.reordering:
                    queue.sort(key=packet_order)
                yield Link(sender, receiver, tuple(queue))
