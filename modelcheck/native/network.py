"""Messages, the links between processes, and the sides of a partition, as C."""

from __future__ import annotations

from collections.abc import Iterator

from modelcheck.layout import Layout
from modelcheck.native.rows import get, put
from modelcheck.native.values import c_type, from_code
from spec.protocol import Message


def decoded(layout: Layout, message: Message, index: str, names: tuple[str, ...]) -> str:
    """C declarations of a message's arguments, from the number of their combination."""
    lines = []
    rest = index
    for position in reversed(range(len(message.parameters))):
        of = message.parameters[position][1]
        size = layout.argument_size(message, position)
        code = f"{rest} % {size}" if position else rest
        lines.append(f"const {c_type(of)} {names[position]} = {from_code(of, code)};")
        rest = f"{rest} / {size}"
    return " ".join(reversed(lines))


def sides(layout: Layout) -> Iterator[str]:
    """A partition is kept as the processes cut off from the very first one."""
    if not layout.has_sides:
        return
    names = [kind.name for kind in layout.model.protocol.kinds]
    each = [
        (name, f"{layout.offsets[i]} + k * {layout.rows[i].words}", layout.model.sizes[i])
        for i, name in enumerate(names)
    ]
    yield (
        "static void normalise_sides(uint64_t *rows)\n{\n"
        f"    if (!{names[0]}___side(rows))\n        return;\n"
        + "\n".join(
            f"    for (int k = 0; k < {size}; k++)\n"
            f"        set_{name}___side(rows + {at}, !{name}___side(rows + {at}));"
            for name, at, size in each
        )
        + "\n}"
    )
    yield (
        "static inline uint64_t side_signature(const uint64_t *rows, int64_t side)\n{\n    uint64_t same = 0;\n"
        + "\n".join(
            f"    for (int k = 0; k < {size}; k++)\n        same += {name}___side(rows + {at}) == side;"
            for name, at, size in each
        )
        + "\n    return same << 56;\n}"
    )


def links(layout: Layout) -> Iterator[str]:
    """Queues and bags: a row holds, for each receiver, `channel` codes of messages, 0 after the last."""
    model = layout.model
    for kind, row in zip(model.protocol.kinds, layout.rows, strict=False):
        for receiver in model.protocol.kinds:
            block = row.blocks.get(f"link_{receiver.name}")
            if block is None:
                continue
            name = f"{kind.name}___{receiver.name}"
            channel = model.channel
            limit = f"LIMIT({model.lower_channel}, {channel})" if model.lower_channel else str(channel)
            cell = f"to * {channel} + i"
            yield (
                f"static inline uint64_t cell_{name}(const uint64_t *row, int64_t to, int64_t i)\n"
                f"{{ return {get(block, 'row', cell)}; }}\n"
                f"static inline void put_cell_{name}(uint64_t *row, int64_t to, int64_t i, uint64_t code)\n"
                f"{{ {put(block, 'row', 'code', cell)} }}"
            )
            yield (
                f"static __attribute__((unused)) void sort_link_{name}(uint64_t *row, int64_t to)\n{{\n"
                f"    for (int64_t i = 1; i < {channel}; i++) {{\n"
                f"        const uint64_t code = cell_{name}(row, to, i);\n"
                f"        int64_t k = i;\n"
                f"        for (; code && k > 0 && cell_{name}(row, to, k - 1) > code; k--)\n"
                f"            put_cell_{name}(row, to, k, cell_{name}(row, to, k - 1));\n"
                f"        put_cell_{name}(row, to, k, code);\n    }}\n}}"
            )
            sort = f"    sort_link_{name}(row, to);\n" if model.network.reordering else ""
            yield (
                f"static __attribute__((unused)) int put_{name}(uint64_t *row, int64_t to, uint64_t code)\n{{\n"
                f"    int64_t i = 0;\n"
                f"    while (i < {channel} && cell_{name}(row, to, i))\n        i++;\n"
                f"    if (i >= {limit})\n        return 0;\n"
                f"    put_cell_{name}(row, to, i, code);\n{sort}    return 1;\n}}"
            )
            yield (
                f"static void take_{name}(uint64_t *row, int64_t to, int64_t i)\n{{\n"
                f"    for (; i < {channel}; i++)\n"
                f"        put_cell_{name}(row, to, i, i + 1 < {channel} ? cell_{name}(row, to, i + 1) : 0);\n}}"
            )


def nowhere(layout: Layout) -> str:
    """`drop_what_goes_nowhere(rows)`: what is under way to a process that is down, where nothing comes back."""
    model = layout.model
    lines = []
    for index, kind in enumerate(model.protocol.kinds):
        for other, receiver in enumerate(model.protocol.kinds):
            block = layout.rows[index].blocks.get(f"link_{receiver.name}")
            if block is None or not layout.has_crash:
                continue
            to = f"(rows + {layout.offsets[other]} + to * {layout.rows[other].words})"
            row = f"(rows + {layout.offsets[index]} + j * {layout.rows[index].words})"
            lines.append(
                f"    for (int64_t to = 0; to < {model.sizes[other]}; to++)\n"
                f"        if (!{receiver.name}___up({to}))\n"
                f"            for (int64_t j = 0; j < {model.sizes[index]}; j++)\n"
                f"                for (int64_t i = 0; i < {model.channel}; i++)\n"
                f"                    put_cell_{kind.name}___{receiver.name}({row}, to, i, 0);"
            )
    body = "\n".join(lines)
    return (
        f"static __attribute__((unused)) void drop_what_goes_nowhere(uint64_t *rows)\n{{\n    (void)rows;\n{body}\n}}"
    )
