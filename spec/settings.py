"""Networks, faults and checks: under which assumptions, and how far, a protocol is explored."""

from __future__ import annotations

from itertools import product

from spec import syntax
from spec.fairness import Fairly, Fairness, Promise, Strength
from spec.names import Names, Reported
from spec.protocol import Bound, Check, Fault, FaultKind, Handler, Network, OnAction, OnInput, Row
from spec.types import MapType, NatType, OptionType, Type

WORST_NETWORK = Network(loss=True, duplication=True, reordering=True)
"""What holds where a spec says nothing of its network."""
NETWORK_WORDS = ("loss", "duplication", "reordering", "reliable")
LARGEST_SIZE = 15


def network_of(file: syntax.File, names: Names) -> Network:
    items = [item for item in file.items if isinstance(item, syntax.NetworkItem)]
    for again in items[1:]:
        names.report("E0209", "`network` stands here a second time", again.span, "expected once")
    if not items:
        return WORST_NETWORK
    try:
        return read_network(items[0].words, names)
    except Reported:
        return WORST_NETWORK


def read_network(words: tuple[syntax.Word, ...], names: Names) -> Network:
    """The network that some words mean; also those of the command line. Raises Reported."""
    for word in words:
        if word.text not in NETWORK_WORDS:
            raise names.unknown("E0503", "behaviour of a network", word, NETWORK_WORDS)
    said = {word.text for word in words}
    if "reliable" in said and len(said) > 1:
        raise names.report("E0503", "a reliable network does none of these", words[0].span, "`reliable` stands alone")
    return Network("loss" in said, "duplication" in said, "reordering" in said)


def faults_of(file: syntax.File, names: Names) -> tuple[Fault, ...]:
    items = [item for item in file.items if isinstance(item, syntax.FaultsItem)]
    for again in items[1:]:
        names.report("E0209", "`faults` stands here a second time", again.span, "expected once")
    try:
        return read_faults(items[0].faults, names) if items else ()
    except Reported:
        return ()


def read_faults(written: tuple[syntax.FaultPart, ...], names: Names) -> tuple[Fault, ...]:
    """The faults that some words mean; also those of the command line. Raises Reported."""
    found: list[Fault] = []
    known = {kind.value: kind for kind in FaultKind}
    for part in written:
        text = " ".join(word.text for word in part.words)
        if text not in known:
            raise names.unknown("E0504", "fault", syntax.Word(text, part.span), known)
        if any(fault.kind.value == text for fault in found):
            raise names.report("E0209", f"`{text}` stands here twice", part.span, "expected once")
        of = names.kind_named(part.kind) if part.kind is not None else None
        if of is not None and known[text] in (FaultKind.PARTITION, FaultKind.DRIFT):
            raise names.report("E0504", f"`{text}` is not of one kind of process", part.span, "of all, or of none")
        if known[text] is FaultKind.DRIFT and part.up_to is not None:
            raise names.report("E0504", "clocks drift all the time", part.span, "it cannot be counted")
        found.append(Fault(known[text], part.up_to, part.span, of))
    return tuple(found)


def fault_named(word: syntax.Word, names: Names) -> FaultKind:
    """Raises Reported."""
    known = {kind.value: kind for kind in FaultKind}
    if word.text not in known:
        raise names.unknown("E0504", "fault", word, known)
    return known[word.text]


def fairness_of(file: syntax.File, names: Names, handlers: tuple[Handler, ...]) -> Fairness | None:
    items = [item for item in file.items if isinstance(item, syntax.FairnessItem)]
    for again in items[1:]:
        names.report("E0209", "`fairness` stands here a second time", again.span, "expected once")
    try:
        return read_fairness(items[0], names, handlers) if items else None
    except Reported:
        return None


CALM, APART = "eventually calm", "timers apart"


def read_fairness(item: syntax.FairnessItem, names: Names, handlers: tuple[Handler, ...]) -> Fairness:
    """What some words assume; also those of the command line. Raises Reported."""
    said: set[str] = set()
    promises: list[Promise] = []
    for part in item.assumptions:
        text = " ".join(word.text for word in part.words)
        if text in said:
            raise names.report("E0209", f"`{text}` stands here twice", part.span, "expected once")
        said.add(text)
        if text not in (CALM, APART):
            promises.append(_promise(part, names, handlers))
    if APART in said and CALM not in said:
        raise names.report(
            "E0507",
            "timers can be apart from some time on only",
            next(part.span for part in item.assumptions if part.words[0].text == "timers"),
            f"expected `{CALM}` as well",
            "what goes wrong may always delay a message beyond the next timeout",
        )
    return Fairness(CALM in said, APART in said, tuple(promises), item.span)


def _promise(part: syntax.AssumptionPart, names: Names, handlers: tuple[Handler, ...]) -> Promise:
    words = [word.text for word in part.words]
    strengths = {one.value: one for one in Strength}
    kinds = {one.value: one for one in Fairly}
    known = [CALM, APART, *(f"{strength} {what}" for strength in strengths for what in kinds)]
    if len(words) < 2 or words[0] not in strengths or words[1] not in kinds:
        raise names.unknown("E0507", "assumption of fairness", syntax.Word(" ".join(words), part.span), known)
    strength, what = strengths[words[0]], kinds[words[1]]
    rest = part.words[2:]
    if what is Fairly.DELIVERY and rest:
        if rest[0].text != "of" or len(rest) == 1:
            raise names.report("E0507", "of which message?", rest[0].span, "expected `of MESSAGE`")
        rest = rest[1:]
    elif len(rest) > 1 and rest[0].text == "of":
        said = f"say `{words[0]} {words[1]} {rest[1]}`"
        raise names.report("E0507", "`of` stands before a message only", rest[0].span, "", said)
    if len(rest) > 1 or (rest and what is Fairly.RECOVERY):
        raise names.report("E0507", f"`{' '.join(words)}` says too much", rest[-1].span, "expected a comma")
    if not rest:
        return Promise(strength, what, "", part.span)
    of = {
        Fairly.DELIVERY: list(names.messages),
        Fairly.TIMEOUT: [timer.name for kind in names.kinds.values() for timer in kind.timers],
        Fairly.ACTION: [one.event.name for one in handlers if isinstance(one.event, OnAction)],
        Fairly.INPUT: [one.event.name for one in handlers if isinstance(one.event, OnInput)],
    }[what]
    if rest[0].text not in of:
        word = {Fairly.DELIVERY: "message", Fairly.TIMEOUT: "timer"}.get(what, what.value)
        raise names.unknown("E0507", word, rest[0], of)
    return Promise(strength, what, rest[0].text, part.span)


def checks_of(file: syntax.File, names: Names) -> tuple[Check, ...]:
    checks: dict[str, Check] = {}
    for item in file.items:
        if not isinstance(item, syntax.CheckItem):
            continue
        if item.name.text in checks:
            names.report("E0209", f"there are two checks `{item.name}`", item.name.span, "the second one")
        rows = []
        for row in item.rows:
            try:
                rows.append(read_row(row, names))
            except Reported:
                continue
        checks.setdefault(item.name.text, Check(item.name.text, tuple(rows), item.name.span))
    return tuple(checks.values())


def read_row(row: syntax.CheckRow, names: Names) -> Row:
    """One line of a check; also what the command line says. Raises Reported."""
    counts: dict[str, tuple[int, ...]] = {}
    bounds: list[Bound] = []
    channel: int | None = None
    without: set[FaultKind] = set()
    for part in row.parts:
        if isinstance(part, syntax.SizePart):
            kind = _counted_kind(part, names)
            for count in part.counts:
                if not 1 <= count <= LARGEST_SIZE:
                    raise names.report("E0505", f"{count} processes", part.span, f"expected 1 to {LARGEST_SIZE}")
            counts[kind] = part.counts
        elif isinstance(part, syntax.LeftOutPart):
            without.add(fault_named(part.fault, names))
        elif part.variable.text == "channel" and part.kind is None:
            if not 1 <= part.limit <= 16:
                raise names.report("E0505", f"a channel of {part.limit}", part.span, "expected 1 to 16")
            channel = part.limit
        else:
            bounds.append(_bound(part, names))
    missing = [kind for kind in names.ordered if kind not in counts]
    if missing:
        raise names.report(
            "E0502", f"how many of `{missing[0]}`?", row.span, f"expected a number, as in `3 {missing[0]}s`"
        )
    sizes = tuple(product(*(counts[kind] for kind in names.ordered)))
    return Row(sizes, tuple(bounds), channel, row.span, frozenset(without))


def _counted_kind(part: syntax.SizePart, names: Names) -> str:
    if part.kind is None:
        sole = names.sole_kind()
        shown = f"expected `{part.counts[-1]} {sole or 'KIND'}s`"
        raise names.report("E0502", "how many of what?", part.span, shown)
    for kind in names.ordered:
        if part.kind.text in (kind, f"{kind}s", f"{kind}es"):
            return kind
    raise names.unknown("E0202", "kind of process", part.kind, [f"{kind}s" for kind in names.ordered])


def _bound(part: syntax.BoundPart, names: Names) -> Bound:
    kinds = [names.kind_named(part.kind)] if part.kind else list(names.kinds)
    owners = [k for k in kinds if any(v.name == part.variable.text for v in names.kinds[k].variables)]
    if not owners:
        known = [v.name for k in kinds for v in names.kinds[k].variables if _counts(v.type)]
        raise names.unknown("E0201", "variable", part.variable, [*known, "channel"])
    if len(owners) > 1:
        raise names.report("E0203", "of which kind?", part.variable.span, "", f"say `{owners[0]}.{part.variable}`")
    of = names.kinds[owners[0]].variable(part.variable.text).type
    if not _counts(of):
        raise names.report(
            "E0506", f"`{part.variable}` is `{of}`", part.span, "expected a `nat`: only those need bounds"
        )
    return Bound(owners[0], part.variable.text, part.limit)


def _counts(of: Type) -> bool:
    match of:
        case OptionType(inner) | MapType(_, inner):
            return _counts(inner)
        case _:
            return isinstance(of, NatType)
