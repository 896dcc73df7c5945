"""A model as C: the text that is compiled together with the search."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from modelcheck.layout import Layout, Unsupported
from modelcheck.model import Model, Successor
from modelcheck.native.checks import check, commits
from modelcheck.native.emission import Emission, Goals
from modelcheck.native.goals import definitions, goals_and_silence
from modelcheck.native.handlers import Bounds, Emitter, bounds_of, event_function
from modelcheck.native.network import links, nowhere, sides
from modelcheck.native.rebase import rebase
from modelcheck.native.reduce import reductions
from modelcheck.native.rows import accessors, packing
from modelcheck.native.steps import expand
from modelcheck.native.symmetry import canonical
from modelcheck.native.values import restart_names
from modelcheck.packing import pack
from modelcheck.properties import Checked, checked
from modelcheck.reductions import Reductions
from modelcheck.semantics import initial

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Emitted:
    """`text` is a whole translation unit; the rest says what its numbers mean."""

    text: str
    layout: Layout
    checked: tuple[Checked, ...]
    bounds: Bounds
    reductions: Reductions
    start: Successor
    """The initial step."""


def emit(model: Model, reduced: Reductions, goals: Goals | None = None) -> Emitted:
    """The C text of a model; with goals, of one for liveness.c. Raises Unsupported for what a packed state cannot
    hold."""
    restart_names()
    layout = Layout(model, reduced.armed)
    bounds = bounds_of(layout)
    properties = checked(model)
    start = initial(model)
    if start.state is None or start.beyond is not None:
        raise Unsupported("the initial state fails or is beyond a bound")
    emission = Emission(layout, bounds, properties, reduced, goals)
    text = "\n\n".join(
        [
            definitions(emission, goals) if goals is not None else "",
            (
                f"#define MODEL_WORDS {layout.words}\n#define MODEL_PROPERTIES {len(properties)}\n"
                f"#define MODEL_COVERS {len(model.protocol.points)}\n#define MODEL_BOUNDS {len(bounds.names)}\n"
                f"#define ROW_WORDS {max(layout.row_words, 1)}"
            ),
            _source("search.h"),
            _source("model.h"),
            *accessors(layout),
            packing(layout),
            *sides(layout),
            *links(layout),
            nowhere(layout),
            *reductions(layout, reduced),
            rebase(layout, reduced.epochs, optional=goals is not None),
            _canonical(layout, reduced, goals),
            *commits(emission),
            *_events(emission),
            expand(emission),
            check(emission),
            _initial(layout, pack(layout, start.state)),
            goals_and_silence(emission, goals) if goals is not None else "",
            _source("search.c"),
            _source("liveness.c") if goals is not None else "",
        ]
    )
    return Emitted(text, layout, properties, bounds, reduced, start)


def _source(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _canonical(layout: Layout, reduced: Reductions, goals: Goals | None) -> str:
    """`canonical(rows)`; where somebody may want to do without symmetry later, at that time."""
    if not reduced.symmetry:
        return _no_symmetry(layout, "canonical")
    if goals is None:
        return canonical(layout)
    return "\n".join(
        [
            canonical(layout).replace("void canonical(", "void canonical_of_orbit("),
            _no_symmetry(layout, "canonical_alone"),
            "static inline void canonical(uint64_t *rows)\n{",
            "    if (model_symmetric)\n        canonical_of_orbit(rows);\n    else\n        canonical_alone(rows);\n}",
        ]
    )


def _no_symmetry(layout: Layout, name: str) -> str:
    normal = "normalise_sides(rows); " if layout.has_sides else ""
    return f"static inline void {name}(uint64_t *rows) {{ {normal}(void)rows; }}"


def _initial(layout: Layout, packed: tuple[int, ...]) -> str:
    words = ", ".join(f"UINT64_C({hex(word)})" for word in packed)
    return (
        "static void model_initial(struct worker *w)\n{\n"
        f"    static const uint64_t start[MODEL_WORDS] = {{{words}}};\n"
        "    uint64_t state[MODEL_WORDS];\n    model_canonical(start, state);\n    emit(w, state, 0, 1);\n}"
    )


def _events(e: Emission) -> Iterator[str]:
    emitter = Emitter(e.layout, e.bounds, e.model.protocol.kinds[0], e.context("base"))
    for function in e.functions():
        yield event_function(function, replace(emitter, kind=function.kind))
