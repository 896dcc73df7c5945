"""What a search for what can still be reached needs of a model besides its steps, as C."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from modelcheck.native.emission import Emission
from modelcheck.native.expressions import expression
from modelcheck.native.labels import SHIFT_BITS, SORT_BITS, Sort, actions_of
from modelcheck.native.steps import crashing
from spec.protocol import Expression


@dataclass(frozen=True)
class Goals:
    """`expressions` are those of a property, over `Self` where it is `about` the processes of a kind."""

    expressions: tuple[Expression, ...]
    about: str | None = None


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
    context = replace(e.context("rows"), kind=goals.about)
    tests = [expression(goal, context) for goal in goals.expressions]
    cases = "\n".join(f"    case {number}: return !!({test});" for number, test in enumerate(tests))
    return (
        "static int model_holds(const uint64_t *state, uint32_t which, int64_t me)\n{\n"
        "    uint64_t rows[ROW_WORDS];\n    unpack(state, rows);\n    (void)me; (void)rows;\n"
        f"    switch (which) {{\n{cases}\n    default: return 0;\n    }}\n}}\n\n"
        "static void model_silenced(const uint64_t *state, uint64_t gone, uint64_t *out)\n{\n"
        "    uint64_t rows[ROW_WORDS], packed[MODEL_WORDS];\n    unpack(state, rows);\n    (void)gone;\n"
        + "\n".join(_silenced(e))
        + "\n    pack(rows, packed);\n    model_canonical(packed, out);\n}"
    )


def _silenced(e: Emission) -> Iterator[str]:
    first = 0
    for index, kind in e.kinds():
        row = e.row(index, "me", "rows")
        body = ""
        if e.layout.has_crash:
            body += f"    if (gone >> ({first} + me) & 1) {{ uint64_t *const y = {row};\n"
            body += "\n".join(crashing(e, kind, lost=False)) + f"\n    set_{kind.name}___up(y, 0); (void)y; }}\n"
        if e.layout.has_sides:
            body += f"    set_{kind.name}___side({row}, 0);\n"
        if body:
            yield e.processes(index, body)
        first += e.model.sizes[index]
