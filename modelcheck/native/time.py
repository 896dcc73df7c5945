"""Time as C: pauses, and ticks in which all clocks count on at once. See `spec.clocks`, and `modelcheck.semantics`."""

from __future__ import annotations

from collections.abc import Iterator

from modelcheck.native.emission import Emission
from spec.protocol import Clocks, PauseClock, ProcessKind


def is_paused(e: Emission, kind: ProcessKind, row: str) -> str:
    """A C condition: whether the process of a row is paused; empty where none of its kind ever is."""
    clocks = e.model.protocol.clocks
    pause = clocks.pause(kind.name) if clocks is not None else None
    return "" if pause is None else f"{kind.name}__{pause.variable}({row})"


def may_fire(e: Emission, kind: ProcessKind, timer: str, row: str) -> str:
    """A C condition to be added to another: whether an armed timer has run for its shortest duration."""
    clocks = e.model.protocol.clocks
    if clocks is None:
        return ""
    clock = clocks.timer(kind.name, timer)
    if clock is None:
        return ""
    return f" && {kind.name}__{clock.variable}({row}) >= {clock.shortest}"


def pausing(e: Emission, base: str) -> str:
    """Each process of a kind that may be paused, and is not, is."""
    assert e.model.protocol.clocks is not None
    return "\n".join(_change(e, pause, base, paused=True) for pause in e.model.protocol.clocks.pauses)


def time_steps(e: Emission) -> Iterator[str]:
    """The ends of pauses, and the tick."""
    clocks = e.model.protocol.clocks
    if clocks is None:
        return
    for pause in clocks.pauses:
        yield _change(e, pause, "from", paused=False)
    yield _tick(e, clocks)


def _change(e: Emission, pause: PauseClock, base: str, *, paused: bool) -> str:
    index = e.model.kind_index[pause.kind]
    row = e.row(index, "me", "from")
    up = f"    if (!{pause.kind}___up({row})) continue;\n" if e.layout.has_crash else ""
    lasted = f"set_{pause.kind}__{pause.lasted}(y, 0);" if pause.lasted is not None else ""
    step = "STEP_PAUSE" if paused else "STEP_RESUME"
    return e.processes(
        index,
        f"{up}    if ({pause.kind}__{pause.variable}({row}) == {int(paused)}) continue;\n"
        f"    {e.copy_row(index)} set_{pause.kind}__{pause.variable}(y, {int(paused)}); {lasted}\n"
        f"    commit_{pause.kind}(w, from, {base}, me, y, nothing, {step});",
    )


def _tick(e: Emission, clocks: Clocks) -> str:
    """Nothing happens where time cannot go on."""
    parts = [_pauses_go_on(e, pause) for pause in clocks.pauses if pause.lasted is not None]
    counting = {clock.kind for clock in clocks.timers}
    parts += [_timers_go_on(e, index, kind, clocks) for index, kind in e.kinds() if kind.name in counting]
    if clocks.delay is not None:
        parts += _messages_age(e, clocks.delay)
    body = "\n".join(parts)
    return (
        f"    {{\n    uint64_t rows[ROW_WORDS];\n    int may = 1;\n    memcpy(rows, from, sizeof rows);\n{body}\n"
        "    if (may && !same_words(rows, from, ROW_WORDS)) finish(w, from, rows, STEP_TICK, 1);\n    }"
    )


def _pauses_go_on(e: Emission, pause: PauseClock) -> str:
    index = e.model.kind_index[pause.kind]
    row, lasted = e.row(index, "me", "rows"), f"{pause.kind}__{pause.lasted}"
    return e.processes(
        index,
        f"    if (!{pause.kind}__{pause.variable}({row})) continue;\n"
        f"    if ({lasted}({row}) == {pause.longest}) {{ may = 0; break; }}\n"
        f"    set_{lasted}({row}, {lasted}({row}) + 1);",
    )


def _timers_go_on(e: Emission, index: int, kind: ProcessKind, clocks: Clocks) -> str:
    row = e.row(index, "me", "rows")
    ready = f" && !{paused}" if (paused := is_paused(e, kind, row)) else ""
    lines = []
    for timer in kind.timers:
        clock = clocks.timer(kind.name, timer.name)
        if clock is None:
            continue
        name = f"{kind.name}__{clock.variable}"
        lines.append(
            f"    {{ const int64_t count = {name}({row});\n"
            f"    if (count >= {clock.longest}{ready}) {{ may = 0; break; }}\n"
            f"    if (count >= 0 && count < {clock.top}) set_{name}({row}, count + 1); }}"
        )
    return e.processes(index, "\n".join(lines))


def _messages_age(e: Emission, delay: int) -> Iterator[str]:
    """A message's age is its last argument, so that a code's remainder is its age and the next code is a tick older;
    the order of codes stays as it is."""
    for receiver, receiving in e.kinds():
        to = e.row(receiver, "me", "from")
        able = [f"{receiving.name}___up({to})"] if e.layout.has_crash else []
        able += [f"!{paused}"] if (paused := is_paused(e, receiving, to)) else []
        for sender, sending in e.kinds():
            ranges = e.layout.code_ranges(sending.name, receiving.name)
            if not ranges:
                continue
            name, row = f"{sending.name}___{receiving.name}", e.row(sender, "j", "rows")
            sides = f"{receiving.name}___side({to}) == {sending.name}___side({e.row(sender, 'j', 'from')})"
            urgent = " && ".join([*able, *([sides] if e.layout.has_sides else [])]) or "1"
            first = " : ".join(f"code < {start + count} ? {start}" for _, start, count in ranges[:-1])
            first = f"({first} : {ranges[-1][1]})" if first else str(ranges[-1][1])
            yield e.processes(
                receiver,
                f"    for (int64_t j = 0; j < {e.model.sizes[sender]}; j++)\n"
                f"    for (int64_t i = 0; i < {e.model.channel}; i++) {{\n"
                f"        const uint64_t code = cell_{name}({row}, me, i);\n        if (!code) break;\n"
                f"        if ((code - {first}) % {delay + 1} < {delay}) put_cell_{name}({row}, me, i, code + 1);\n"
                f"        else if ({urgent}) may = 0;\n    }}",
            )
