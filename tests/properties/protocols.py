"""Hypothesis strategies for whole protocols, as spec text.

What is drawn is well typed and covers the language: the text goes through the parser, the checker and the
formatter before any engine sees it. Shapes that do something are drawn more often than others: messages that are
sent and handled, guards over what a message carries, actions that move on to something new.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter

from modelcheck.bounds import caps
from modelcheck.explore import Graph, uncollected, within
from modelcheck.model import Model, State, Successor
from modelcheck.semantics import initial, steps
from spec.check import check
from spec.clocks import with_clocks
from spec.diagnostics import SpecError
from spec.protocol import Protocol
from spec.source import Source
from spec.types import BOOL, BoolType, EnumType, IntType, MapType, NatType, OptionType, ProcessType, SetType, Type
from tests.properties.declarations import GROWING, INDENT, Called, Tape
from tests.properties.expressions import Sendable, Spot
from tests.properties.statements import Statements


class Writer(Statements):
    """Writes one protocol."""

    # Handlers

    def _handler(self, head: str, spot: Spot, guard: str | None, first: list[str]) -> list[str]:
        suffix = "" if guard is None else f" if {guard}"
        more = self.body(spot, 2, least=0 if first else 1)
        lines = first + more if self.choose.chance(50) else more + first
        if len(lines) == 1 and self.choose.chance(30):
            return [f"{head}{suffix}: {lines[0]}", ""]
        return [f"{head}{suffix}:", *self.block(lines), ""]

    def _moving_on(self, spot: Spot, later: int = 35) -> tuple[str | None, list[str]]:
        """A guard over an enumeration or a flag, and an assignment after which it is false: something is done once.
        `later` is how often, in percent, that is not where things begin."""
        assert spot.kind is not None
        movable = [v for v in self.variables[spot.kind] if isinstance(v.type, EnumType | BoolType)]
        if not movable:
            return None, []
        variable = self.choose.pick(movable)
        if isinstance(variable.type, BoolType):
            lowered = (variable.initial == "true") != self.choose.chance(later)
            guard = variable.name if lowered else f"not {variable.name}"
            return guard, [f"{variable.name} := {'false' if lowered else 'true'}"]
        assert isinstance(variable.type, EnumType)
        values = variable.type.values
        position = values.index(variable.initial)
        if self.choose.chance(later):
            position = self.choose.number(0, len(values) - 1)
        after = values[(position + 1) % len(values)]
        return f"{variable.name} == {values[position]}", [f"{variable.name} := {after}"]

    def _guarded(self, head: str, spot: Spot, moving: int, guarded: int) -> list[str]:
        guard, first = self._moving_on(spot) if self.choose.chance(moving) else (None, [])
        if self.choose.chance(guarded):
            condition = self.expressions.condition(spot, 1).text
            guard = condition if guard is None else f"{guard} and ({condition})"
        return self._handler(head, spot, guard, first)

    def handlers(self) -> list[str]:
        lines: list[str] = []
        for kind in self.kinds:
            lines += self._procedure(kind)
        for kind in self.kinds:
            spot = Spot(self.around, kind)
            if self.timers[kind] or self.choose.chance(25):
                first = [f"reset {timer}" for timer in self.timers[kind] if self.choose.chance(75)]
                lines += self._handler(f"on start{self.at(kind)}", replace(spot, starting=True), None, first)
            for timer in self.timers[kind]:
                again = [f"reset {timer}"] if self.choose.chance(40) else []
                guard, moved = self._moving_on(spot) if self.choose.chance(50) else (None, [])
                lines += self._handler(f"on timeout {timer}{self.at(kind)}", spot, guard, moved + again)
                if guard is not None and self.choose.chance(30):
                    lines += self._handler(f"on timeout {timer}{self.at(kind)}", spot, None, [])
            for number in range(self.choose.number(1 if kind == "node" else 0, 2)):
                lines += self._spontaneous(kind, number)
        for position, message in enumerate(self.messages):
            if message.name not in self.sent or not self.choose.chance(60 if position else 20):
                lines += self._opening(message)
        for message in self.messages:
            lines += self._receiving(message)
        return lines

    def _procedure(self, kind: str) -> list[str]:
        if not self.choose.chance(30):
            return []
        types = tuple(self._definition_parameter() for _ in range(self.choose.number(0, 2)))
        known = tuple((self.around.fresh("p"), of) for of in types)
        body = self.body(Spot(self.around, kind, known), 1)
        name = f"do_{kind}"
        self.procedures.append(Called(name, kind, types))
        parameters = ", ".join(f"{n}: {t}" for n, t in known)
        return [f"procedure {name}({parameters}){self.at(kind)}:", *self.block(body), ""]

    def _spontaneous(self, kind: str, number: int) -> list[str]:
        spot = Spot(self.around, kind)
        if self.choose.chance(75):
            return self._guarded(f"action act_{kind}{number}{self.at(kind)}", spot, 65, 35)
        process: Type = ProcessType(self.choose.pick(self.kinds))
        options: list[Type] = [BOOL, IntType(0, 1), process, OptionType(ProcessType(kind))]
        if self.named is not None:
            options.append(self.named)
        types = [self.choose.pick(options) for _ in range(self.choose.number(0, 2))]
        known = tuple((self.around.fresh("i"), of) for of in types)
        parameters = ", ".join(f"{n}: {t}" for n, t in known)
        head = f"input ask_{kind}{number}({parameters}){self.at(kind)}"
        return self._guarded(head, replace(spot, locals=known), 60, 50)

    def _receiving(self, message: Sendable) -> list[str]:
        if self.choose.chance(4):
            return []
        lines: list[str] = []
        names = [self.around.fresh("m") for _ in message.parameters]
        hiding = "within" if message.receiver == "node" else "leading"
        carried = {value for m in self.messages for of in m.parameters for value in getattr(of, "values", ())}
        if not self.single and hiding not in carried and self.choose.chance(20):
            sender = hiding  # A name of a handler's own may hide an enumeration's value.
        else:
            sender = self.around.fresh("s")
        known = (*zip(names, message.parameters, strict=True), (sender, ProcessType(message.sender)))
        spot = Spot(self.around, message.receiver, known)
        head = f"on {message.name}({', '.join(names)}) from {sender}"
        if self.choose.chance(30):
            lines += self._handler(head, spot, self.expressions.condition(spot, 1).text, self._noting(spot))
        guard = self.expressions.condition(spot, 1).text if not lines and self.choose.chance(45) else None
        lines += self._handler(head, spot, guard, self._noting(spot))
        return lines

    def _noting(self, spot: Spot) -> list[str]:
        """Most often, a message makes a difference to its receiver."""
        return [] if self.choose.chance(35) else self.assigning(spot)

    def _opening(self, message: Sendable) -> list[str]:
        """An action that sends what nothing else sends."""
        spot = Spot(self.around, message.sender)
        arguments = self.arguments_for(message, spot)
        if arguments is None:
            return []
        self.sent.add(message.name)
        guard, first = self._moving_on(spot, later=0)
        sending = f"broadcast {message.name}({arguments})"
        alone = self.sizes[self.kinds.index(message.receiver)] == 1
        if message.sender == message.receiver and (alone or self.choose.chance(20)):
            sending = f"send {message.name}({arguments}) to self"
        lines = [*first, sending]
        suffix = "" if guard is None else f" if {guard}"
        name = self.around.fresh(f"open_{message.name}")
        return [f"action {name}{self.at(message.sender)}{suffix}:", *self.block(lines), ""]

    # What is claimed

    def leader(self) -> list[str]:
        if not self.choose.chance(60):
            return []
        kind = self.kinds[0] if self.choose.chance(80) else self.choose.pick(self.kinds)
        self.around = replace(self.around, leading=kind)
        spot = Spot(self.around, kind)
        roles = [v for v in self.variables[kind] if isinstance(v.type, EnumType)]
        condition = self.expressions.condition(spot, 1).text
        if roles and self.choose.chance(75):
            role = self.choose.pick(roles)
            assert isinstance(role.type, EnumType)
            condition = f"{role.name} == {role.type.values[-1]}"
        tokens = [v.name for v in self.variables[kind] if isinstance(v.type, NatType)]
        token = self.choose.pick(["0", "1", "size(node)"])
        if tokens and self.choose.chance(85):
            token = self.choose.pick(tokens)
        if tokens and self.choose.chance(10):
            token = f"{token} + 1"
        lines = [f"leader{self.at(kind)} if {condition} with token {token}"]
        if self.choose.chance(35):
            of = SetType(ProcessType(self.around.quorum_of or kind))
            durable = frozenset((k, v.name) for k in self.kinds for v in self.variables[k] if v.durable)
            electing = replace(spot, observes=True, durable=durable)
            members = self.expressions.of_type(of, electing, 2, expected=False).text
            lines[0] += ","
            lines.append(f"{INDENT}elected by {members}")
        confirming = [m for m in self.messages if m.receiver == kind]
        if confirming and self.timers[kind] and self.choose.chance(40):
            lines[-1] += ","
            message = self.choose.pick(confirming).name
            lines.append(f"{INDENT}confirmed by {message} from a quorum within {self.choose.pick(self.timers[kind])}")
        return [*lines, ""]

    def properties(self) -> list[str]:
        lines = []
        for number in range(self.choose.number(0, 3)):
            word = self.choose.pick(["safety", "safety", "reachable", "step", "invariant", "recovers"])
            kind = self.choose.pick(self.kinds) if self.single or self.choose.chance(60) else None
            own = kind is not None and self.choose.chance(60)
            looks = word in ("safety", "reachable", "invariant")
            spot = Spot(self.around, kind, observes=True, looks=looks, steps=word == "step", reads_self=own)
            if looks and self.choose.chance(40):
                body = self.expressions.looking("exists" if word == "reachable" else "forall", spot, 2).text
            elif own:
                body = self.expressions.condition(spot, 2).text
            else:
                quantified = [(self.around.fresh("n"), ProcessType(self.choose.pick(self.kinds)))]
                inner = spot.binding(*quantified[0])
                quantifier = "exists" if word in ("reachable", "recovers") else "forall"
                name, process = quantified[0]
                body = f"{quantifier} {name} in {process.kind}: {self.expressions.condition(inner, 2).text}"
            described = ' "what is claimed"' if self.choose.chance(25) else ""
            at = f" at {kind}" if kind is not None and not self.single else ""
            lines.append(f"{word} claim{number}{described}{at}:{self.folded(body)}")
        return [*lines, ""] if lines else []

    # All of it

    def text(self) -> str:
        lines = ["protocol drawn", ""]
        if self.choose.chance(30):
            lines += ['"A protocol drawn by chance."', ""]
        if self.named is not None:
            lines += [f"type {self.named.name} = {' | '.join(self.named.values)}", ""]
        for kind in self.kinds:
            lines += self._process(kind)
        for message in self.messages:
            lines.append(self._message(message))
        lines += ["", f"network: {self.network}", *([f"timed: {self.timing()}"] if self.timed else [])]
        if self.faults or self.choose.chance(20):
            lines.append(f"faults: {self.faults or 'none'}")
        lines += ["", *self.definitions, "", *self.handlers(), *self.leader(), *self.properties()]
        return "\n".join(lines) + "\n"

    def _process(self, kind: str) -> list[str]:
        ordered = " ordered" if kind in self.ordered else ""
        members = []
        for v in self.variables[kind]:
            comment = "  # on disk" if v.durable and self.choose.chance(20) else ""
            members.append(f"{'durable ' if v.durable else ''}{v.name}: {v.type} = {v.initial}{comment}")
        times = ["100 ms", "1 s", "150 ms .. 300 ms"]
        if self.timed:
            times = ["1 s", "2 s", "1 s .. 2 s", "1 s .. 3 s"]
        members += [f"timer {timer}: {self.choose.pick(times)}" for timer in self.timers[kind]]
        return [f"process {kind}{ordered}:", *self.block(members), ""] if members else [f"process {kind}{ordered}", ""]

    def _message(self, message: Sendable) -> str:
        parameters = ", ".join(f"{self.around.fresh('a')}: {of}" for of in message.parameters)
        ends = "" if self.single else f" from {message.sender} to {message.receiver}"
        return f"message {message.name}({parameters}){ends}"

    def row(self) -> tuple[str, list[str]]:
        """The sizes and the channel of the check, and the bounds of all `nat` variables."""
        counts = [f"{size} {kind}s" for kind, size in zip(self.kinds, self.sizes, strict=True)]
        if self.network not in GROWING or self.choose.chance(10):
            counts.append(f"channel <= {2 if self.choose.chance(20) else 1}")
        limit = 1 if sum(self.sizes) > 2 else self.choose.number(1, 2)
        bounds = [f"{k}.{v.name} <= {limit}" for k in self.kinds for v in self.variables[k] if _counts(v.type)]
        if self.single:
            bounds = [bound.partition(".")[2] for bound in bounds]
        return ", ".join(counts), bounds


def _counts(of: Type) -> bool:
    match of:
        case OptionType(inner) | MapType(_, inner):
            return _counts(inner)
        case _:
            return isinstance(of, NatType)


def texts() -> st.SearchStrategy[str]:
    """The texts of well-typed protocols with one check of one row."""
    return st.binary(min_size=Tape.LENGTH, max_size=Tape.LENGTH).map(text_of)


def text_of(tape: bytes, *, timed: bool = False) -> str:
    choose = Tape(tape)
    writer = Writer(choose, timed=timed)
    text = writer.text()
    sizes, bounds = writer.row()
    if bounds and choose.chance(30):
        # A bound that can be inferred may be left out.
        without = f"{text}\ncheck all: {sizes}\n"
        if bounded(without) is not None:
            return without
    return f"{text}\ncheck all: {', '.join([sizes, *bounds])}\n"


def bounded(text: str) -> Model | None:
    """The model of the only row of the only check; None where a bound is missing."""
    protocol, _ = check(Source("drawn.elect", text))
    try:
        return model_of(protocol)
    except SpecError:
        return None


def model_of(protocol: Protocol) -> Model:
    """Raises SpecError where a bound is missing."""
    row = protocol.checks[0].rows[0]
    sizes = row.sizes[0]
    limits = caps(protocol, sizes, row.bounds)
    timed = with_clocks(protocol, protocol.faults, protocol.network)
    return Model(timed, sizes, limits, protocol.network, protocol.faults, row.channel or 1)


def explored(model: Model, limit: int) -> Graph | None:
    """The reachable graph; None where the initial step fails or where there are more than `limit` states."""
    start = initial(model)
    if start.state is None or start.beyond is not None:
        return None
    successors: dict[State, tuple[Successor, ...]] = {}
    levels: list[tuple[State, ...]] = []
    known: dict[State, None] = {start.state: None}
    frontier = [start.state]
    with uncollected():
        while frontier:
            levels.append(tuple(frontier))
            following: list[State] = []
            for state in frontier:
                successors[state] = tuple(steps(model, state))
                for after in within(successors[state]):
                    if after not in known:
                        known[after] = None
                        following.append(after)
                if len(known) > limit:
                    return None
            frontier = following
    return Graph(tuple(levels), successors)


def protocols() -> st.SearchStrategy[Protocol]:
    """Well-typed protocols, checked."""
    return texts().map(lambda text: check(Source("drawn.elect", text))[0])


@dataclass(frozen=True)
class Explored:
    """A model and its whole reachable graph. Shown as the protocol's text."""

    model: Model
    graph: Graph

    def __repr__(self) -> str:
        return f"\n{self.model.protocol.source.text}"

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        """How Hypothesis shows it: a dataclass's fields, were it not for this."""
        printer.text(repr(self))


def models(limit: int = 1500) -> st.SearchStrategy[Explored]:
    """Models with at most `limit` reachable states."""
    return texts().map(lambda text: in_full(text, limit)).filter(lambda found: found is not None).map(_certain)


def timed_models(limit: int = 1500) -> st.SearchStrategy[Explored]:
    """Models with time, with at most `limit` reachable states."""
    tapes = st.binary(min_size=Tape.LENGTH, max_size=Tape.LENGTH)
    found = tapes.map(lambda tape: in_full(text_of(tape, timed=True), limit))
    return found.filter(lambda found: found is not None).map(_certain)


def in_full(text: str, limit: int) -> Explored | None:
    """The model of a text, explored; None where a bound is missing, the initial step fails, or there is too much."""
    model = bounded(text)
    graph = explored(model, limit) if model is not None else None
    return None if model is None or graph is None else Explored(model, graph)


def _certain(found: Explored | None) -> Explored:
    assert found is not None
    return found
