"""The canonical form of a state as C: one state for each orbit under renaming the processes of unordered kinds.

Processes are sorted by a signature that no renaming changes, refined over references where that leaves ties, and
within ties all orders are tried and the least state is taken. A weak signature costs time and nothing else. Two
processes whose exchange changes nothing need not be tried in both orders.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from math import prod

from modelcheck.layout import Block, Dim, Layout, Members, MessageCode, Plain, ProcessCode, Row
from modelcheck.native.rows import get
from spec.types import OptionType, ProcessType, SetType


def symmetric_kinds(layout: Layout) -> tuple[int, ...]:
    """The kinds that have processes to rename."""
    model = layout.model
    return tuple(i for i, kind in enumerate(model.protocol.kinds) if not kind.ordered and model.sizes[i] > 1)


def has_process_arguments(layout: Layout, content: MessageCode) -> bool:
    return any(
        _is_process(of)
        for message, _, _ in layout.code_ranges(content.sender, content.receiver)
        for _, of in message.parameters
    )


def _is_process(of: object) -> bool:
    match of:
        case ProcessType() | SetType() | OptionType(ProcessType()):
            return True
        case _:
            return False


# Exchanging two processes ----------------------------------------------------------------------------------------


@dataclass
class _Exchange:
    """What exchanging the processes a < b of a kind does to a row: bits that trade places within a word (a mask of
    the lower ones and the distance, for each pair), and fields that trade places across words."""

    within: dict[tuple[int, str], dict[tuple[int, int], tuple[int, int]]] = field(default_factory=dict)
    across: dict[tuple[int, int], list[tuple[int, int, int, int, int]]] = field(default_factory=dict)

    def trade(self, pair: tuple[int, int], tag: str, one: tuple[int, int], other: tuple[int, int], width: int) -> None:
        (word, low), (other_word, high) = sorted((one, other))
        if word != other_word:
            self.across.setdefault(pair, []).append((word, low, other_word, high, width))
            return
        places = self.within.setdefault((word, tag), {})
        mask, distance = places.get(pair, (0, high - low))
        assert distance == high - low
        places[pair] = (mask | ((1 << width) - 1) << low, distance)


def _exchange(layout: Layout, row: Row, kind: str) -> list[_Exchange]:
    """What is to be done one after the other. What stays within words can all be done in any order; a block that
    spans words has each of its axes for itself."""
    together = _Exchange()
    found = [together]
    size = layout.model.size(kind)
    for block in row.blocks.values():
        if block.width == 0 or block.count == 0:
            continue
        for axis, dim in enumerate(block.dims):
            if dim.kind == kind:
                exchange = together
                if block.count > block.per_word:
                    exchange = _Exchange()
                    found.append(exchange)
                _exchange_axis(block, axis, size, exchange)
        if isinstance(block.content, Members) and block.content.kind == kind:
            for a, b in combinations(range(size), 2):
                for cell in range(block.count):
                    word, shift = block.place(cell)
                    together.trade((a, b), "stride 1", (word, shift + a), (word, shift + b), 1)
    return found


def _exchange_axis(block: Block, axis: int, size: int, exchange: _Exchange) -> None:
    dim = block.dims[axis]
    stride = block.width * prod(later.size for later in block.dims[axis + 1 :])
    tag = f"{block.name} {axis}" if dim.subset else f"stride {stride}"
    for a, b in combinations(range(size), 2):
        for cell, indices in block.cells():
            moved = _moved(indices[axis], dim, a, b)
            if moved > indices[axis]:
                other = block.cell((*indices[:axis], moved, *indices[axis + 1 :]))
                exchange.trade((a, b), tag, block.place(cell), block.place(other), block.width)


def _moved(index: int, dim: Dim, a: int, b: int) -> int:
    """Where exchanging a and b takes an index of an axis."""
    if dim.subset:
        bits = (index >> a & 1, index >> b & 1)
        return index if bits[0] == bits[1] else index ^ (1 << a | 1 << b)
    process = index - dim.first
    return b + dim.first if process == a else a + dim.first if process == b else index


def pair_number(a: int, b: int) -> int:
    """The number of the pair a < b among all pairs, whatever the size."""
    return b * (b - 1) // 2 + a


def exchanges(layout: Layout) -> Iterator[str]:
    """`exchange_KIND(rows, a, b)` for a < b: the same state with the two processes' names exchanged."""
    model = layout.model
    for index in symmetric_kinds(layout):
        kind = model.protocol.kinds[index].name
        size = model.sizes[index]
        pairs = sorted(combinations(range(size), 2), key=lambda pair: pair_number(*pair))
        body = [f"static inline void exchange_{kind}(uint64_t *rows, uint32_t a, uint32_t b)", "{"]
        body += ["    const uint32_t pair = b * (b - 1) / 2 + a;", "    (void)pair;"]
        for other, row in enumerate(layout.rows[:-1]):
            text = list(_exchange_row(layout, row, kind, pairs, f"{kind}_{other}"))
            if text:
                yield from (line for line in text if line.startswith("static const"))
                body.append(
                    f"    for (uint64_t *row = rows + {layout.offsets[other]}; "
                    f"row < rows + {layout.offsets[other + 1]}; row += {row.words}) {{"
                )
                body += [f"        {line}" for line in text if not line.startswith("static const")]
                body.append("    }")
        words = layout.rows[index].words
        start = layout.offsets[index]
        if words:
            body.append(f"    for (int i = 0; i < {words}; i++) {{")
            body.append(f"        const uint64_t kept = rows[{start} + a * {words} + i];")
            body.append(f"        rows[{start} + a * {words} + i] = rows[{start} + b * {words} + i];")
            body.append(f"        rows[{start} + b * {words} + i] = kept;")
            body.append("    }")
        yield "\n".join([*body, "}"])


def _exchange_row(layout: Layout, row: Row, kind: str, pairs: list[tuple[int, int]], name: str) -> Iterator[str]:
    number = 0
    for exchange in _exchange(layout, row, kind):
        for (word, _), places in sorted(exchange.within.items()):
            masks = ", ".join(f"UINT64_C({hex(places.get(pair, (0, 0))[0])})" for pair in pairs)
            distances = ", ".join(str(places.get(pair, (0, 0))[1]) for pair in pairs)
            yield f"static const uint64_t mask_{name}_{number}[] = {{{masks}}};"
            yield f"static const uint8_t distance_{name}_{number}[] = {{{distances}}};"
            yield (
                f"{{ const uint64_t d = distance_{name}_{number}[pair], "
                f"x = (row[{word}] >> d ^ row[{word}]) & mask_{name}_{number}[pair]; row[{word}] ^= x ^ x << d; }}"
            )
            number += 1
        if exchange.across:
            most = max(len(trades) for trades in exchange.across.values())
            table = []
            for pair in pairs:
                trades = exchange.across.get(pair, [])
                trades = trades + [(0, 0, 0, 0, 0)] * (most - len(trades))
                table.append("{" + ", ".join("{" + ", ".join(map(str, trade)) + "}" for trade in trades) + "}")
            yield f"static const struct trade trades_{name}_{number}[][{most}] = {{{', '.join(table)}}};"
            yield f"for (int i = 0; i < {most}; i++) trade_fields(row, &trades_{name}_{number}[pair][i]);"
            number += 1
    for block in row.blocks.values():
        match block.content:
            case ProcessCode(of, first) if of == kind and block.width:
                for cell in range(block.count):
                    word, shift = block.place(cell)
                    yield (
                        f"row[{word}] = exchange_code(row[{word}], {shift}, UINT64_C({hex((1 << block.width) - 1)}), "
                        f"a + {first}, b + {first});"
                    )
            case MessageCode() if has_process_arguments(layout, block.content):
                table_name = f"recoded_{name}_{block.name}"
                yield _recoding(layout, block.content, kind, pairs, table_name)
                yield from _recode(layout, block, table_name)
            case _:
                pass


def _recoding(layout: Layout, content: MessageCode, kind: str, pairs: list[tuple[int, int]], name: str) -> str:
    """A table of what each message code becomes when two processes are exchanged."""
    tables = []
    for a, b in pairs:
        codes = [0]
        for message, first, count in layout.code_ranges(content.sender, content.receiver):
            for index in range(count):
                arguments = []
                for code, (_, of) in zip(layout.argument_codes(message, index), message.parameters, strict=True):
                    match of:
                        case ProcessType(other) if other == kind:
                            code = _moved(code, Dim(0, kind), a, b)
                        case OptionType(ProcessType(other)) if other == kind:
                            code = _moved(code, Dim(0, kind, 1), a, b)
                        case SetType(ProcessType(other)) if other == kind:
                            code = _moved(code, Dim(0, kind, 0, True), a, b)
                        case _:
                            pass
                    arguments.append(code)
                codes.append(first + layout.message_index(message, tuple(arguments)))
        tables.append("{" + ", ".join(map(str, codes)) + "}")
    return (
        f"static const uint16_t {name}[][{layout.codes(content.sender, content.receiver)}] = {{{', '.join(tables)}}};"
    )


def _recode(layout: Layout, block: Block, table: str) -> Iterator[str]:
    assert isinstance(block.content, MessageCode)
    sender, receiver = block.content.sender, block.content.receiver
    channel = layout.model.channel
    yield f"for (int to = 0; to < {layout.model.size(receiver)}; to++) {{"
    yield (
        f"    for (int i = 0; i < {channel}; i++) "
        f"put_cell_{sender}___{receiver}(row, to, i, {table}[pair][cell_{sender}___{receiver}(row, to, i)]);"
    )
    if layout.model.network.reordering:
        yield f"    sort_link_{sender}___{receiver}(row, to);"
    yield "}"


# Signatures ------------------------------------------------------------------------------------------------------


def _own_masks(layout: Layout, row: Row) -> list[int]:
    """The bits of each word of a row that say nothing about processes that can be renamed."""
    names = {layout.model.protocol.kinds[index].name for index in symmetric_kinds(layout)}
    masks = [0] * row.words
    for block in row.blocks.values():
        if block.name == "side" or any(dim.kind in names for dim in block.dims):
            continue
        match block.content:
            case ProcessCode(kind, _) | Members(kind) if kind in names:
                continue
            case MessageCode() if has_process_arguments(layout, block.content):
                continue
            case _:
                pass
        for cell in range(block.count):
            word, shift = block.place(cell)
            masks[word] |= ((1 << block.width) - 1) << shift
    return masks


def _reference(layout: Layout, row: Row, kind: str) -> list[str]:
    """C expressions over `row` and a process `i` of a kind: all that the row says about the process, where renaming
    other processes does not change it."""
    parts: list[str] = []
    gathered: dict[tuple[int, int], int] = {}
    size = layout.model.size(kind)
    names = {layout.model.protocol.kinds[index].name for index in symmetric_kinds(layout)}
    for block in row.blocks.values():
        if block.width == 0 or block.count == 0:
            continue
        axes = [axis for axis, dim in enumerate(block.dims) if dim.kind in names]
        own = [axis for axis in axes if block.dims[axis].kind == kind]
        content = block.content
        about = content.kind if isinstance(content, ProcessCode | Members) and content.kind in names else None
        plain = isinstance(content, Plain) or (
            isinstance(content, MessageCode) and not has_process_arguments(layout, content)
        )
        if not axes and about == kind and isinstance(content, Members):
            for cell in range(block.count):
                word, shift = block.place(cell)
                gathered[word, 1] = gathered.get((word, 1), 0) | 1 << shift
        elif not axes and about == kind and isinstance(content, ProcessCode):
            for cell in range(block.count):
                value = get(block, "row", str(cell))
                parts.append(f"({value} == i + {content.first})")
                if content.first:
                    parts.append(f"({value} == 0)")
        elif len(axes) == 1 and own and plain and not block.dims[own[0]].subset and block.count <= block.per_word:
            axis = own[0]
            stride = block.width
            for later in block.dims[axis + 1 :]:
                stride *= later.size
            for cell, indices in block.cells():
                if indices[axis] == block.dims[axis].first:
                    word, shift = block.place(cell)
                    gathered[word, stride] = gathered.get((word, stride), 0) | ((1 << block.width) - 1) << shift
        else:
            parts += _counted(block, own, content, kind, size)
    for (word, stride), base in sorted(gathered.items()):
        parts.append(f"(row[{word}] >> i * {stride} & UINT64_C({hex(base)}))")
    return parts


def _counted(block: Block, own: list[int], content: object, kind: str, size: int) -> Iterator[str]:
    """Where a block speaks of several processes at once: how much of it speaks of process i."""
    for axis in own:
        dim = block.dims[axis]
        masks: dict[int, list[int]] = {}
        for cell, indices in block.cells():
            word, shift = block.place(cell)
            for i in range(size):
                about = indices[axis] >> i & 1 if dim.subset else indices[axis] == i + dim.first
                if about:
                    masks.setdefault(word, [0] * size)[i] |= ((1 << block.width) - 1) << shift
        if isinstance(content, Plain | Members):
            for word, of in masks.items():
                table = ", ".join(f"UINT64_C({hex(mask)})" for mask in of)
                yield f"(uint64_t)__builtin_popcountll(row[{word}] & ((const uint64_t[]){{{table}}})[i])"
    if isinstance(content, ProcessCode) and content.kind == kind:
        cells = " + ".join(f"({get(block, 'row', str(cell))} == i + {content.first})" for cell in range(block.count))
        yield f"(uint64_t)({cells})"
    if isinstance(content, Members) and content.kind == kind:
        cells = " + ".join(f"({get(block, 'row', str(cell))} >> i & 1)" for cell in range(block.count))
        yield f"(uint64_t)({cells})"


def signatures(layout: Layout) -> Iterator[str]:
    """`own_signature_KIND(rows, i)`, and `about_ROW___KIND(row, i)`: what a row of one kind says of a process."""
    kinds = layout.model.protocol.kinds
    for index, row in enumerate(layout.rows[:-1]):
        for other in symmetric_kinds(layout):
            parts = _reference(layout, row, kinds[other].name)
            yield (
                f"static inline uint64_t about_{kinds[index].name}___{kinds[other].name}"
                "(const uint64_t *row, uint64_t i)\n{\n    uint64_t h = 0;\n"
                + "".join(f"    h = h * UINT64_C(0x9e3779b97f4a7c15) + {part};\n" for part in parts)
                + "    (void)row; (void)i;\n    return h;\n}"
            )
    for index, row in enumerate(layout.rows[:-1]):
        name = kinds[index].name
        lines = [f"    uint64_t h = {'i + 1' if index not in symmetric_kinds(layout) else '0'};"]
        for word, mask in enumerate(_own_masks(layout, row)):
            if mask:
                lines.append(
                    f"    h = multiply_mix(h + (row[{word}] & UINT64_C({hex(mask)})), "
                    f"UINT64_C(0xe7037ed1a0b428db) + {word});"
                )
        if index in symmetric_kinds(layout):
            lines.append(f"    h = multiply_mix(h + about_{name}___{name}(row, i), UINT64_C(0x8ebc6af09c88c6e3));")
        for block in row.blocks.values():
            if isinstance(block.content, Members) and block.width:
                lines += [
                    f"    h += (uint64_t)__builtin_popcountll({get(block, 'row', str(cell))}) << {8 * (cell % 4)};"
                    for cell in (range(block.count) if not block.dims else ())
                ]
        yield (
            f"static inline uint64_t own_signature_{name}(const uint64_t *row, uint64_t i)\n"
            "{\n" + "\n".join(lines) + "\n    (void)row; (void)i;\n    return h;\n}"
        )


# The canonical form ----------------------------------------------------------------------------------------------


def canonical(layout: Layout) -> str:
    """`canonical(rows)` makes the rows those of the orbit's representative, in place."""
    model = layout.model
    kinds = symmetric_kinds(layout)
    normal = "    normalise_sides(rows);\n" if layout.has_sides else ""
    if not kinds:
        return f"static inline void canonical(uint64_t *rows)\n{{\n{normal}    (void)rows;\n}}"
    total = sum(model.sizes)
    firsts = [sum(model.sizes[:index]) for index in range(len(model.sizes))]
    names = [kind.name for kind in model.protocol.kinds]
    parts = [*exchanges(layout), *signatures(layout)]

    def row(index: int, number: str) -> str:
        return f"rows + {layout.offsets[index]} + {number} * {layout.rows[index].words}"

    sign = []
    for index, name in enumerate(names):
        side = f" + side_signature(rows, {name}___side({row(index, 'i')}))" if layout.has_sides else ""
        sign.append(
            f"    for (uint64_t i = 0; i < {model.sizes[index]}; i++) "
            f"sign[{firsts[index]} + i] = own_signature_{name}({row(index, 'i')}, i){side};"
        )
    refine = []
    for index in kinds:
        name = names[index]
        refine.append(f"    for (uint64_t i = 0; i < {model.sizes[index]}; i++) {{")
        refine.append("        uint64_t sum = 0;")
        for other, other_name in enumerate(names):
            skip = "if (j != i) " if other == index else ""
            seen = f"about_{other_name}___{name}({row(other, 'j')}, i)"
            seeing = f"about_{name}___{other_name}({row(index, 'i')}, j)" if other in kinds else "0"
            same = ""
            if layout.has_sides:
                same = f" + ({other_name}___side({row(other, 'j')}) == {name}___side({row(index, 'i')}))"
            refine.append(
                f"        for (uint64_t j = 0; j < {model.sizes[other]}; j++) {skip}"
                f"sum += multiply_mix(sign[{firsts[other]} + j] + {seen} * UINT64_C(0xa0761d6478bd642f), "
                f"UINT64_C(0x589965cc75374cc3) ^ ({seeing}{same}));"
            )
        refine.append(f"        refined[{firsts[index]} + i] = sum;")
        refine.append("    }")
    sort = []
    for index in kinds:
        sort.append(f"    tied |= sort_{names[index]}(rows, sign + {firsts[index]}, 0);")
        parts.append(_sort(names[index], model.sizes[index]))
    sort_refined = [
        f"        tied |= sort_{names[index]}(rows, refined + {firsts[index]}, sign + {firsts[index]});"
        for index in kinds
    ]
    last = " || ".join(f"i == {firsts[index] + model.sizes[index] - 1}" for index in kinds)
    steps = []
    for index in kinds:
        first, size = firsts[index], model.sizes[index]
        steps.append(
            f"    if (i >= {first} && i < {first + size}) {{\n"
            f"        for (int j = i + 1; j < {first + size}; j++) {{\n"
            f"            if (sign[j] != sign[i] || refined[j] != refined[i])\n                break;\n"
            f"            uint64_t other[ROW_WORDS];\n"
            f"            memcpy(other, rows, sizeof other);\n"
            f"            exchange_{names[index]}(other, (uint32_t)(i - {first}), (uint32_t)(j - {first}));\n"
            f"            if (memcmp(other, rows, sizeof other))\n"
            f"                least_order(other, i + 1, sign, refined, best);\n"
            f"        }}\n    }}"
        )
    parts.append(
        "/* All orders within ties, from process i on; `best` becomes the least. */\n"
        "static void least_order(const uint64_t *rows, int i, const uint64_t *sign, const uint64_t *refined, "
        "uint64_t *best)\n{\n"
        f"    while (i < {total} && (!is_symmetric[i] || {last} || "
        "sign[i] != sign[i + 1] || refined[i] != refined[i + 1]))\n"
        "        i++;\n"
        f"    if (i >= {total}) {{\n"
        "        uint64_t whole[ROW_WORDS];\n        memcpy(whole, rows, sizeof whole);\n"
        + normal.replace("rows", "whole")
        + "        if (rows_less(whole, best))\n            memcpy(best, whole, sizeof whole);\n"
        "        return;\n    }\n"
        "    least_order(rows, i + 1, sign, refined, best);\n" + "\n".join(steps) + "\n}"
    )
    flags = ", ".join(str(int(index in kinds)) for index, size in enumerate(model.sizes) for _ in range(size))
    parts.insert(len(parts) - 1, f"static const uint8_t is_symmetric[] = {{{flags}}};")
    parts.append(
        "static void canonical(uint64_t *rows)\n{\n"
        f"    uint64_t sign[{total}], refined[{total}] = {{0}};\n    int tied = 0;\n"
        + "\n".join([*sign, *sort])
        + "\n    if (tied) {\n        tied = 0;\n"
        + "\n".join([*refine, *sort_refined])
        + "\n    }\n    if (tied) {\n        uint64_t best[ROW_WORDS];\n        memset(best, 0xff, sizeof best);\n"
        "        least_order(rows, 0, sign, refined, best);\n        memcpy(rows, best, sizeof best);\n    }\n"
        + normal
        + "}"
    )
    return "\n".join(parts)


def _sort(name: str, size: int) -> str:
    """Sorts processes by key, within runs of equal `within` keys if given. Returns whether equal keys are left."""
    return f"""static int sort_{name}(uint64_t *rows, uint64_t *key, const uint64_t *within)
{{
    int tied = 0;
    for (uint32_t i = 0; i + 1 < {size}; i++) {{
        uint32_t least = i;
        for (uint32_t j = i + 1; j < {size} && (!within || within[j] == within[i]); j++)
            if (key[j] < key[least])
                least = j;
        if (least != i) {{
            const uint64_t kept = key[i];
            key[i] = key[least];
            key[least] = kept;
            exchange_{name}(rows, i, least);
        }}
    }}
    for (uint32_t i = 0; i + 1 < {size}; i++)
        tied |= key[i] == key[i + 1] && (!within || within[i] == within[i + 1]);
    return tied;
}}"""
