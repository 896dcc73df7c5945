"""What only properties look at, as C: the messages under way, and who has led.

Both are loops over the rows of a state, which end as soon as what they look for is settled.
"""

from __future__ import annotations

from collections.abc import Callable

from modelcheck.layout import Block, Layout, Sending
from modelcheck.native.network import decoded
from modelcheck.native.rows import mask
from modelcheck.native.values import fresh, local_name
from spec.protocol import Led, Local, Message, Quantifier, Underway


def underway(part: Underway, body: str, layout: Layout, rows: str) -> str:
    """A C expression: whether the body (in C) is true of some, or all, that is under way in a state's rows."""
    search = _Search(part.quantifier, body)
    if layout.model.network.is_growing_set:
        sending = layout.sending(part.message)
        sent = None if sending is None or part.later is not None else sending
        return search.nothing if sent is None else search.over(_in_set(part, sent, search, layout, rows))
    message = layout.model.protocol.message(part.message)
    codes = {m.name: (first, count) for m, first, count in layout.code_ranges(message.sender, message.receiver)}
    wanted = [part.message] if part.later is None else [part.message, part.later[0]]
    ordered = part.later is None or not layout.model.network.reordering
    if not ordered or any(name not in codes for name in wanted):
        return search.nothing
    return search.over(_on_links(part, message, codes, search, layout, rows))


def led(part: Led, body: str, layout: Layout, rows: str) -> str:
    """The same over all who have ever led, and their tokens."""
    search = _Search(part.quantifier, body)
    leader = layout.model.protocol.leader
    assert leader is not None
    index = layout.model.kind_index[leader.kind]
    token = f"            const int64_t {local_name(part.token)} = (int64_t)cell;\n            {search.test}\n"
    bits = _each_bit(layout.rows[index].blocks["led"], search, token)
    return search.over(_each_row(layout, index, rows, part.process, search, bits))


class _Search:
    """A C variable that holds what is known so far: true of none, or of all."""

    def __init__(self, quantifier: Quantifier, body: str) -> None:
        self.exists = quantifier is Quantifier.EXISTS
        self.found = fresh("q")
        self.goes_on = f"!{self.found}" if self.exists else self.found
        self.test = f"if ({body}) {self.found} = 1;" if self.exists else f"if (!({body})) {self.found} = 0;"

    @property
    def nothing(self) -> str:
        """What is said of nothing."""
        return f"INT64_C({int(not self.exists)})"

    def over(self, loops: str) -> str:
        return f"({{ int64_t {self.found} = {int(not self.exists)};\n{loops}    {self.found}; }})"


def _each_row(layout: Layout, index: int, rows: str, process: Local, search: _Search, inner: str) -> str:
    """A loop over the processes of a kind; `row` is each one's row."""
    name = local_name(process)
    return (
        f"    for (int64_t {name} = 0; {name} < {layout.model.sizes[index]} && {search.goes_on}; {name}++) {{\n"
        f"        const uint64_t *row = {rows} + {layout.offsets[index]} + {name} * {layout.rows[index].words};\n"
        f"{inner}    }}\n"
    )


def _each_bit(block: Block, search: _Search, inner: str) -> str:
    """A loop over the bits that are set in a block of `row`; `cell` is each one's number."""
    words = (block.count + block.per_word - 1) // block.per_word
    kept, last = mask(min(block.count, block.per_word)), mask(block.count - (words - 1) * block.per_word)
    if words > 1:
        kept = f"(word == {words - 1} ? {last} : {kept})"
    return (
        f"        for (uint64_t word = 0; word < {words}; word++)\n"
        f"        for (uint64_t bits = row[{block.word} + word] >> {block.shift} & {kept}; bits && {search.goes_on}; "
        "bits &= bits - 1) {\n"
        f"            const uint64_t cell = word * {block.per_word} + (uint64_t)__builtin_ctzll(bits); (void)cell;\n"
        f"{inner}        }}\n"
    )


def _in_set(part: Underway, sending: Sending, search: _Search, layout: Layout, rows: str) -> str:
    message = sending.message
    index = layout.model.kind_index[message.sender]
    receivers = layout.model.size(message.receiver)
    sender, receiver = local_name(part.sender), local_name(part.receiver)
    number = "cell" if sending.broadcast_only else f"(cell / {receivers})"
    carried = decoded(layout, message, number, tuple(local_name(p) for p in part.parameters))
    if sending.broadcast_only:
        others = f"if ({receiver} != {sender}) " if message.sender == message.receiver else ""
        ends = f"for (int64_t {receiver} = 0; {receiver} < {receivers} && {search.goes_on}; {receiver}++) {others}"
    else:
        ends = f"const int64_t {receiver} = (int64_t)(cell % {receivers});\n            "
    inner = f"            {carried}\n            {ends}{{ {search.test} }}\n"
    bits = _each_bit(layout.rows[index].blocks[f"sent_{message.name}"], search, inner)
    return _each_row(layout, index, rows, part.sender, search, bits)


def _on_links(
    part: Underway,
    message: Message,
    codes: dict[str, tuple[int, int]],
    search: _Search,
    layout: Layout,
    rows: str,
) -> str:
    index = layout.model.kind_index[message.sender]
    receiver, receivers = local_name(part.receiver), layout.model.size(message.receiver)

    def places(of: str, parameters: tuple[Local, ...], first: str, inner: Callable[[str], str]) -> str:
        """A loop over the messages of a name on a link, from a place on. (Code 0, after the last one, is of none.)"""
        low, count = codes[of]
        at, code = fresh("i"), fresh("c")
        names = tuple(local_name(parameter) for parameter in parameters)
        return (
            f"        for (int64_t {at} = {first}; {at} < {layout.model.channel} && {search.goes_on}; {at}++) {{\n"
            f"            const uint64_t {code} = cell_{message.sender}___{message.receiver}(row, {receiver}, {at});\n"
            f"            if ({code} < {low} || {code} >= {low + count}) continue;\n"
            f"            {decoded(layout, layout.model.protocol.message(of), f'({code} - {low})', names)}\n"
            f"{inner(at)}        }}\n"
        )

    def test(_: str) -> str:
        return f"            {search.test}\n"

    def behind(at: str) -> str:
        assert part.later is not None
        return places(*part.later, f"{at} + 1", test)

    found = places(part.message, part.parameters, "0", test if part.later is None else behind)
    each = f"        for (int64_t {receiver} = 0; {receiver} < {receivers} && {search.goes_on}; {receiver}++) {{\n"
    return _each_row(layout, index, rows, part.sender, search, f"{each}{found}        }}\n")
