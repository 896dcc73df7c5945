"""The end of a step, and what is looked for in states and steps, as C."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from modelcheck.model import Model
from modelcheck.native.emission import Emission
from modelcheck.native.expressions import Context, expression
from modelcheck.native.reduce import forgetting_masks
from modelcheck.native.rows import block_masks, mask
from modelcheck.properties import ONE_LEADER_PER_TOKEN, TOKEN_NEVER_GOES_BACKWARDS, Checked
from spec.lint import nodes, reads, reads_of_step
from spec.protocol import ProcessKind, Underway
from spec.types import SetType, Type


def commits(e: Emission) -> Iterator[str]:
    """What is common to all steps: history, step properties, the canonical form, packing."""
    step_checks = [
        _step_check(e, number, item)
        for number, item in enumerate(e.properties)
        if item.in_step and item.declared is not None
    ]
    yield (
        "/* A step has led from one state (as rows) to another; if `seen`, properties may tell the states apart. */\n"
        "static inline void finish(struct worker *w, const uint64_t *from, uint64_t *rows, uint32_t step, int seen)\n"
        "{\n"
        + "\n".join(step_checks)
        + "\n    uint64_t state[MODEL_WORDS];\n    rebase(rows);\n    canonical(rows);\n    pack(rows, state);\n"
        "    (void)from;\n    emit(w, state, step, seen);\n}"
    )
    for index, kind in enumerate(e.model.protocol.kinds):
        words = e.layout.rows[index].words
        mine = e.row(index, "me", "{}")
        yield (
            f"/* As `commit_{kind.name}`, where something has changed. */\n"
            f"static __attribute__((noinline)) void change_{kind.name}(struct worker *w, const uint64_t *from, "
            f"const uint64_t *base,\n    int64_t me, const uint64_t *y, uint32_t step)\n{{\n"
            f"    uint64_t rows[ROW_WORDS];\n"
            f"    memcpy(rows, base, sizeof rows);\n"
            f"    copy_words({mine.format('rows')}, y, {words});\n"
            + _remember(e, index, kind)
            + "    if (base != from && step != STEP_RESTART && same_words(rows, from, ROW_WORDS))\n        return;\n"
            f"    settle_{kind.name}({mine.format('rows')});\n"
            + ("    if (model_phase >= LEFT) drop_what_goes_nowhere(rows);\n" if e.goals is not None else "")
            + f"    const int seen = {_seen(e, index)};\n"
            f"{_forget(e, index)}    finish(w, from, rows, step, seen);\n}}"
        )
        yield (
            f"/* A process has run: `y` is its row now, `base` all rows but for that, `from` the state before. */\n"
            f"static inline void commit_{kind.name}(struct worker *w, const uint64_t *from, const uint64_t *base, "
            f"int64_t me,\n    const uint64_t *y, const uint64_t *taken, uint32_t step)\n{{\n"
            f"    cover(w, taken);\n"
            f"    if (same_words(y, {mine.format('from')}, {words}) && (base == from || step == STEP_RESTART))\n"
            f"        return;\n"
            f"    uint64_t row[{max(words, 1)}]; /* a copy, for `y` to stay in registers */\n"
            f"    copy_words(row, y, {words});\n    change_{kind.name}(w, from, base, me, row, step);\n}}"
        )


def _differs(row: str, masks: Iterable[tuple[int, int]]) -> str:
    """A C condition: whether some of the bits of a row, by its words, differ between `rows` and `from`."""
    tests = [
        f"((({row.format('rows')}[{word}] ^ {row.format('from')}[{word}]) & UINT64_C({hex(bits)})) != 0)"
        for word, bits in masks
        if bits
    ]
    return f"({' || '.join(tests) or '0'})"


def _read_masks(e: Emission, kind: str, name: str) -> dict[int, int]:
    """The bits of each word of a kind's rows that hold a variable, a timer, or (`up`) whether the process is up."""
    blocks = e.layout.rows[e.model.kind_index[kind]].blocks
    # A timer that is always armed varies with whether its process is up.
    block = next((blocks[b] for b in (f"var_{name}", f"armed_{name}", "up") if b in blocks), None)
    return block_masks(block) if block is not None else {}


def messages_looked_at(e: Emission) -> set[str]:
    """The messages that properties of states look for among those under way."""
    looks = (part for item in e.properties for part in nodes(item.declared) if isinstance(part, Underway))
    return {name for part in looks for name in (part.message, *(part.later or ())[:1])}


def _seen(e: Emission, index: int) -> str:
    """A C condition: whether properties of states may tell the states before and after a process has run apart."""
    differs = _differs(e.row(index, "me", "{}"), _seen_masks(e, index))
    # What a process is given over a link leaves another process's row.
    taken = messages_looked_at(e) and not e.model.network.is_growing_set
    return f"base != from || {differs}" if taken else differs


def _seen_masks(e: Emission, index: int) -> list[tuple[int, int]]:
    """The bits of each word of a kind's rows that some property of states reads. A step that leaves them as they are
    leads to nothing that has not been found in the state before, and so at a smaller depth."""
    protocol = e.model.protocol
    kind = protocol.kinds[index].name
    masks = [0] * e.layout.rows[index].words
    whole: list[object] = [item.declared for item in e.properties if not item.in_step]
    if None in whole:
        whole += [protocol.leader, *(d for d in protocol.definitions if d.name.partition(":")[0] == "quorum")]
    parts = [_read_masks(e, *read) for read in reads(protocol, tuple(whole)) if read[0] == kind]
    always = {"led", "up"}
    for message in (protocol.message(name) for name in messages_looked_at(e)):
        if message.sender == kind:
            always |= {f"sent_{message.name}", f"link_{message.receiver}"}
    parts += [block_masks(block) for name, block in e.layout.rows[index].blocks.items() if name in always]
    for word, bits in (item for part in parts for item in part.items()):
        masks[word] |= bits
    return list(enumerate(masks))


def _forget(e: Emission, index: int) -> str:
    """Which messages are dead changes only with what the acting process has sent or what its reactions depend on."""
    row = e.row(index, "me", "{}")
    masks = [one for one in enumerate(forgetting_masks(e.layout, e.reductions, index)) if one[1]]
    return f"    if {_differs(row, masks)}\n        forget(rows);\n" if masks else ""


def _remember(e: Emission, index: int, kind: ProcessKind) -> str:
    leader = e.model.protocol.leader
    if leader is None or leader.kind != kind.name:
        return ""
    context = replace(e.context("rows"), kind=kind.name)
    led = e.layout.rows[index].blocks["led"]
    row = e.row(index, "me", "rows")
    up = f"{kind.name}___up({row})"
    # Whether an election is a new one is asked of the history before the calm.
    faulty = "model_phase == FAULTY && " if e.goals is not None and e.goals.elects else ""
    return (
        f"    if ({faulty}{up} && {expression(leader.condition, context)}) {{\n"
        f"        const int64_t token = {expression(leader.token, context)};\n"
        f"        if (token >= 0 && token <= {e.model.caps.token})\n"
        f"            set_bit({row}, {led.word}, {led.shift}, {led.per_word}, token);\n    }}\n"
    )


def _step_check(e: Emission, number: int, item: Checked) -> str:
    """A step property is judged on the steps that change something that it reads."""
    assert item.declared is not None
    tests = []
    for kind, name in sorted(reads_of_step(e.model.protocol, item.declared)):
        index = e.model.kind_index[kind]
        masks = _read_masks(e, kind, name)
        tests += [_differs(e.row(index, str(i), "{}"), masks.items()) for i in range(e.model.sizes[index]) if masks]
    if not tests:
        return ""
    check = _property_check(e, number, item, "from", "rows", "found_in_step(w, {})")
    return f"    if ({' || '.join(tests)}) {{\n{check}\n    }}"


def _property_check(e: Emission, number: int, item: Checked, state: str, after: str | None, found: str) -> str:
    declared = item.declared
    assert declared is not None
    context = replace(e.context(state, after), kind=declared.about)
    test = expression(declared.expression, context)
    if item.is_violation:
        test = f"!{test}"
    hit = f"    if ({test}) {found.format(number)};"
    if declared.about is None:
        return hit
    return e.processes(e.model.kind_index[declared.about], hit)


def check(e: Emission) -> str:
    lines = []
    for number, item in enumerate(e.properties):
        if item.in_step:
            continue
        if item.declared is not None:
            lines.append(_property_check(e, number, item, "rows", None, "found_in_state(w, {}, state)"))
        else:
            lines.append(_standard(e, number, item))
    kinds = ", ".join(
        "WITNESS" if not p.is_violation else "VIOLATED_STEP" if p.in_step else "VIOLATED_STATE" for p in e.properties
    )
    return (
        f"static const uint8_t model_property_kinds[] = {{{kinds}}};\n"
        "static void model_check(struct worker *w, const uint64_t *state)\n{\n"
        "    uint64_t rows[ROW_WORDS];\n    unpack(state, rows);\n    (void)w; (void)rows;\n"
        + "\n".join(lines)
        + "\n}\n"
        "static void model_canonical(const uint64_t *in, uint64_t *out)\n{\n"
        "    uint64_t rows[ROW_WORDS];\n    unpack(in, rows);\n    settle_all(rows);\n    rebase(rows);\n"
        "    canonical(rows);\n    pack(rows, out);\n}"
    )


def led_words(e: Emission, row: str) -> list[tuple[int, str]]:
    """The tokens with which the process of a row has led, as C words with a bit each, and the first token of each."""
    leader = e.model.protocol.leader
    assert leader is not None
    block = e.layout.rows[e.model.kind_index[leader.kind]].blocks["led"]
    words = []
    for i in range((block.count + block.per_word - 1) // block.per_word):
        bits = min(block.per_word, block.count - i * block.per_word)
        words.append((i * block.per_word, f"({row}[{block.word + i}] >> {block.shift} & {mask(bits)})"))
    return words


def _standard(e: Emission, number: int, item: Checked) -> str:
    leader = e.model.protocol.leader
    assert leader is not None
    index = e.model.kind_index[leader.kind]
    block = e.layout.rows[index].blocks["led"]
    row = e.row(index, "me", "rows")
    words = [word for _, word in led_words(e, row)]
    found = f"found_in_state(w, {number}, state)"
    if item.name == ONE_LEADER_PER_TOKEN:
        body = "\n".join(f"    if (seen[{i}] & {w}) {found}; seen[{i}] |= {w};" for i, w in enumerate(words))
        return f"    {{ uint64_t seen[{len(words)}] = {{0}};\n{e.processes(index, body)} }}"
    context = replace(e.context("rows"), kind=leader.kind)
    leads = f"{leader.kind}___up({row}) && {expression(leader.condition, context)}"
    if item.name == TOKEN_NEVER_GOES_BACKWARDS:
        token = expression(leader.token, context)
        later = " || ".join(f"bits_above({w}, token - {i * block.per_word})" for i, w in enumerate(words))
        body = f"    if ({leads}) {{ const int64_t token = {token}; if ({later}) {found}; }}"
        return e.processes(index, body)
    assert leader.elected_by is not None
    held = _quorum_of(e.model, expression(leader.elected_by, context), leader.elected_by.type, context)
    return e.processes(index, f"    if ({leads} && !({held})) {found};")


def _quorum_of(model: Model, members: str, of: Type, context: Context) -> str:
    """Whether a set is a quorum by the protocol's own definition."""
    assert isinstance(of, SetType)
    names = (f"quorum:{of.of.kind}", "quorum")
    definition = next(d for name in names for d in model.protocol.definitions if d.name == name)
    (parameter,) = definition.parameters
    bound = f"uint64_t l{parameter.identity} = {members};"
    return f"({{ {bound} {expression(definition.body, context)}; }})"
