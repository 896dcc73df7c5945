"""Shifting epochs as C: the least of the numbers that belong together becomes 0. See `modelcheck.epochs`."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from modelcheck.epochs import Epoch
from modelcheck.layout import Block, Layout
from modelcheck.native.rows import get


def rebase(layout: Layout, epochs: tuple[Epoch, ...], *, optional: bool) -> str:
    """`rebase(rows)`; it does nothing where there are no epochs, or, if it is `optional`, where it is not wanted."""
    body = "\n".join(_epoch(layout, epoch, number) for number, epoch in enumerate(epochs))
    inline = "" if epochs else "inline "
    wanted = "    if (!model_rebasing)\n        return;\n" if optional else ""
    return f"static {inline}void rebase(uint64_t *rows)\n{{\n    (void)rows;\n{wanted}{body}\n}}"


def _epoch(layout: Layout, epoch: Epoch, number: int) -> str:
    """The processes first: mostly one of them is at 0, and there is nothing to do."""
    least, shift = [], []
    for kind, variable in epoch.variables:
        index = layout.model.kind_index[kind]
        row = f"(rows + {layout.offsets[index]} + i * {layout.rows[index].words})"
        block = layout.rows[index].blocks[f"var_{variable}"]
        each = f"    for (int i = 0; i < {layout.model.sizes[index]}; i++)"
        least.append(f"{each} {{ const uint64_t v = {get(block, row)}; if (v < least) least = v; }}")
        if block.width:
            shift.append(f"{each} {row}[{block.word}] -= least << {block.shift};")
    under_way = list(_sent(layout, epoch) if layout.model.network.is_growing_set else _linked(layout, epoch))
    least += ["    if (!least) goto done_LABEL;", *(one for one, _ in under_way), "    if (!least) goto done_LABEL;"]
    shift += [other for _, other in under_way] + [f"    SHIFTED({number});"]
    name = "_".join("_".join(place) for place in epoch.variables)
    text = "\n".join(
        ["    {\n    uint64_t least = UINT64_MAX;", *least, *shift, "done_LABEL: __attribute__((unused));\n    }"]
    )
    return text.replace("LABEL", name)


def _strides(layout: Layout, message: str, epoch: Epoch, inner: int) -> list[tuple[int, int]]:
    """Of each argument that belongs to the epoch: by how much a message's number grows with it, and its values."""
    declared = layout.model.protocol.message(message)
    sizes = [layout.argument_size(declared, position) for position in range(len(declared.parameters))]
    return [
        (prod(sizes[position + 1 :]) * inner, size)
        for position, size in enumerate(sizes)
        if (message, position) in epoch.arguments
    ]


def _least_of(number: str, strides: list[tuple[int, int]]) -> str:
    return " ".join(
        f"{{ const uint64_t v = {number} / {stride} % {size}; if (v < least) least = v; }}" for stride, size in strides
    )


def _sent(layout: Layout, epoch: Epoch) -> Iterator[tuple[str, str]]:
    """Of each message: C text that looks for the least, and that shifts."""
    for sending in layout.sendings:
        message = sending.message
        receivers = 1 if sending.broadcast_only else layout.model.size(message.receiver)
        strides = _strides(layout, message.name, epoch, receivers)
        index = layout.model.kind_index[message.sender]
        block = layout.rows[index].blocks[f"sent_{message.name}"]
        if not strides or not block.width:
            continue
        distance = sum(stride for stride, _ in strides)
        each = (
            f"    for (int i = 0; i < {layout.model.sizes[index]}; i++) {{\n"
            f"    uint64_t *const row = rows + {layout.offsets[index]} + i * {layout.rows[index].words}; (void)row;\n"
        )
        yield (
            each + "\n".join(_each_cell(block, f"        {_least_of('cell', strides)}")) + "\n    }",
            each + "\n".join(_each_cell(block, _moved(block, distance))) + "\n    }",
        )


def _each_cell(block: Block, body: str) -> Iterator[str]:
    """C text that goes through the set cells of a block, the lowest first."""
    for word in range((block.count + block.per_word - 1) // block.per_word):
        cells = min(block.per_word, block.count - word * block.per_word)
        mask = hex((1 << cells) - 1)
        yield (
            f"    for (uint64_t bits = row[{block.word + word}] >> {block.shift} & UINT64_C({mask}); bits; "
            f"bits &= bits - 1) {{\n        const uint64_t cell = (uint64_t)__builtin_ctzll(bits) + "
            f"{word * block.per_word};\n{body}\n    }}"
        )


def _moved(block: Block, distance: int) -> str:
    """What is set moves down. All of it does, so that its new place is free by then."""
    place = f"row[{block.word} + {{}} / {block.per_word}]"
    bit = f"UINT64_C(1) << ({block.shift} + {{}} % {block.per_word})"
    return (
        f"        const uint64_t to = cell - least * {distance};\n"
        f"        {place.format('cell')} &= ~({bit.format('cell')});\n"
        f"        {place.format('to')} |= {bit.format('to')};"
    )


def _linked(layout: Layout, epoch: Epoch) -> Iterator[tuple[str, str]]:
    """As `_sent`, where links hold numbers of messages. What is sorted stays so: all of one message move alike."""
    model = layout.model
    for index, kind in enumerate(model.protocol.kinds):
        for receiver in model.protocol.kinds:
            block = layout.rows[index].blocks.get(f"link_{receiver.name}")
            if block is None:
                continue
            least, shift = "", ""
            for message, first, count in layout.code_ranges(kind.name, receiver.name):
                strides = _strides(layout, message.name, epoch, 1)
                if strides:
                    within = f"if (code >= {first} && code < {first + count})"
                    distance = sum(stride for stride, _ in strides)
                    least += f"        {within} {{ const uint64_t n = code - {first}; {_least_of('n', strides)} }}\n"
                    shift += f"        {within} code_after -= least * {distance};\n"
            if not least:
                continue
            mask = hex((1 << block.width) - 1)
            word = f"row[{block.word} + cell / {block.per_word}]"
            at = f"({block.shift} + cell % {block.per_word} * {block.width})"
            each = (
                f"    for (int i = 0; i < {model.sizes[index]}; i++)\n"
                f"    for (uint64_t cell = 0; cell < {block.count}; cell++) {{\n"
                f"        uint64_t *const row = rows + {layout.offsets[index]} + i * {layout.rows[index].words};\n"
                f"        const uint64_t code = {word} >> {at} & UINT64_C({mask});\n"
            )
            yield (
                f"{each}{least}    }}",
                (
                    f"{each}        uint64_t code_after = code;\n{shift}"
                    f"        {word} = ({word} & ~(UINT64_C({mask}) << {at})) | code_after << {at};\n    }}"
                ),
            )
