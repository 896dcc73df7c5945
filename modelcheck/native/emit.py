"""A model as C: the text that is compiled together with the search."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from modelcheck.layout import Layout, Unsupported, pack
from modelcheck.model import Model
from modelcheck.native.expressions import Context, c_type, constant, expression, from_code, no_value, restart_names
from modelcheck.native.handlers import (
    Bounds,
    Emitter,
    EventFunction,
    bounds_of,
    event_function,
    same_event,
)
from modelcheck.native.rows import accessors, get, packing
from modelcheck.native.symmetry import canonical
from modelcheck.native.reduce import reductions
from modelcheck.properties import ONE_LEADER_PER_TOKEN, TOKEN_NEVER_GOES_BACKWARDS, Checked, checked
from modelcheck.reductions import Reductions
from modelcheck.semantics import initial, values_of
from spec.protocol import (
    FaultKind,
    Handler,
    OnAction,
    OnInput,
    OnMessage,
    OnStart,
    OnTimeout,
    ProcessKind,
    Variable,
)
from spec.types import MapType, OptionType, ProcessType, SetType, Type

HERE = Path(__file__).parent

@dataclass(frozen=True)
class Emitted:
    """`text` is a whole translation unit; the rest says what its numbers mean."""

    text: str
    layout: Layout
    checked: tuple[Checked, ...]
    bounds: Bounds
    reductions: Reductions


def emit(model: Model, reduced: Reductions) -> Emitted:
    """The C text of a model. Raises Unsupported for what a packed state cannot hold."""
    restart_names()
    layout = Layout(model, reduced.armed)
    bounds = bounds_of(layout)
    properties = checked(model)
    start = initial(model)
    if start.state is None or start.beyond is not None:
        raise Unsupported("the initial state fails or is beyond a bound")
    emission = _Emission(layout, bounds, properties)
    text = "\n\n".join(
        [
            f"#define MODEL_WORDS {layout.words}\n#define MODEL_PROPERTIES {len(properties)}\n"
            f"#define MODEL_COVERS {len(model.protocol.points)}\n#define MODEL_BOUNDS {len(bounds.names)}\n"
            f"#define ROW_WORDS {max(layout.row_words, 1)}",
            _source("search.h"),
            _source("model.h"),
            *accessors(layout),
            packing(layout),
            *_sides(layout),
            *_links(layout),
            *reductions(layout, reduced),
            canonical(layout) if reduced.symmetry else _no_symmetry(layout),
            *emission.commits(),
            *emission.events(),
            emission.expand(),
            emission.check(),
            _initial(layout, pack(layout, start.state)),
            _source("search.c"),
        ]
    )
    return Emitted(text, layout, properties, bounds, reduced)


def _source(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _no_symmetry(layout: Layout) -> str:
    normal = "normalise_sides(rows); " if layout.has_sides else ""
    return f"static inline void canonical(uint64_t *rows) {{ {normal}(void)rows; }}"


def _initial(layout: Layout, packed: tuple[int, ...]) -> str:
    words = ", ".join(f"UINT64_C({hex(word)})" for word in packed)
    return (
        "static void model_initial(struct worker *w)\n{\n"
        f"    static const uint64_t start[MODEL_WORDS] = {{{words}}};\n"
        "    uint64_t state[MODEL_WORDS];\n    model_canonical(start, state);\n    emit(w, state, 0);\n}"
    )


def _sides(layout: Layout) -> Iterator[str]:
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


def _links(layout: Layout) -> Iterator[str]:
    """Queues and bags: a row holds, for each receiver, `channel` codes of messages, 0 after the last."""
    model = layout.model
    for kind, row in zip(model.protocol.kinds, layout.rows, strict=False):
        for receiver in model.protocol.kinds:
            block = row.blocks.get(f"link_{receiver.name}")
            if block is None:
                continue
            name = f"{kind.name}_{receiver.name}"
            channel = model.channel
            cell = f"to * {channel} + i"
            from modelcheck.native.rows import put

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
                f"    if (i == {channel})\n        return 0;\n"
                f"    put_cell_{name}(row, to, i, code);\n{sort}    return 1;\n}}"
            )
            yield (
                f"static void take_{name}(uint64_t *row, int64_t to, int64_t i)\n{{\n"
                f"    for (; i < {channel}; i++)\n"
                f"        put_cell_{name}(row, to, i, i + 1 < {channel} ? cell_{name}(row, to, i + 1) : 0);\n}}"
            )


@dataclass(frozen=True)
class _Emission:
    layout: Layout
    bounds: Bounds
    properties: tuple[Checked, ...]

    @property
    def model(self) -> Model:
        return self.layout.model

    def context(self, state: str, after: str | None = None) -> Context:
        return Context(self.layout, None, "me", state, after)

    def row(self, index: int, number: str, rows: str) -> str:
        return f"({rows} + {self.layout.offsets[index]} + {number} * {self.layout.rows[index].words})"

    # The end of a step --------------------------------------------------------------------------------------------

    def commits(self) -> Iterator[str]:
        """What is common to all steps: history, step properties, the canonical form, packing."""
        step_checks = [
            self.property_check(number, item, "from", "rows", "found_in_step(w, {})")
            for number, item in enumerate(self.properties)
            if item.in_step and item.declared is not None
        ]
        yield (
            "/* A step has led from one state (as rows) to another. */\n"
            "static void finish(struct worker *w, const uint64_t *from, uint64_t *rows, uint32_t step)\n{\n"
            + "\n".join(step_checks)
            + "\n    uint64_t state[MODEL_WORDS];\n    forget(rows);\n    canonical(rows);\n    pack(rows, state);\n"
            "    (void)from;\n    emit(w, state, step);\n}"
        )
        for index, kind in enumerate(self.model.protocol.kinds):
            words = self.layout.rows[index].words
            mine = self.row(index, "me", "{}")
            yield (
                f"/* A process has run: `y` is its row now, `base` all rows but for that, `from` the state before. */\n"
                f"static void commit_{kind.name}(struct worker *w, const uint64_t *from, const uint64_t *base, int64_t me,\n"
                f"    const uint64_t *y, const uint64_t *taken, uint32_t step)\n{{\n"
                f"    uint64_t rows[ROW_WORDS];\n    cover(w, taken);\n"
                f"    if (same_words(y, {mine.format('from')}, {words}) && (base == from || step == STEP_RESTART))\n"
                f"        return;\n"
                f"    memcpy(rows, base, sizeof rows);\n"
                f"    copy_words({mine.format('rows')}, y, {words});\n"
                + self.remember(index, kind)
                + "    if (base != from && step != STEP_RESTART && same_words(rows, from, ROW_WORDS))\n        return;\n"
                f"    settle_{kind.name}({mine.format('rows')});\n    finish(w, from, rows, step);\n}}"
            )

    def remember(self, index: int, kind: ProcessKind) -> str:
        leader = self.model.protocol.leader
        if leader is None or leader.kind != kind.name:
            return ""
        context = replace(self.context("rows"), kind=kind.name)
        led = self.layout.rows[index].blocks["led"]
        row = self.row(index, "me", "rows")
        up = f"{kind.name}___up({row})"
        return (
            f"    if ({up} && {expression(leader.condition, context)}) {{\n"
            f"        const int64_t token = {expression(leader.token, context)};\n"
            f"        if (token >= 0 && token <= {self.model.caps.token})\n"
            f"            set_bit({row}, {led.word}, {led.shift}, {led.per_word}, token);\n    }}\n"
        )

    # Events -------------------------------------------------------------------------------------------------------

    def functions(self) -> Iterator[EventFunction]:
        for kind in self.model.protocol.kinds:
            seen: list[Handler] = []
            for handler in self.model.protocol.handlers:
                if handler.kind != kind.name or any(same_event(handler.event, other.event) for other in seen):
                    continue
                seen.append(handler)
                same = tuple(
                    h
                    for h in self.model.protocol.handlers
                    if h.kind == kind.name and same_event(h.event, handler.event)
                )
                parameters: tuple[Type, ...] = ()
                match handler.event:
                    case OnMessage(message, locals_, sender):
                        name = f"message_{message}"
                        parameters = (sender.type, *(local.type for local in locals_))
                    case OnInput(name, locals_):
                        name = f"input_{name}"
                        parameters = tuple(local.type for local in locals_)
                    case OnTimeout(timer):
                        name = f"timeout_{timer}"
                    case OnAction(name):
                        name = f"action_{name}"
                    case OnStart():
                        name = "start"
                yield EventFunction(f"{kind.name}___{name}", kind, same, parameters)

    def events(self) -> Iterator[str]:
        emitter = Emitter(self.layout, self.bounds, self.model.protocol.kinds[0], self.context("base"))
        for function in self.functions():
            yield event_function(function, replace(emitter, kind=function.kind))

    def function(self, kind: str, name: str) -> EventFunction | None:
        wanted = f"{kind}___{name}"
        return next((f for f in self.functions() if f.name == wanted), None)

    # All steps of a state -----------------------------------------------------------------------------------------

    def expand(self) -> str:
        parts = []
        for index, kind in enumerate(self.model.protocol.kinds):
            parts.append(self.own_steps(index, kind))
            if self.model.network.is_growing_set:
                parts += self.deliveries(index, kind)
            else:
                parts += self.link_steps(index, kind)
        parts += self.faults()
        body = "\n".join(part for part in parts if part)
        return (
            "static void model_expand(struct worker *w, const uint64_t *state)\n{\n"
            "    static const uint64_t nothing[COVER_WORDS];\n"
            f"    uint64_t from[ROW_WORDS], base[ROW_WORDS], y[{max(max(row.words for row in self.layout.rows), 1)}];\n"
            "    unpack(state, from);\n    (void)nothing; (void)base; (void)y;\n" + body + "\n}"
        )

    def processes(self, index: int, body: str, variable: str = "me") -> str:
        size = self.model.sizes[index]
        return f"    for (int64_t {variable} = 0; {variable} < {size}; {variable}++) {{\n{body}\n    }}"

    def copy_row(self, index: int, rows: str = "from") -> str:
        return f"copy_words(y, {self.row(index, 'me', rows)}, {self.layout.rows[index].words});"

    def run(self, index: int, name: str, base: str, step: str, arguments: tuple[str, ...] = ()) -> str:
        """Has process `me`, whose row is in `y`, handle an event; without a handler the step ends with `y`."""
        kind = self.model.protocol.kinds[index].name
        function = self.function(kind, name)
        if function is None:
            return f"commit_{kind}(w, from, {base}, me, y, nothing, {step});"
        extra = "".join(f", {argument}" for argument in arguments)
        return f"{function.name}(w, from, {base}, y, me, {step}{extra});"

    def own_steps(self, index: int, kind: ProcessKind) -> str:
        lines = []
        if self.layout.has_crash:
            lines.append(f"    if (!{kind.name}___up({self.row(index, 'me', 'from')})) continue;")
        for timer in kind.timers:
            armed = f"{kind.name}___armed_{timer.name}"
            run = self.run(index, f"timeout_{timer.name}", "from", "STEP_TIMEOUT")
            lines.append(
                f"    if ({armed}({self.row(index, 'me', 'from')})) {{ {self.copy_row(index)} "
                f"set_{armed}(y, 0); {run} }}"
            )
        for function in self.functions():
            if function.kind != kind:
                continue
            event = function.handlers[0].event
            if isinstance(event, OnAction):
                lines.append(
                    f"    {self.copy_row(index)} {self.run(index, f'action_{event.name}', 'from', 'STEP_ACTION')}"
                )
            elif isinstance(event, OnInput):
                names = tuple(f"x{i}" for i in range(len(function.parameters)))
                run = f"{self.copy_row(index)} {self.run(index, f'input_{event.name}', 'from', 'STEP_INPUT', names)}"
                for name, of in reversed(list(zip(names, function.parameters, strict=True))):
                    size = len(values_of(self.model, of))
                    run = (
                        f"for (uint64_t {name}_code = 0; {name}_code < {size}; {name}_code++) "
                        f"{{ const {c_type(of)} {name} = {from_code(of, f'{name}_code')}; {run} }}"
                    )
                lines.append("    " + run)
        return self.processes(index, "\n".join(lines))

    def can_receive(self, index: int, sender: int) -> str:
        """C text that skips to the next receiver where `me` can receive nothing from `j`."""
        kinds = self.model.protocol.kinds
        text = ""
        if self.layout.has_crash:
            text += f"    if (!{kinds[index].name}___up({self.row(index, 'me', 'from')})) continue;\n"
        if self.layout.has_sides:
            text += (
                f"    if ({kinds[index].name}___side({self.row(index, 'me', 'from')}) != "
                f"{kinds[sender].name}___side({self.row(sender, 'j', 'from')})) continue;\n"
            )
        return text

    def decoded(self, message_name: str, index: str) -> tuple[str, tuple[str, ...]]:
        """C declarations of a message's arguments from the number of their combination."""
        message = self.model.protocol.message(message_name)
        lines, names = [], []
        rest = index
        for position in reversed(range(len(message.parameters))):
            of = message.parameters[position][1]
            size = self.layout.argument_size(message, position)
            code = f"{rest} % {size}" if position else rest
            lines.append(f"const {c_type(of)} x{position} = {from_code(of, code)};")
            rest = f"{rest} / {size}"
            names.append(f"x{position}")
        return " ".join(reversed(lines)), tuple(reversed(names))

    def deliveries(self, index: int, kind: ProcessKind) -> Iterator[str]:
        """Every message that is there to every process that it is for."""
        for sending in self.layout.sendings:
            message = sending.message
            if message.receiver != kind.name or self.function(kind.name, f"message_{message.name}") is None:
                continue
            sender = self.model.kind_index[message.sender]
            block = self.layout.rows[sender].blocks[f"sent_{message.name}"]
            receivers = 1 if sending.broadcast_only else self.model.size(message.receiver)
            declarations, names = self.decoded(message.name, "index")
            run = self.run(index, f"message_{message.name}", "from", "STEP_DELIVER", ("j", *names))
            to_self = sending.broadcast_only and message.sender == message.receiver
            body = (
                f"    for (int64_t j = 0; j < {self.model.sizes[sender]}; j++) {{\n"
                + ("    if (j == me) continue;\n" if to_self else "")
                + self.can_receive(index, sender)
            )
            words = (block.count + block.per_word - 1) // block.per_word
            for word in range(words):
                first = word * block.per_word
                cells = min(block.per_word, block.count - first)
                row = self.row(sender, "j", "from")
                mask = f"UINT64_C({hex((1 << cells) - 1)})"
                bits = f"{row}[{block.word + word}] >> {block.shift} & {mask}"
                if receivers > 1:
                    wanted = ", ".join(
                        f"UINT64_C({hex(sum(1 << c for c in range(cells) if (first + c) % receivers == to))})"
                        for to in range(receivers)
                    )
                    bits += f" & ((const uint64_t[]){{{wanted}}})[me]"
                cell = f"({first} + (uint64_t)__builtin_ctzll(bits))" if first else "(uint64_t)__builtin_ctzll(bits)"
                body += (
                    f"    for (uint64_t bits = {bits}; bits; bits &= bits - 1) {{\n"
                    f"        const uint64_t index = {cell}{f' / {receivers}' if receivers > 1 else ''}; (void)index;\n"
                    f"        {declarations}\n        {self.copy_row(index)} {run}\n    }}\n"
                )
            yield self.processes(index, body + "    }")

    def link_steps(self, index: int, kind: ProcessKind) -> Iterator[str]:
        """Deliveries and losses on links to processes of a kind."""
        network = self.model.network
        channel = self.model.channel
        for sender, sending_kind in enumerate(self.model.protocol.kinds):
            ranges = self.layout.code_ranges(sending_kind.name, kind.name)
            if not ranges:
                continue
            name = f"{sending_kind.name}_{kind.name}"
            row = self.row(sender, "j", "{}")
            deliver = ""
            for message, first, count in ranges:
                declarations, names = self.decoded(message.name, "index")
                run = self.run(index, f"message_{message.name}", "{}", "STEP_DELIVER", ("j", *names))
                if self.function(kind.name, f"message_{message.name}") is None:
                    run = f"commit_{kind.name}(w, from, {{}}, me, y, nothing, STEP_DELIVER);"
                keep = f"{self.copy_row(index)} {run.format('from')}" if network.duplication else ""
                deliver += (
                    f"        if (code >= {first} && code < {first + count}) {{\n"
                    f"            const uint64_t index = code - {first}; (void)index; {declarations}\n"
                    f"            {self.copy_row(index, 'base')} {run.format('base')} {keep}\n        }}\n"
                )
            lines = (
                f"    for (int64_t j = 0; j < {self.model.sizes[sender]}; j++)\n"
                f"    for (int64_t i = 0; i < {channel}; i++) {{\n"
                f"        const uint64_t code = cell_{name}({row.format('from')}, me, i);\n"
                "        if (!code) break;\n"
            )
            if network.reordering:
                lines += f"        if (i > 0 && cell_{name}({row.format('from')}, me, i - 1) == code) continue;\n"
            lines += f"        memcpy(base, from, sizeof base); take_{name}({row.format('base')}, me, i);\n"
            if network.loss:
                lines += (
                    "        { uint64_t rows[ROW_WORDS]; memcpy(rows, base, sizeof rows); "
                    "finish(w, from, rows, STEP_LOSE); }\n"
                )
            if not network.reordering:
                lines += "        if (i > 0) continue;\n"
            yield self.processes(index, lines + self.can_receive(index, sender) + deliver + "    }")

    # Faults -------------------------------------------------------------------------------------------------------

    def faults(self) -> Iterator[str]:
        for fault in self.model.faults:
            spend = ""
            guard = "1"
            base = "from"
            if fault.up_to is not None:
                if fault not in self.model.bounded_faults:
                    continue
                block = self.layout.rows[-1].blocks[f"spent{self.model.bounded_faults.index(fault)}"]
                at = self.layout.offsets[-1]
                guard = f"{get(block, f'(from + {at})')} < {fault.up_to}"
                base = "base"
                spend = f"memcpy(base, from, sizeof base); base[{at + block.word}] += UINT64_C(1) << {block.shift};"
            match fault.kind:
                case FaultKind.RESTART | FaultKind.DISK_LOSS | FaultKind.CRASH:
                    bodies = [self.fault_of(index, kind, fault.kind, base) for index, kind in self.kinds()]
                    yield f"    if ({guard}) {{\n{spend}\n" + "\n".join(bodies) + "\n    }"
                case FaultKind.PARTITION:
                    yield f"    if ({guard}) {{\n{spend}\n{self.partition(base)}\n    }}"
                case _:
                    pass
        for index, kind in self.kinds():
            if self.layout.has_crash:
                row = self.row(index, "me", "from")
                yield self.processes(
                    index,
                    f"    if ({kind.name}___up({row})) continue;\n    {self.copy_row(index)} "
                    f"set_{kind.name}___up(y, 1); {self.run(index, 'start', 'from', 'STEP_RECOVER')}",
                )
        if self.layout.has_sides:
            yield (
                "    { uint64_t rows[ROW_WORDS]; memcpy(rows, from, sizeof rows);\n"
                + "\n".join(self.set_side(index, kind, "0") for index, kind in self.kinds())
                + "\n    if (!same_words(rows, from, ROW_WORDS)) finish(w, from, rows, STEP_HEAL); }"
            )

    def kinds(self) -> Iterator[tuple[int, ProcessKind]]:
        yield from enumerate(self.model.protocol.kinds)

    def fault_of(self, index: int, kind: ProcessKind, fault: FaultKind, base: str) -> str:
        lines = []
        if self.layout.has_crash:
            lines.append(f"    if (!{kind.name}___up({self.row(index, 'me', 'from')})) continue;")
        lines.append("    " + self.copy_row(index))
        for variable in kind.variables:
            if not variable.durable or fault is FaultKind.DISK_LOSS:
                lines.append("    " + self.reset(kind, variable))
        lines += [f"    set_{kind.name}___armed_{timer.name}(y, 0);" for timer in kind.timers]
        if fault is FaultKind.CRASH:
            lines.append(f"    set_{kind.name}___up(y, 0);")
            lines.append(f"    commit_{kind.name}(w, from, {base}, me, y, nothing, STEP_CRASH);")
        else:
            lines.append("    " + self.run(index, "start", base, "STEP_RESTART"))
        return self.processes(index, "\n".join(lines))

    def reset(self, kind: ProcessKind, variable: Variable) -> str:
        of = variable.type
        setter = f"set_{kind.name}__{variable.name}"
        if isinstance(of, MapType):
            value = self.initial_value(variable, of.value)
            return f"for (int64_t key = 0; key < {self.model.size(of.key.kind)}; key++) {setter}(y, key, {value});"
        return f"{setter}(y, {self.initial_value(variable, of)});"

    def initial_value(self, variable: Variable, of: Type) -> str:
        match of:
            case OptionType(ProcessType()) if variable.initial is None:
                return no_value(of)
            case SetType() | _:
                return constant(variable.initial, of)

    def set_side(self, index: int, kind: ProcessKind, value: str) -> str:
        row = self.row(index, "k", "rows")
        return f"    for (int k = 0; k < {self.model.sizes[index]}; k++) set_{kind.name}___side({row}, {value});"

    def partition(self, base: str) -> str:
        total = sum(self.model.sizes)
        lines = [
            f"    for (uint64_t cut = 2; cut < UINT64_C({1 << total}); cut += 2) {{",
            f"    uint64_t rows[ROW_WORDS]; memcpy(rows, {base}, sizeof rows); int same = 1;",
        ]
        first = 0
        for index, kind in self.kinds():
            lines.append(self.set_side(index, kind, f"(int64_t)(cut >> ({first} + k) & 1)"))
            row = self.row(index, "k", "{}")
            lines.append(
                f"    for (int k = 0; k < {self.model.sizes[index]}; k++) same &= "
                f"{kind.name}___side({row.format('rows')}) == {kind.name}___side({row.format('from')});"
            )
            first += self.model.sizes[index]
        lines.append("    if (!same) finish(w, from, rows, STEP_PARTITION);\n    }")
        return "\n".join(lines)

    # Properties ---------------------------------------------------------------------------------------------------

    def property_check(self, number: int, item: Checked, state: str, after: str | None, found: str) -> str:
        declared = item.declared
        assert declared is not None
        context = replace(self.context(state, after), kind=declared.about)
        test = expression(declared.expression, context)
        if item.is_violation:
            test = f"!{test}"
        hit = f"    if ({test}) {found.format(number)};"
        if declared.about is None:
            return hit
        return self.processes(self.model.kind_index[declared.about], hit)

    def check(self) -> str:
        lines = []
        for number, item in enumerate(self.properties):
            if item.in_step:
                continue
            if item.declared is not None:
                lines.append(self.property_check(number, item, "rows", None, "found_in_state(w, {}, state)"))
            else:
                lines.append(self.standard(number, item))
        kinds = ", ".join(
            "WITNESS" if not p.is_violation else "VIOLATED_STEP" if p.in_step else "VIOLATED_STATE"
            for p in self.properties
        )
        return (
            f"static const uint8_t model_property_kinds[] = {{{kinds}}};\n"
            "static void model_check(struct worker *w, const uint64_t *state)\n{\n"
            "    uint64_t rows[ROW_WORDS];\n    unpack(state, rows);\n    (void)w; (void)rows;\n"
            + "\n".join(lines)
            + "\n}\n"
            "static void model_canonical(const uint64_t *in, uint64_t *out)\n{\n"
            "    uint64_t rows[ROW_WORDS];\n    unpack(in, rows);\n    settle_all(rows);\n    canonical(rows);\n    pack(rows, out);\n}"
        )

    def standard(self, number: int, item: Checked) -> str:
        leader = self.model.protocol.leader
        assert leader is not None
        index = self.model.kind_index[leader.kind]
        block = self.layout.rows[index].blocks["led"]
        row = self.row(index, "me", "rows")
        words = [
            f"({row}[{block.word + i}] >> {block.shift} & UINT64_C({hex((1 << min(block.per_word, block.count - i * block.per_word)) - 1)}))"
            for i in range((block.count + block.per_word - 1) // block.per_word)
        ]
        found = f"found_in_state(w, {number}, state)"
        if item.name == ONE_LEADER_PER_TOKEN:
            body = "\n".join(f"    if (seen[{i}] & {w}) {found}; seen[{i}] |= {w};" for i, w in enumerate(words))
            return f"    {{ uint64_t seen[{len(words)}] = {{0}};\n{self.processes(index, body)} }}"
        context = replace(self.context("rows"), kind=leader.kind)
        leads = f"{leader.kind}___up({row}) && {expression(leader.condition, context)}"
        if item.name == TOKEN_NEVER_GOES_BACKWARDS:
            token = expression(leader.token, context)
            later = " || ".join(f"bits_above({w}, token - {i * block.per_word})" for i, w in enumerate(words))
            body = f"    if ({leads}) {{ const int64_t token = {token}; if ({later}) {found}; }}"
            return self.processes(index, body)
        assert leader.elected_by is not None
        held = quorum_of(self.model, expression(leader.elected_by, context), leader.elected_by.type, context)
        return self.processes(index, f"    if ({leads} && !({held})) {found};")


def quorum_of(model: Model, members: str, of: Type, context: Context) -> str:
    """Whether a set is a quorum by the protocol's own definition."""
    assert isinstance(of, SetType)
    names = (f"quorum:{of.of.kind}", "quorum")
    definition = next(d for name in names for d in model.protocol.definitions if d.name == name)
    (parameter,) = definition.parameters
    bound = f"uint64_t l{parameter.identity} = {members};"
    return f"({{ {bound} {expression(definition.body, context)}; }})"
