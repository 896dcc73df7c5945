"""What a search for what can still be reached needs of a model besides its steps, as C."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from modelcheck.native.checks import led_words
from modelcheck.native.emission import Emission, Goals
from modelcheck.native.expressions import expression
from modelcheck.native.labels import SHIFT_BITS, SORT_BITS, Sort, actions_of
from modelcheck.native.rows import block_masks
from modelcheck.native.steps import crashing


def definitions(e: Emission, goals: Goals) -> str:
    """What search.h and search.c have to know at once."""
    lines = [
        "#define MODEL_LIVENESS 1",
        f"#define MODEL_ACTIONS {len(actions_of(e.layout))}",
        f"#define MODEL_SUBJECTS {1 if goals.about is None else e.model.size(goals.about)}",
        f"#define SORT_BITS {SORT_BITS}",
        f"#define SHIFT_BITS {SHIFT_BITS}",
        *(f"#define SORT_{sort.name} {int(sort)}" for sort in Sort),
    ]
    return "\n".join(lines)


def goals_and_silence(e: Emission, goals: Goals) -> str:
    if goals.elects:
        cases = _elections(e)
    else:
        context = replace(e.context("rows"), kind=goals.about)
        tests = [expression(goal, context) for goal in goals.expressions]
        cases = "\n".join(f"    case {number}: return !!({test});" for number, test in enumerate(tests))
    return (
        "static int model_holds(const uint64_t *state, uint32_t which, int64_t me)\n{\n"
        "    uint64_t rows[ROW_WORDS];\n    unpack(state, rows);\n    (void)me; (void)rows;\n"
        f"    switch (which) {{\n{cases}\n    default: return 0;\n    }}\n}}\n\n"
        "static void model_silenced(const uint64_t *state, uint64_t gone, int phase, uint64_t *out)\n{\n"
        "    uint64_t rows[ROW_WORDS], packed[MODEL_WORDS];\n    unpack(state, rows);\n    (void)gone; (void)phase;\n"
        + "\n".join([*_silenced(e, goals), *(_history(e) if goals.elects else ())])
        + "\n    drop_what_goes_nowhere(rows);\n    pack(rows, packed);\n    model_canonical(packed, out);\n}\n\n"
        "static int model_down_besides(const uint64_t *state, uint64_t gone)\n{\n"
        "    uint64_t rows[ROW_WORDS];\n    unpack(state, rows);\n    (void)gone; (void)rows;\n"
        + ("" if goals.elects else "\n".join(_down_besides(e)))
        + "\n    return 0;\n}"
    )


def _down_besides(e: Emission) -> Iterator[str]:
    first = 0
    for index, kind in e.kinds():
        if e.layout.has_crash:
            up = f"{kind.name}___up({e.row(index, 'me', 'rows')})"
            yield e.processes(index, f"    if (!{up} && !(gone >> ({first} + me) & 1)) return 1;\n")
        first += e.model.sizes[index]


def _silenced(e: Emission, goals: Goals) -> Iterator[str]:
    """Whoever is gone has crashed. Where only elections matter, what it holds is forgotten, and what it has sent, too,
    where that does not arrive any more."""
    first = 0
    for index, kind in e.kinds():
        row = e.row(index, "me", "rows")
        body = ""
        if e.layout.has_crash:
            lost = "\n".join(crashing(e, kind, lost=goals.elects))
            body += f"    if (gone >> ({first} + me) & 1) {{ uint64_t *const y = {row}; (void)y;\n"
            if goals.elects:
                words = e.layout.rows[index].words
                led = e.layout.rows[index].blocks.get("led")
                kept = block_masks(led) if led is not None else {}
                cleared = " ".join(f"y[{word}] &= UINT64_C({hex(kept.get(word, 0))});" for word in range(words))
                body += f"    if (phase == CUT_OFF) {{ {cleared} }}\n"
            body += f"{lost}\n    set_{kind.name}___up(y, 0); }}\n"
        if e.layout.has_sides:
            body += f"    set_{kind.name}___side({row}, 0);\n"
        if body:
            yield e.processes(index, body)
        first += e.model.sizes[index]


def _elections(e: Emission) -> str:
    """The goals in which somebody leads. All rows hold the same: the greatest token with which anybody has led."""
    leader = e.model.protocol.leader
    assert leader is not None
    index = e.model.kind_index[leader.kind]
    row = e.row(index, "me", "rows")
    context = replace(e.context("rows"), kind=leader.kind)
    words = led_words(e, row)
    later = " || ".join(f"bits_above({word}, token - {first})" for first, word in words)
    least = " || ".join(f"bits_above({word}, token - 1 - {first})" for first, word in words)
    up = f"{leader.kind}___up({row})"
    lines = []
    for number, test in enumerate((f"!({least})", f"!({later})")):
        body = (
            f"    if ({up} && {expression(leader.condition, context)}) {{\n"
            f"        const int64_t token = {expression(leader.token, context)};\n        if ({test}) return 1;\n    }}"
        )
        lines.append(f"    case {number}:\n{e.processes(index, body)}\n    return 0;")
    return "\n".join(lines)


def _history(e: Emission) -> Iterator[str]:
    """Of who has led, the greatest token alone is kept, by all alike."""
    leader = e.model.protocol.leader
    assert leader is not None
    index = e.model.kind_index[leader.kind]
    block = e.layout.rows[index].blocks["led"]
    row = e.row(index, "me", "rows")
    words = led_words(e, row)
    greatest = " ".join(
        f"if ({word}) {{ const int64_t t = {first} + 63 - __builtin_clzll({word}); if (t > greatest) greatest = t; }}"
        for first, word in words
    )
    yield "    int64_t greatest = -1;"
    yield e.processes(index, f"    {greatest}")
    masks = block_masks(block)
    cleared = " ".join(f"{row}[{word}] &= ~UINT64_C({hex(bits)});" for word, bits in masks.items())
    kept = f"if (greatest >= 0) set_bit({row}, {block.word}, {block.shift}, {block.per_word}, greatest);"
    yield e.processes(index, f"    {cleared} {kept}")
