"""C functions that read and write the fields of rows, and that pack rows into states."""

from __future__ import annotations

from collections.abc import Iterator

from modelcheck.layout import WORD, Block, Layout
from modelcheck.native.values import c_type, from_code, to_code
from spec.types import MapType, Type


def mask(bits: int) -> str:
    return f"UINT64_C({hex((1 << bits) - 1)})"


def place(block: Block, cell: str) -> tuple[str, str]:
    """The word and the shift of a cell, as C expressions."""
    if block.count == 1 or not block.dims:
        return str(block.word), str(block.shift)
    if block.count <= block.per_word:
        return str(block.word), f"({block.shift} + ({cell}) * {block.width})"
    return f"{block.word} + ({cell}) / {block.per_word}", f"(({cell}) % {block.per_word} * {block.width})"


def get(block: Block, row: str, cell: str = "0") -> str:
    """The content of a cell, as a C expression."""
    if block.width == 0:
        return "UINT64_C(0)"
    word, shift = place(block, cell)
    return f"({row}[{word}] >> {shift} & {mask(block.width)})"


def put(block: Block, row: str, value: str, cell: str = "0") -> str:
    """A C statement that sets a cell; the value has no bits beyond the cell's width."""
    if block.width == 0:
        return ";"
    word, shift = place(block, cell)
    target = f"{row}[{word}]"
    return f"{target} = ({target} & ~({mask(block.width)} << {shift})) | (uint64_t)({value}) << {shift};"


def block_masks(block: Block) -> dict[int, int]:
    """The bits of a block, by the word of the row that they are in."""
    masks: dict[int, int] = {}
    for cell in range(block.count if block.width else 0):
        word, shift = block.place(cell)
        masks[word] = masks.get(word, 0) | ((1 << block.width) - 1) << shift
    return masks


def flat_cell(block: Block, indices: list[str]) -> str:
    cell = "0"
    for index, dim in zip(indices, block.dims, strict=True):
        cell = index if cell == "0" else f"({cell}) * {dim.size} + ({index})"
    return cell


def accessors(layout: Layout) -> Iterator[str]:
    """`KIND__VARIABLE(row)` and `set_KIND__VARIABLE(row, value)`, with a key for maps; KIND___FLAG for all else."""
    for kind, row in zip(layout.model.protocol.kinds, layout.rows, strict=False):
        for variable in kind.variables:
            of: Type = variable.type
            key, cell = "", "0"
            if isinstance(of, MapType):
                of = of.value
                key, cell = ", int64_t key", "key"
            block = row.blocks[f"var_{variable.name}"]
            name = f"{kind.name}__{variable.name}"
            yield (
                f"static inline {c_type(of)} {name}(const uint64_t *row{key})\n"
                f"{{ return {from_code(of, get(block, 'row', cell))}; }}"
            )
            yield (
                f"static inline void set_{name}(uint64_t *row{key}, {c_type(of)} value)\n"
                f"{{ {put(block, 'row', to_code(of, 'value'), cell)} }}"
            )
        flags = [f"armed_{timer.name}" for timer in kind.timers]
        for flag in ["up", *flags, "side"]:
            if flag in row.blocks:
                block = row.blocks[flag]
                yield (
                    f"static inline int64_t {kind.name}___{flag}(const uint64_t *row)\n"
                    f"{{ return (int64_t){get(block, 'row')}; }}"
                )
                yield (
                    f"static inline void set_{kind.name}___{flag}(uint64_t *row, int64_t value)\n"
                    f"{{ {put(block, 'row', 'value')} }}"
                )
            elif flag in flags:
                yield (
                    f"static inline int64_t {kind.name}___{flag}(const uint64_t *row) "
                    f"{{ return {kind.name}___up(row); }}\n"
                    f"static inline void set_{kind.name}___{flag}(uint64_t *row, int64_t value) "
                    "{ (void)row; (void)value; }"
                )
            elif flag == "up":
                yield f"static inline int64_t {kind.name}___up(const uint64_t *row) {{ (void)row; return 1; }}"


def _chunks(layout: Layout) -> Iterator[tuple[int, int, int, int, int]]:
    """(word of the rows, first bit in it, word of the state, first bit in it, number of bits)"""
    at = 0
    for index, used in enumerate(layout.used):
        done = 0
        while done < used:
            position = at if at < WORD - 1 else at + 1
            word, bit = divmod(position, WORD)
            room = (WORD - 1 if word == 0 else WORD) - bit
            bits = min(room, used - done)
            yield index, done, word, bit, bits
            done += bits
            at += bits


def packing(layout: Layout) -> str:
    pack_lines = []
    of_state: dict[int, list[str]] = {}
    of_rows: dict[int, list[str]] = {}
    for row, row_bit, word, bit, bits in _chunks(layout):
        whole_rest = row_bit + bits == layout.used[row]
        source = f"rows[{row}]" if row_bit == 0 else f"rows[{row}] >> {row_bit}"
        if not whole_rest:
            source = f"({source} & {mask(bits)})"
        of_state.setdefault(word, []).append(f"({source}) << {bit}" if bit else f"({source})")
        target = f"state[{word}] >> {bit}" if bit else f"state[{word}]"
        of_rows.setdefault(row, []).append(
            f"({target} & {mask(bits)}) << {row_bit}" if row_bit else f"({target} & {mask(bits)})"
        )
    for word in range(layout.words):
        parts = (["OCCUPIED"] if word == 0 else []) + of_state.get(word, [])
        pack_lines.append(f"    state[{word}] = {' | '.join(parts) or '0'};")
    unpack_lines = [f"    rows[{row}] = {' | '.join(of_rows.get(row, [])) or '0'};" for row in range(layout.row_words)]
    return "\n".join(
        [
            "static inline void pack(const uint64_t *rows, uint64_t *state)",
            "{",
            *pack_lines,
            "    (void)rows;",
            "}",
            "static inline void unpack(const uint64_t *state, uint64_t *rows)",
            "{",
            *unpack_lines,
            "    (void)state; (void)rows;",
            "}",
        ]
    )
