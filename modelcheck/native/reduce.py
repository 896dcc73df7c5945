"""Reductions as C: dead variables are set to their initial values, dead messages are forgotten."""

from __future__ import annotations

from collections.abc import Iterator

from modelcheck.dead_messages import DeadMessages
from modelcheck.layout import Block, Layout, Sending, encode
from modelcheck.model import Name, Packet
from modelcheck.native.rows import block_masks, get
from modelcheck.reductions import Reductions
from spec.protocol import ProcessKind
from spec.types import EnumType, MapType


def reductions(layout: Layout, found: Reductions) -> Iterator[str]:
    """`settle_KIND(row)` for what concerns a process alone, `forget(rows)` for messages, `settle_all(rows)`."""
    kinds = layout.model.protocol.kinds
    for index, kind in enumerate(kinds):
        yield _settle(layout, index, kind, found)
    yield from _forget(layout, found.messages)
    lines = []
    for index, kind in enumerate(kinds):
        row = f"rows + {layout.offsets[index]} + i * {layout.rows[index].words}"
        lines.append(f"    for (int i = 0; i < {layout.model.sizes[index]}; i++)\n        settle_{kind.name}({row});")
    yield "static void settle_all(uint64_t *rows)\n{\n" + "\n".join(lines) + "\n    forget(rows);\n}"


def _settle(layout: Layout, index: int, kind: ProcessKind, found: Reductions) -> str:
    """All conditions are read before anything is set."""
    row = layout.rows[index]
    tests: list[str] = []
    actions: list[str] = []
    for rule in found.variables:
        if rule.kind != kind.name:
            continue
        control = kind.variable(rule.control)
        codes = sorted(encode(control.type, value) for value in rule.values)
        width = len(control.type.values) if isinstance(control.type, EnumType) else 2
        value = get(row.blocks[f"var_{rule.control}"], "row")
        name = f"dead{len(tests)}"
        if len(codes) == width:
            tests.append(f"    const int {name} = 1;")
        else:
            tests.append(f"    const int {name} = {hex(sum(1 << code for code in codes))} >> {value} & 1;")
        for word, mask, initial in _initial_bits(layout, row.blocks[f"var_{rule.variable}"], kind, rule.variable):
            bits = f"row[{word}] = (row[{word}] & ~UINT64_C({hex(mask)})) | UINT64_C({hex(initial)});"
            actions.append(f"    if ({name}) {bits}")
    return (
        f"static inline void settle_{kind.name}(uint64_t *row)\n{{\n    (void)row;\n"
        + "\n".join([*tests, *actions])
        + "\n}"
    )


def _initial_bits(layout: Layout, block: Block, kind: ProcessKind, variable: str) -> list[tuple[int, int, int]]:
    """(word, mask, bits) of a variable's initial value."""
    declared = kind.variable(variable)
    of = declared.type.value if isinstance(declared.type, MapType) else declared.type
    words: dict[int, tuple[int, int]] = {}
    for cell in range(block.count if block.width else 0):
        word, shift = block.place(cell)
        mask, bits = words.get(word, (0, 0))
        mask |= ((1 << block.width) - 1) << shift
        words[word] = (mask, bits | encode(of, declared.initial) << shift)
    return [(word, mask, bits) for word, (mask, bits) in sorted(words.items())]


# Messages --------------------------------------------------------------------------------------------------------


def _forget(layout: Layout, messages: tuple[DeadMessages, ...]) -> Iterator[str]:
    """A message is kept while it is not dead for all of its receivers.

    For each receiver a table gives, by the number of its local state, which row of masks says what it still needs."""
    model = layout.model
    if not any(of.dead for of in messages):
        yield "static inline void forget(uint64_t *rows) { (void)rows; }"
        return
    senders = [
        (name, word)
        for index, names in enumerate(model.names)
        for name in names
        for word in range(layout.rows[index].words)
        if _sent_bits(layout, index)[word]
    ]
    where = {(name, word): number for number, (name, word) in enumerate(senders)}
    lines = [f"    uint64_t needed[{len(senders)}] = {{0}};"]
    masks: dict[tuple[int, ...], int] = {}
    for index, kind in enumerate(model.protocol.kinds):
        of = next((one for one in messages if one.kind == kind.name), None)
        for receiver in model.names[index]:
            row = f"(rows + {layout.offsets[index] + receiver.number * layout.rows[index].words})"
            table = _needs(layout, receiver, of, where, masks)
            if of is None or len(set(table)) == 1:
                masks_at = str(table[0])
            else:
                needs = f"needs_{kind.name}_{receiver.number}"
                yield f"static const uint16_t {needs}[] = {{{', '.join(map(str, table))}}};"
                masks_at = f"{needs}[{_local_number(layout, index, of, row)}]"
            lines.append(
                f"    {{ const uint64_t *m = still_needed[{masks_at}]; "
                f"for (int i = 0; i < {len(senders)}; i++) needed[i] |= m[i]; }}"
            )
    rows = ", ".join("{" + ", ".join(f"UINT64_C({hex(m)})" for m in mask) + "}" for mask in masks)
    yield f"static const uint64_t still_needed[][{len(senders)}] = {{{rows}}};"
    for number, (sender, word) in enumerate(senders):
        index = model.kind_index[sender.kind]
        at = layout.offsets[index] + sender.number * layout.rows[index].words + word
        bits = _sent_bits(layout, index)[word]
        lines.append(f"    rows[{at}] &= ~UINT64_C({hex(bits)}) | needed[{number}];")
    yield "static void forget(uint64_t *rows)\n{\n" + "\n".join(lines) + "\n}"


def forgetting_masks(layout: Layout, found: Reductions, index: int) -> list[int]:
    """The bits of each word of a kind's rows on which it depends what is dead; none where nothing ever is."""
    if not any(of.dead for of in found.messages):
        return []
    masks = _sent_bits(layout, index)
    kind = layout.model.protocol.kinds[index].name
    for of in found.messages:
        for variable in of.variables if of.kind == kind else ():
            for word, bits in block_masks(layout.rows[index].blocks[f"var_{variable}"]).items():
                masks[word] |= bits
    return masks


def _sent_bits(layout: Layout, index: int) -> list[int]:
    """The bits of each word of a row that are messages."""
    masks = [0] * layout.rows[index].words
    for block in layout.rows[index].blocks.values():
        if block.name.startswith("sent_"):
            for word, bits in block_masks(block).items():
                masks[word] |= bits
    return masks


def _local_number(layout: Layout, index: int, of: DeadMessages, row: str) -> str:
    """The number of a receiver's local state among the table's entries."""
    number = "0"
    for variable, domain in zip(of.variables, of.domains, strict=True):
        value = get(layout.rows[index].blocks[f"var_{variable}"], row)
        number = value if number == "0" else f"({number}) * {len(domain)} + {value}"
    return number


def _needs(
    layout: Layout,
    receiver: Name,
    of: DeadMessages | None,
    where: dict[tuple[Name, int], int],
    masks: dict[tuple[int, ...], int],
) -> list[int]:
    """For each local state of a receiver, the number of the masks of what it still needs."""
    addressed = _addressed(layout, receiver)
    everything = _masks((bit for bit, _ in addressed), where)
    known: dict[frozenset[Packet], int] = {}

    def number(dead: frozenset[Packet]) -> int:
        if dead not in known:
            needed = _masks((bit for bit, packet in addressed if packet not in dead), where) if dead else everything
            known[dead] = masks.setdefault(needed, len(masks))
        return known[dead]

    table = [number(frozenset())]
    if of is not None:
        kind = layout.model.protocol.kind(receiver.kind)
        types = [kind.variable(name).type for name in of.variables]
        size = 1
        for domain in of.domains:
            size *= len(domain)
        table *= size
        found: list[tuple[int, frozenset[Packet]]] = []
        for (which, values), dead in of.dead.items():
            if which == receiver.number:
                at = 0
                for value, domain, type_ in zip(values, of.domains, types, strict=True):
                    at = at * len(domain) + encode(type_, value)
                found.append((at, dead))
        # In order, so that the same model always gives the same text, which is compiled once.
        for at, dead in sorted(found, key=lambda entry: entry[0]):
            table[at] = number(dead)
    return table


def _masks(bits: Iterator[tuple[Name, int, int]], where: dict[tuple[Name, int], int]) -> tuple[int, ...]:
    masks = [0] * len(where)
    for name, word, shift in bits:
        masks[where[name, word]] |= 1 << shift
    return tuple(masks)


def _addressed(layout: Layout, receiver: Name) -> list[tuple[tuple[Name, int, int], Packet]]:
    """The bits that stand for a message to a receiver (perhaps among others), each with that message."""
    found = []
    for sending in layout.sendings:
        if sending.message.receiver != receiver.kind:
            continue
        sender_kind = layout.model.kind_index[sending.message.sender]
        block = layout.rows[sender_kind].blocks[f"sent_{sending.message.name}"]
        for sender in layout.model.names[sender_kind]:
            found += [((sender, *place), packet) for place, packet in _bits(layout, sending, block, sender, receiver)]
    return found


def _bits(
    layout: Layout, sending: Sending, block: Block, sender: Name, receiver: Name
) -> Iterator[tuple[tuple[int, int], Packet]]:
    for cell, indices in block.cells():
        if sending.broadcast_only:
            if sender == receiver:
                continue
            codes = indices
        else:
            if indices[-1] != receiver.number:
                continue
            codes = indices[:-1]
        yield (
            block.place(cell),
            Packet(sending.message.name, sender, receiver, layout.arguments(sending.message, codes)),
        )
