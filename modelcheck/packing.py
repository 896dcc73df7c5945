"""States of the reference semantics as packed words, and back."""

from __future__ import annotations

from collections.abc import Iterator

from modelcheck.layout import OCCUPIED, WORD, Layout, Row, decode, encode
from modelcheck.model import Link, Name, Packet, ProcessState, State, packet_order
from spec.protocol import Message
from spec.types import MapType


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
