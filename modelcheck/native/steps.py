"""All steps of a state as C: `model_expand`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from modelcheck.layout import WORD, Sending
from modelcheck.native.checks import messages_looked_at
from modelcheck.native.emission import Emission
from modelcheck.native.labels import HEAL, RECOVER, Sort
from modelcheck.native.network import decoded
from modelcheck.native.reactions import Reaction, reaction, tables
from modelcheck.native.rows import get, mask
from modelcheck.native.time import is_paused, may_fire, pausing, time_steps
from modelcheck.native.values import c_type, constant, from_code, no_value
from modelcheck.semantics import values_of
from spec.protocol import FaultKind, OnAction, OnInput, ProcessKind, Variable
from spec.types import MapType, OptionType, ProcessType, SetType, Type

EACH_BIT = "bits; bits &= bits - 1) {{\n        const uint64_t {} = (uint64_t)__builtin_ctzll(bits);\n"
UNROLL = '    _Pragma("GCC unroll 8")\n'


def expand(e: Emission) -> str:
    parts = []
    for index, kind in enumerate(e.model.protocol.kinds):
        steps = _own_steps(e, index, kind)
        if e.model.network.is_growing_set:
            parts.append(e.processes(index, "\n".join([steps, *_deliveries(e, index, kind)])))
        else:
            parts += [e.processes(index, steps), *_link_steps(e, index, kind)]
    parts += _faults(e)
    parts += time_steps(e)
    body = "\n".join(part for part in parts if part)
    # Nothing that goes wrong is a step of the calm; see enum phase.
    return (
        "static void model_expand(struct worker *w, const uint64_t *state)\n{\n"
        "    static const uint64_t nothing[COVER_WORDS];\n"
        f"    uint64_t from[ROW_WORDS], base[ROW_WORDS], y[{max(max(row.words for row in e.layout.rows), 1)}];\n"
        "    unpack(state, from);\n    (void)nothing; (void)base; (void)y;\n" + body + "\n}"
    )


def _run(e: Emission, index: int, name: str, base: str, step: str, arguments: tuple[str, ...] = ()) -> str:
    """Has process `me`, whose row is in `y`, handle an event; without a handler the step ends with `y`."""
    kind = e.model.protocol.kinds[index].name
    function = e.function(kind, name)
    label = f"LABEL({_label(e, kind, name, step)});" if e.labelled else ""
    if function is None:
        return f"{label} commit_{kind}(w, from, {base}, me, y, nothing, {step});"
    extra = "".join(f", {argument}" for argument in arguments)
    return f"{label} {function.name}(w, from, {base}, y, me, {step}{extra});"


def _label(e: Emission, kind: str, name: str, step: str) -> str:
    """The label of what process `me` does, in C; of a message that it receives from `j`, too."""
    of = name.partition("_")[2]
    match step:
        case "STEP_DELIVER":
            senders, receivers = e.model.size(e.model.protocol.message(of).sender), e.model.size(kind)
            return f"{e.labels[Sort.DELIVER, of, kind]} + (index * {senders} + j) * {receivers} + me"
        case "STEP_TIMEOUT":
            return f"{e.labels[Sort.TIMEOUT, of, kind]} + me"
        case "STEP_ACTION" | "STEP_INPUT":
            return f"{e.labels[Sort.REQUEST, of, kind]} + me"
        case "STEP_RECOVER":
            return f"{e.labels[Sort.RETURN, RECOVER, kind]} + me"
        case _:
            return str(e.labels[Sort.FAULT, "", ""])


def _fault_label(e: Emission) -> str:
    return f"LABEL({e.labels[Sort.FAULT, '', '']}); " if e.labelled else ""


def _own_steps(e: Emission, index: int, kind: ProcessKind) -> str:
    """What process `me` does by itself, if it is up."""
    lines = [_is_up(e, index)]
    for timer in kind.timers:
        armed = f"{kind.name}___armed_{timer.name}"
        run = _run(e, index, f"timeout_{timer.name}", "from", "STEP_TIMEOUT")
        row = e.row(index, "me", "from")
        due = may_fire(e, kind, timer.name, row)
        lines.append(f"    if ({armed}({row}){due}) {{ {e.copy_row(index)} set_{armed}(y, 0); {run} }}")
    for function in e.functions():
        if function.kind != kind:
            continue
        event = function.handlers[0].event
        if isinstance(event, OnAction):
            lines.append(f"    {e.copy_row(index)} {_run(e, index, f'action_{event.name}', 'from', 'STEP_ACTION')}")
        elif isinstance(event, OnInput):
            names = tuple(f"x{i}" for i in range(len(function.parameters)))
            run = f"{e.copy_row(index)} {_run(e, index, f'input_{event.name}', 'from', 'STEP_INPUT', names)}"
            for name, of in reversed(list(zip(names, function.parameters, strict=True))):
                size = len(values_of(e.model, of))
                run = (
                    f"for (uint64_t {name}_code = 0; {name}_code < {size}; {name}_code++) "
                    f"{{ const {c_type(of)} {name} = {from_code(of, f'{name}_code')}; {run} }}"
                )
            lines.append("    " + run)
    return "\n".join(lines)


def _can_receive(e: Emission, index: int, sender: int) -> str:
    """C text that skips to the next sender where `me` can receive nothing from `j`."""
    kinds = e.model.protocol.kinds
    silent = ""
    if e.layout.has_crash:
        up = f"{kinds[sender].name}___up({e.row(sender, 'j', 'from')})"
        silent = f"    if (model_phase == CUT_OFF && !{up}) continue;\n"
    if not e.layout.has_sides:
        return silent
    return (
        f"{silent}    if ({kinds[index].name}___side({e.row(index, 'me', 'from')}) != "
        f"{kinds[sender].name}___side({e.row(sender, 'j', 'from')})) continue;\n"
    )


def _is_up(e: Emission, index: int) -> str:
    """C text that skips to the next process where `me` is down, or paused."""
    kind = e.model.protocol.kinds[index]
    row = e.row(index, "me", "from")
    paused = is_paused(e, kind, row)
    skip = f"    if ({paused}) continue;\n" if paused else ""
    return (f"    if (!{kind.name}___up({row})) continue;\n" if e.layout.has_crash else "") + skip


def _decoded(e: Emission, message_name: str, index: str) -> tuple[str, tuple[str, ...]]:
    """C declarations of a message's arguments from the number of their combination."""
    message = e.model.protocol.message(message_name)
    names = tuple(f"x{position}" for position in range(len(message.parameters)))
    return decoded(e.layout, message, index, names), names


def _deliveries(e: Emission, index: int, kind: ProcessKind) -> Iterator[str]:
    """To process `me`, which is up, every message that is there and may do something."""
    for sending in e.layout.sendings:
        message = sending.message
        function = e.function(kind.name, f"message_{message.name}")
        if message.receiver != kind.name or function is None:
            continue
        sender = e.model.kind_index[message.sender]
        block = e.layout.rows[sender].blocks[f"sent_{message.name}"]
        found = reaction(function.handlers, block, replace(e.context("from"), kind=kind.name))
        words = (block.count + block.per_word - 1) // block.per_word
        for word in range(words):
            yield _deliveries_of_word(e, index, sending, word, found)


def _deliveries_of_word(e: Emission, index: int, sending: Sending, word: int, found: Reaction | None) -> str:
    """The messages of all senders are gathered first, where they fit a word: one loop is better foreseen by the
    processor than one for each sender."""
    message = sending.message
    sender = e.model.kind_index[message.sender]
    senders = e.model.sizes[sender]
    block = e.layout.rows[sender].blocks[f"sent_{message.name}"]
    receivers = 1 if sending.broadcast_only else e.model.size(message.receiver)
    first = word * block.per_word
    cells = min(block.per_word, block.count - first)
    wanted = mask(cells)
    if receivers > 1:
        of_receivers = ", ".join(
            f"UINT64_C({hex(sum(1 << c for c in range(cells) if (first + c) % receivers == to))})"
            for to in range(receivers)
        )
        wanted = f"((const uint64_t[]){{{of_receivers}}})[me]"
    before = "".join(f"    {line}\n" for line in tables(block, found.positions, word)) if found else ""
    may = found.may if found else ""
    if found and not found.by_sender:
        before += f"    const uint64_t may = {may} & {wanted};\n"
        wanted, may = "may", ""
    bits = f"{e.row(sender, 'j', 'from')}[{block.word + word}] >> {block.shift} & {wanted}{may and ' & ' + may}"
    cell = f"{first} + at" if first else "at"
    if receivers > 1:
        cell = f"({cell}) / {receivers}"
    declarations, names = _decoded(e, message.name, "index")
    run = _run(e, index, f"message_{message.name}", "from", "STEP_DELIVER", ("j", *names))
    deliver = (
        f"        const uint64_t index = {cell}; (void)index;\n        {declarations}\n"
        f"        {e.copy_row(index)} {run}\n"
    )
    to_self = "    if (j == me) continue;\n" if sending.broadcast_only and message.sender == message.receiver else ""
    skip = to_self + _can_receive(e, index, sender)
    each_sender = f"    for (int64_t j = 0; j < {senders}; j++) {{\n{skip}"
    if cells * senders > WORD:
        each_bit = f"    for (uint64_t bits = {bits}; {EACH_BIT.format('at')}"
        return f"    {{\n{before}{each_sender}{each_bit}{deliver}    }}\n    }}\n    }}\n"
    return (
        f"    {{\n{before}    uint64_t all = 0;\n{UNROLL}{each_sender}"
        f"    all |= ({bits}) << j * {cells};\n    }}\n"
        f"    for (uint64_t bits = all; {EACH_BIT.format('found')}"
        f"        const int64_t j = (int64_t)(found / {cells});\n        const uint64_t at = found % {cells};\n"
        f"{deliver}    }}\n    }}\n"
    )


def _link_steps(e: Emission, index: int, kind: ProcessKind) -> Iterator[str]:
    """Deliveries and losses on links to processes of a kind."""
    network = e.model.network
    channel = e.model.channel
    for sender, sending_kind in enumerate(e.model.protocol.kinds):
        ranges = e.layout.code_ranges(sending_kind.name, kind.name)
        if not ranges:
            continue
        name = f"{sending_kind.name}___{kind.name}"
        row = e.row(sender, "j", "{}")
        deliver = ""
        for message, first, count in ranges:
            declarations, names = _decoded(e, message.name, "index")
            run = _run(e, index, f"message_{message.name}", "{}", "STEP_DELIVER", ("j", *names))
            again = f"if (model_phase == FAULTY) {{ {e.copy_row(index)} {run.format('from')} }}"
            keep = again if network.duplication else ""
            deliver += (
                f"        if (code >= {first} && code < {first + count}) {{\n"
                f"            const uint64_t index = code - {first}; (void)index; {declarations}\n"
                f"            {e.copy_row(index, 'base')} {run.format('base')} {keep}\n        }}\n"
            )
        lines = (
            f"    for (int64_t j = 0; j < {e.model.sizes[sender]}; j++)\n"
            f"    for (int64_t i = 0; i < {channel}; i++) {{\n"
            f"        const uint64_t code = cell_{name}({row.format('from')}, me, i);\n"
            "        if (!code) break;\n"
        )
        if network.reordering:
            lines += f"        if (i > 0 && cell_{name}({row.format('from')}, me, i - 1) == code) continue;\n"
        lines += f"        memcpy(base, from, sizeof base); take_{name}({row.format('base')}, me, i);\n"
        if network.loss:
            lines += (
                "        if (model_phase == FAULTY) { uint64_t rows[ROW_WORDS]; memcpy(rows, base, sizeof rows); "
                f"{_fault_label(e)}"
                f"finish(w, from, rows, STEP_LOSE, {int(bool(messages_looked_at(e)))}); }}\n"
            )
        if not network.reordering:
            lines += "        if (i > 0) continue;\n"
        yield e.processes(index, lines + _is_up(e, index) + _can_receive(e, index, sender) + deliver + "    }")


def _faults(e: Emission) -> Iterator[str]:
    for fault in e.model.faults:
        spend = ""
        guard = "model_phase == FAULTY"
        base = "from"
        if fault.up_to is not None:
            if fault not in e.model.bounded_faults:
                continue
            block = e.layout.rows[-1].blocks[f"spent{e.model.bounded_faults.index(fault)}"]
            at = e.layout.offsets[-1]
            guard += f" && {get(block, f'(from + {at})')} < {fault.up_to}"
            base = "base"
            spend = f"memcpy(base, from, sizeof base); base[{at + block.word}] += UINT64_C(1) << {block.shift};"
        match fault.kind:
            case FaultKind.RESTART | FaultKind.DISK_LOSS | FaultKind.CRASH:
                bodies = [
                    _fault_of(e, index, kind, fault.kind, base)
                    for index, kind in e.kinds()
                    if fault.happens_to(kind.name)
                ]
                yield f"    if ({guard}) {{\n{spend}\n" + "\n".join(bodies) + "\n    }"
            case FaultKind.PAUSE if e.model.protocol.clocks is not None:
                yield f"    if ({guard}) {{\n{spend}\n{pausing(e, base)}\n    }}"
            case FaultKind.PARTITION:
                yield f"    if ({guard}) {{\n{spend}\n{_partition(e, base)}\n    }}"
            case _:
                pass
    for index, kind in e.kinds():
        if e.layout.has_crash:
            row = e.row(index, "me", "from")
            yield e.processes(
                index,
                f"    if (model_phase >= LEFT || {kind.name}___up({row})) continue;\n    {e.copy_row(index)} "
                f"set_{kind.name}___up(y, 1); {_run(e, index, 'start', 'from', 'STEP_RECOVER')}",
            )
    if e.layout.has_sides:
        yield (
            "    { uint64_t rows[ROW_WORDS]; memcpy(rows, from, sizeof rows);\n"
            + "\n".join(_set_side(e, index, kind, "0") for index, kind in e.kinds())
            + (f"\n    LABEL({e.labels[Sort.RETURN, HEAL, '']});" if e.labelled else "")
            + "\n    if (!same_words(rows, from, ROW_WORDS)) finish(w, from, rows, STEP_HEAL, 0); }"
        )


def _fault_of(e: Emission, index: int, kind: ProcessKind, fault: FaultKind, base: str) -> str:
    lines = []
    if e.layout.has_crash:
        lines.append(f"    if (!{kind.name}___up({e.row(index, 'me', 'from')})) continue;")
    lines.append("    " + e.copy_row(index))
    lines += crashing(e, kind, lost=fault is FaultKind.DISK_LOSS)
    if fault is FaultKind.CRASH:
        lines.append(f"    set_{kind.name}___up(y, 0);")
        lines.append(f"    {_fault_label(e)}commit_{kind.name}(w, from, {base}, me, y, nothing, STEP_CRASH);")
    else:
        lines.append("    " + _run(e, index, "start", base, "STEP_RESTART"))
    return e.processes(index, "\n".join(lines))


def crashing(e: Emission, kind: ProcessKind, *, lost: bool) -> list[str]:
    """What a crash does to the row `y` of a process, but for its being down; with `lost`, to its disk too."""
    variables = (variable for variable in kind.variables if lost or not variable.durable)
    return [
        *("    " + _reset(e, kind, variable) for variable in variables),
        *(f"    set_{kind.name}___armed_{timer.name}(y, 0);" for timer in kind.timers),
    ]


def _reset(e: Emission, kind: ProcessKind, variable: Variable) -> str:
    of = variable.type
    setter = f"set_{kind.name}__{variable.name}"
    if isinstance(of, MapType):
        value = _initial_value(e, variable, of.value)
        return f"for (int64_t key = 0; key < {e.model.size(of.key.kind)}; key++) {setter}(y, key, {value});"
    return f"{setter}(y, {_initial_value(e, variable, of)});"


def _initial_value(e: Emission, variable: Variable, of: Type) -> str:
    match of:
        case OptionType(ProcessType()) if variable.initial is None:
            return no_value(of)
        case SetType() | _:
            return constant(variable.initial, of)


def _set_side(e: Emission, index: int, kind: ProcessKind, value: str) -> str:
    row = e.row(index, "k", "rows")
    return f"    for (int k = 0; k < {e.model.sizes[index]}; k++) set_{kind.name}___side({row}, {value});"


def _partition(e: Emission, base: str) -> str:
    total = sum(e.model.sizes)
    lines = [
        f"    {_fault_label(e)}",
        f"    for (uint64_t cut = 2; cut < UINT64_C({1 << total}); cut += 2) {{",
        f"    uint64_t rows[ROW_WORDS]; memcpy(rows, {base}, sizeof rows); int same = 1;",
    ]
    first = 0
    for index, kind in e.kinds():
        lines.append(_set_side(e, index, kind, f"(int64_t)(cut >> ({first} + k) & 1)"))
        row = e.row(index, "k", "{}")
        lines.append(
            f"    for (int k = 0; k < {e.model.sizes[index]}; k++) same &= "
            f"{kind.name}___side({row.format('rows')}) == {kind.name}___side({row.format('from')});"
        )
        first += e.model.sizes[index]
    lines.append("    if (!same) finish(w, from, rows, STEP_PARTITION, 0);\n    }")
    return "\n".join(lines)
