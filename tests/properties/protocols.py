"""Hypothesis strategies for whole protocols, as spec text.

What is drawn is well typed and covers the language: the text goes through the parser, the checker and the
formatter before any engine sees it. Shapes that do something are drawn more often than others: messages that are
sent and handled, guards over what a message carries, actions that move on to something new.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from modelcheck.bounds import caps
from modelcheck.explore import Graph
from modelcheck.model import Model, State, Successor
from modelcheck.semantics import initial, steps
from spec.check import check
from spec.diagnostics import SpecError
from spec.protocol import Protocol
from spec.source import Source
from spec.types import (
    BOOL,
    NAT,
    BoolType,
    EnumType,
    IntType,
    MapType,
    NatType,
    OptionType,
    ProcessType,
    SetType,
    Type,
    is_number,
)
from tests.properties.expressions import Around, Defined, Expressions, Item, Spot

NETWORKS = (
    "reliable",
    "loss",
    "duplication",
    "reordering",
    "loss, duplication",
    "loss, reordering",
    "duplication, reordering",
    "loss, duplication, reordering",
)
GROWING = NETWORKS[6:]
INDENT = "    "


class Drawn:
    """Choices drawn from Hypothesis."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def pick(self, options: list[Item] | tuple[Item, ...]) -> Item:
        return options[self._draw(st.integers(0, len(options) - 1))]

    def number(self, low: int, high: int) -> int:
        return self._draw(st.integers(low, high))

    def chance(self, percent: int) -> bool:
        return self._draw(st.integers(0, 99)) >= 100 - percent


@dataclass(frozen=True)
class Declared:
    """A variable, as its declaration says it."""

    name: str
    type: Type
    initial: str
    durable: bool


@dataclass(frozen=True)
class Sendable:
    name: str
    parameters: tuple[Type, ...]
    sender: str
    receiver: str


@dataclass(frozen=True)
class Callable:
    name: str
    kind: str
    parameters: tuple[Type, ...]


class Writer:
    """Writes one protocol. The order of drawing is the order of the declarations that others depend on."""

    def __init__(self, choose: Drawn) -> None:
        self.choose = choose
        self.expressions = Expressions(choose)
        self.kinds = ["node"] if choose.chance(72) else ["node", "client"]
        self.single = len(self.kinds) == 1
        self.ordered = frozenset(k for k in self.kinds if choose.chance(25))
        self.network = choose.pick(NETWORKS)
        self.faults = self._faults()
        self.named = EnumType(("red", "green", "blue")[: choose.number(2, 3)], "color") if choose.chance(30) else None
        self.variables = {kind: self._variables(kind) for kind in self.kinds}
        self.timers = {kind: self._timers(kind) for kind in self.kinds}
        self.messages = self._messages()
        self.sizes = self._sizes()
        self.around = Around(
            {kind: {v.name: v.type for v in held} for kind, held in self.variables.items()}, self.ordered, self.timers
        )
        self.definitions = self._definitions()
        self.sent: set[str] = set()
        self.reset: set[tuple[str, str]] = set()
        self.procedures: list[Callable] = []

    # Declarations

    def _sizes(self) -> tuple[int, ...]:
        """How many processes: more of them where that is not likely to be more than can be explored."""
        held = sum(len(variables) for variables in self.variables.values()) + len(self.faults.split())
        crowded = self.network not in GROWING and held + 2 * len(self.messages) > 5
        if not self.single:
            return self.choose.pick([(2, 1), (1, 2), (1, 1)] if crowded else [(2, 1), (1, 2), (2, 2)])
        return (self.choose.pick([2, 2, 2, 2, 1] if crowded else [2, 2, 3, 3, 1]),)

    def _faults(self) -> str:
        if self.choose.chance(45):
            return ""
        found = []
        for fault, percent in (("restart", 40), ("crash", 30), ("disk loss", 20), ("partition", 25), ("pause", 8)):
            if self.choose.chance(percent):
                found.append(fault + (f" up to {self.choose.number(1, 2)}" if self.choose.chance(50) else ""))
        return ", ".join(found)

    def _scalar(self) -> Type:
        options: list[Type] = [NAT, NAT, BOOL, IntType(0, 2), IntType(-1, 1), ProcessType(self.choose.pick(self.kinds))]
        if self.named is not None:
            options.append(self.named)
        return self.choose.pick(options)

    def _variable_type(self, kind: str) -> Type:
        of_kind = self.choose.pick(self.kinds)
        match self.choose.pick(["scalar"] * 4 + ["option"] * 3 + ["set"] * 2 + ["map"]):
            case "option":
                return OptionType(ProcessType(of_kind) if self.choose.chance(65) else self._scalar())  # type: ignore[arg-type]
            case "set":
                return SetType(ProcessType(of_kind))
            case "map":
                held = self.choose.pick([BOOL, NAT, OptionType(ProcessType(kind)), SetType(ProcessType(kind))])
                return MapType(ProcessType(of_kind), held)
            case _:
                of = self._scalar()
                return OptionType(of) if isinstance(of, ProcessType) else of

    def _initial(self, of: Type) -> str:
        match of:
            case EnumType(values):
                return values[0] if self.choose.chance(80) else self.choose.pick(values)
            case NatType():
                return str(self.choose.pick([0, 0, 0, 1]))
            case IntType(low, high):
                return str(self.choose.number(max(low, 0), high)) if self.choose.chance(60) else str(low)
            case OptionType(inner):
                if isinstance(inner, ProcessType) or self.choose.chance(70):
                    return "none"
                return self._initial(inner)
            case SetType():
                return "{}"
            case MapType(_, inner):
                return self._initial(inner)
            case _:
                return self.choose.pick(["false", "false", "true"])

    def _variables(self, kind: str) -> list[Declared]:
        role = EnumType(("idle", "busy", "leading") if kind == "node" else ("out", "within"))
        types: list[Type] = []
        if self.choose.chance(75):
            types.append(role)
        for _ in range(self.choose.pick([1, 2, 2, 3] if self.single else [1, 1, 2])):
            types.append(self._variable_type(kind))
        names = {EnumType: "role", NatType: "term", IntType: "level", OptionType: "choice", SetType: "votes", MapType: "seen"}
        found: list[Declared] = []
        for of in types:
            name = names.get(type(of), "flag") if of != self.named else "shade"
            if any(v.name == name for v in found):
                name = f"{name}_again"
            if any(v.name == name for v in found):
                continue
            found.append(Declared(name, of, self._initial(of), self.choose.chance(40)))
        return found

    def _timers(self, kind: str) -> tuple[str, ...]:
        return (("tick", "alarm")[: self.choose.number(1, 2)]) if self.choose.chance(35) else ()

    def _messages(self) -> list[Sendable]:
        found = []
        for name in ("ask", "grant", "tell")[: self.choose.number(1, 2 if self.network not in GROWING else 3)]:
            count = self.choose.pick([0, 0, 1, 1, 1, 2] if self.network in GROWING else [0, 0, 1, 1])
            parameters = tuple(self._parameter() for _ in range(count))
            ends = [self.choose.pick(self.kinds), self.choose.pick(self.kinds)]
            found.append(Sendable(name, parameters, *ends))
        return found

    def _parameter(self) -> Type:
        """The type of a message's parameter; most often one of which there is a variable."""
        held = [v.type for kind in self.kinds for v in self.variables[kind] if not isinstance(v.type, MapType)]
        if held and self.choose.chance(65):
            of = self.choose.pick(held)
            return of
        of = self._scalar()
        if isinstance(of, ProcessType) and self.choose.chance(30):
            return self.choose.pick([OptionType(of), SetType(of)])
        return of

    def _definitions(self) -> list[str]:
        """The text of the definitions; `around` learns of them one by one, so that later ones may use earlier ones."""
        texts = []
        if self.choose.chance(15):
            kind = self.choose.pick(self.kinds)
            body = self.choose.pick(
                ["size(members) >= 1", f"size(members) == size({kind})", f"2 * size(members) >= size({kind})"]
            )
            texts.append(f"define quorum(members: set of {kind}): {body}")
            self.around = replace(self.around, quorum_of=kind)
        for number in range(self.choose.pick([0, 0, 1, 2])):
            kind = self.choose.pick([*self.kinds, *([] if self.single else [None])])
            of: Type = self.choose.pick([BOOL, BOOL, NAT, SetType(ProcessType(self.choose.pick(self.kinds)))])
            observes = self.choose.chance(20)
            types = tuple(self._definition_parameter() for _ in range(self.choose.number(0, 2)))
            names = [self.around.fresh("d") for _ in types]
            locals = tuple(zip(names, types, strict=True))
            reads_self = kind is not None and self.choose.chance(80)
            spot = Spot(
                self.around, kind, locals, observes=observes, settled=True, reads_self=reads_self
            )
            body = self.expressions.of_type(of, spot, 2, expected=False).text
            at = f" at {kind}" if kind is not None and not self.single else ""
            parameters = ", ".join(f"{n}: {t}" for n, t in locals)
            name = f"rule{number}"
            texts.append(f"define {name}({parameters}){at}:" + self._folded(body))
            # Whether it reads a process's variables shows in its text alone: then it belongs to that kind.
            own = {"self", *self.around.kinds[kind]} if kind is not None else set()
            words = set("".join(c if c.isalnum() or c in "_." else " " for c in body).replace("(", " ").split())
            heads = {word.split(".")[0] for word in words}
            used = [d for d in self.around.defined if d.name in heads and d.kind is not None]
            about = kind if heads & own or used else None
            defined = Defined(name, about, types, of, observes)
            self.around = replace(self.around, defined=(*self.around.defined, defined))
        return texts

    def _definition_parameter(self) -> Type:
        of = self._scalar()
        return SetType(of) if isinstance(of, ProcessType) and self.choose.chance(30) else of

    def _folded(self, body: str) -> str:
        return f"\n{INDENT}{body}" if self.choose.chance(25) else f" {body}"

    # Statements

    def block(self, lines: list[str]) -> list[str]:
        return [INDENT + line for line in lines]

    def body(self, spot: Spot, depth: int, least: int = 1) -> list[str]:
        lines: list[str] = []
        for _ in range(self.choose.number(least, 2 if depth else 1)):
            found, spot = self.statement(spot, depth)
            lines += found
        return lines

    def statement(self, spot: Spot, depth: int) -> tuple[list[str], Spot]:
        assert spot.kind is not None
        forms = ["assign"] * 6 + ["send"] * 4 + ["broadcast"] * 3 + ["timer"] * 2 + ["let", "call"]
        if not spot.starting:
            forms.append("check")
        if depth:
            forms += ["if"] * 4 + ["for"] * 2
        match self.choose.pick(forms):
            case "assign":
                lines = self._assign(spot)
            case "send":
                lines = self._send(spot)
            case "broadcast":
                lines = self._broadcast(spot)
            case "timer":
                lines = self._timer(spot)
            case "let":
                return self._let(spot)
            case "call":
                lines = self._call(spot)
            case "check":
                lines = self._check(spot)
            case "if":
                lines = self._if(spot, depth)
            case _:
                lines = self._for(spot)
        return lines or self._assign(spot) or ["pass"], spot

    def _assign(self, spot: Spot) -> list[str]:
        assert spot.kind is not None
        if not self.variables[spot.kind]:
            return []
        variable = self.choose.pick(self.variables[spot.kind])
        return [self._assignment(variable, spot)]

    def _assignment(self, variable: Declared, spot: Spot) -> str:
        of = variable.type
        if not isinstance(of, MapType):
            return f"{variable.name} := {self._stored(of, replace(spot, avoid=variable.name))}"
        keys = self.expressions.leaves(of.key, spot)
        if keys and self.choose.chance(75):
            return f"{variable.name}[{self.choose.pick(keys)}] := {self._stored(of.value, spot)}"
        return f"{variable.name} := {self._stored(of.value, spot)}"

    def _stored(self, of: Type, spot: Spot) -> str:
        """A value to store. A number is most often kept in its range, and a process counted up to it."""
        if isinstance(of, OptionType) and is_number(of.of) and self.choose.chance(80):
            of = of.of
        if is_number(of) and self.choose.chance(85):
            low, high = (of.low, of.high) if isinstance(of, IntType) else (0, 3)
            same = [t for t, found in spot.locals if found == of]
            if same and self.choose.chance(60):
                return self.choose.pick(same)
            leaves = [leaf for leaf in self.expressions.leaves(of, spot) if "." not in leaf]
            if leaves and isinstance(of, NatType) and self.choose.chance(60):
                return f"{self.choose.pick(leaves)} + 1"
            if leaves and self.choose.chance(50):
                return f"min({self.choose.pick(leaves)} + 1, {high})" if isinstance(of, IntType) else self.choose.pick(leaves)
            return str(self.choose.number(low, high - 1))
        return self.expressions.of_type(of, spot, 1).text

    def _arguments(self, message: Sendable, spot: Spot) -> str | None:
        settled = replace(spot, settled=True)
        if not all(self.expressions.can(of, spot) for of in message.parameters):
            return None
        found = []
        for of in message.parameters:
            leaves = self.expressions.leaves(of, spot)
            if leaves and self.choose.chance(60):
                found.append(self.choose.pick(leaves))
            elif is_number(of):
                found.append(str(self.choose.number(0, 1)) if self.choose.chance(70) else self._number(of, settled))
            else:
                found.append(self.expressions.of_type(of, settled, 1).text)
        return ", ".join(found)

    def _number(self, of: Type, spot: Spot) -> str:
        return self.expressions.of_type(of, spot, 1).text

    def _sendable(self, spot: Spot) -> list[tuple[Sendable, str]]:
        """The messages that can be sent here, with arguments drawn for one of them."""
        own = [m for m in self.messages if m.sender == spot.kind]
        if not own:
            return []
        unsent = [m for m in own if m.name not in self.sent]
        message = self.choose.pick(unsent) if unsent and self.choose.chance(60) else self.choose.pick(own)
        arguments = self._arguments(message, spot)
        return [] if arguments is None else [(message, arguments)]

    def _send(self, spot: Spot) -> list[str]:
        for message, arguments in self._sendable(spot):
            options = self.expressions.leaves(OptionType(ProcessType(message.receiver)), spot)
            receivers = [leaf for leaf in self.expressions.leaves(ProcessType(message.receiver), spot)]
            origin = [name for name, of in spot.locals if of == ProcessType(message.receiver)]
            choices = origin * 3 + receivers + options
            if not choices:
                return self._broadcast(spot)
            self.sent.add(message.name)
            to = self.choose.pick(choices)
            if message.receiver in self.ordered and to in receivers and self.choose.chance(50):
                to = f"successor({to})"
            return [f"send {message.name}({arguments}) to {to}"]
        return []

    def _broadcast(self, spot: Spot) -> list[str]:
        for message, arguments in self._sendable(spot):
            self.sent.add(message.name)
            return [f"broadcast {message.name}({arguments})"]
        return []

    def _timer(self, spot: Spot) -> list[str]:
        assert spot.kind is not None
        if not self.timers[spot.kind]:
            return []
        timer = self.choose.pick(self.timers[spot.kind])
        if self.choose.chance(75):
            self.reset.add((spot.kind, timer))
            return [f"reset {timer}"]
        return [f"stop {timer}"]

    def _let(self, spot: Spot) -> tuple[list[str], Spot]:
        kind = self.choose.pick(self.kinds)
        of: Type = self.choose.pick([BOOL, NAT, SetType(ProcessType(kind)), ProcessType(kind)])
        if not self.expressions.can(of, spot):
            of = BOOL
        name = self.around.fresh("x")
        value = self.expressions.of_type(of, replace(spot, settled=True), 1, expected=False).text
        after = spot.binding(name, of)
        more, _ = self.statement(after, 0)
        return [f"let {name} = {value}", *more], after

    def _call(self, spot: Spot) -> list[str]:
        own = [p for p in self.procedures if p.kind == spot.kind]
        if not own:
            return []
        procedure = self.choose.pick(own)
        settled = replace(spot, settled=True)
        if not all(self.expressions.can(of, spot) for of in procedure.parameters):
            return []
        arguments = []
        for of in procedure.parameters:
            leaves = self.expressions.leaves(of, spot)
            plain = bool(leaves) and self.choose.chance(70)
            arguments.append(self.choose.pick(leaves) if plain else self.expressions.of_type(of, settled, 1).text)
        return [f"{procedure.name}({', '.join(arguments)})"]

    def _check(self, spot: Spot) -> list[str]:
        if self.choose.chance(60):
            return ["pass"]
        condition = self.expressions.condition(spot, 1)
        return [f"assert {condition.text}"]

    def _if(self, spot: Spot, depth: int) -> list[str]:
        lines = [f"if {self.expressions.condition(spot).text}:", *self.block(self.body(spot, depth - 1))]
        if self.choose.chance(25):
            lines += [f"elif {self.expressions.condition(spot).text}:", *self.block(self.body(spot, depth - 1))]
        if self.choose.chance(40):
            lines += ["else:", *self.block(["unreachable"] if self.choose.chance(10) else self.body(spot, depth - 1))]
        return lines

    def _for(self, spot: Spot) -> list[str]:
        """A loop that only sends to its element and sets map entries at it."""
        assert spot.kind is not None
        maps = [v for v in self.variables[spot.kind] if isinstance(v.type, MapType)]
        reached = sorted({m.receiver for m in self.messages if m.sender == spot.kind})
        kinds = reached + [v.type.key.kind for v in maps if isinstance(v.type, MapType)]
        if not kinds:
            return []
        kind = self.choose.pick(kinds)
        process = ProcessType(kind)
        name = self.around.fresh("r")
        domain = self.expressions.of_type(SetType(process), spot, 1, expected=False).text
        written = [v for v in maps if isinstance(v.type, MapType) and v.type.key == process and self.choose.chance(70)]
        inner = replace(spot.binding(name, process), unreadable=frozenset(v.name for v in written))
        lines = []
        for variable in written:
            assert isinstance(variable.type, MapType)
            lines.append(f"{variable.name}[{name}] := {self._stored(variable.type.value, inner)}")
        for message, arguments in self._sendable(inner):
            if message.receiver == kind:
                self.sent.add(message.name)
                lines.append(f"send {message.name}({arguments}) to {name}")
        if not lines:
            return []
        if self.choose.chance(40):
            lines = [f"if {self.expressions.condition(inner).text}:", *self.block(lines)]
        return [f"for {name} in {domain}:", *self.block(lines)]

    # Handlers

    def _at(self, kind: str) -> str:
        return "" if self.single else f" at {kind}"

    def _handler(self, head: str, spot: Spot, guard: str | None, first: list[str]) -> list[str]:
        suffix = "" if guard is None else f" if {guard}"
        lines = first + self.body(spot, 2, least=0 if first else 1)
        if len(lines) == 1 and self.choose.chance(30):
            return [f"{head}{suffix}: {lines[0]}", ""]
        return [f"{head}{suffix}:", *self.block(lines), ""]

    def _moving_on(self, spot: Spot) -> tuple[str | None, list[str]]:
        """A guard over an enumeration or a flag, and an assignment after which it is false: something is done once."""
        assert spot.kind is not None
        movable = [v for v in self.variables[spot.kind] if isinstance(v.type, EnumType | BoolType)]
        if not movable:
            return None, []
        variable = self.choose.pick(movable)
        if isinstance(variable.type, BoolType):
            lowered = variable.initial == "true" or self.choose.chance(25)
            guard = variable.name if lowered else f"not {variable.name}"
            return guard, [f"{variable.name} := {'false' if lowered else 'true'}"]
        assert isinstance(variable.type, EnumType)
        values = variable.type.values
        position = values.index(variable.initial)
        if self.choose.chance(35):
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
                lines += self._handler(f"on start{self._at(kind)}", replace(spot, starting=True), None, first)
            for timer in self.timers[kind]:
                again = [f"reset {timer}"] if self.choose.chance(40) else []
                guard, moved = self._moving_on(spot) if self.choose.chance(50) else (None, [])
                lines += self._handler(f"on timeout {timer}{self._at(kind)}", spot, guard, moved + again)
                if guard is not None and self.choose.chance(30):
                    lines += self._handler(f"on timeout {timer}{self._at(kind)}", spot, None, [])
            for number in range(self.choose.number(1 if kind == "node" else 0, 2)):
                lines += self._spontaneous(kind, number)
        if not self.choose.chance(35):
            lines += self._opening(self.choose.pick(self.messages))
        for message in self.messages:
            lines += self._receiving(message)
        for message in self.messages:
            if message.name not in self.sent:
                lines += self._opening(message)
        return lines

    def _procedure(self, kind: str) -> list[str]:
        if not self.choose.chance(30):
            return []
        types = tuple(self._definition_parameter() for _ in range(self.choose.number(0, 2)))
        locals = tuple((self.around.fresh("p"), of) for of in types)
        body = self.body(Spot(self.around, kind, locals), 1)
        name = f"do_{kind}"
        self.procedures.append(Callable(name, kind, types))
        parameters = ", ".join(f"{n}: {t}" for n, t in locals)
        return [f"procedure {name}({parameters}){self._at(kind)}:", *self.block(body), ""]

    def _spontaneous(self, kind: str, number: int) -> list[str]:
        spot = Spot(self.around, kind)
        if self.choose.chance(75):
            return self._guarded(f"action act_{kind}{number}{self._at(kind)}", spot, 65, 35)
        process: Type = ProcessType(self.choose.pick(self.kinds))
        options: list[Type] = [BOOL, IntType(0, 1), process, OptionType(ProcessType(kind))]
        if self.named is not None:
            options.append(self.named)
        types = [self.choose.pick(options) for _ in range(self.choose.number(0, 2))]
        locals = tuple((self.around.fresh("i"), of) for of in types)
        parameters = ", ".join(f"{n}: {t}" for n, t in locals)
        return self._guarded(f"input ask_{kind}{number}({parameters}){self._at(kind)}", replace(spot, locals=locals), 60, 50)

    def _receiving(self, message: Sendable) -> list[str]:
        if self.choose.chance(4):
            return []
        lines: list[str] = []
        names = [self.around.fresh("m") for _ in message.parameters]
        hiding = "within" if message.receiver == "node" else "leading"
        carried = {value for of in message.parameters for value in getattr(of, "values", ())}
        if not self.single and hiding not in carried and self.choose.chance(20):
            sender = hiding  # A name of a handler's own may hide an enumeration's value.
        else:
            sender = self.around.fresh("s")
        locals = (*zip(names, message.parameters, strict=True), (sender, ProcessType(message.sender)))
        spot = Spot(self.around, message.receiver, locals)
        head = f"on {message.name}({', '.join(names)}) from {sender}"
        if self.choose.chance(30):
            lines += self._handler(head, spot, self.expressions.condition(spot, 1).text, [])
        guard = self.expressions.condition(spot, 1).text if not lines and self.choose.chance(45) else None
        lines += self._handler(head, spot, guard, [])
        return lines

    def _opening(self, message: Sendable) -> list[str]:
        """An action that sends what nothing else sends."""
        spot = Spot(self.around, message.sender)
        arguments = self._arguments(message, spot)
        if arguments is None:
            return []
        self.sent.add(message.name)
        guard, first = self._moving_on(spot)
        sending = f"broadcast {message.name}({arguments})"
        if message.sender == message.receiver and self.choose.chance(20):
            sending = f"send {message.name}({arguments}) to self"
        lines = [*first, sending]
        suffix = "" if guard is None else f" if {guard}"
        name = self.around.fresh(f"open_{message.name}")
        return [f"action {name}{self._at(message.sender)}{suffix}:", *self.block(lines), ""]

    # What is claimed

    def leader(self) -> list[str]:
        if not self.choose.chance(60):
            return []
        kind = self.kinds[0] if self.choose.chance(80) else self.choose.pick(self.kinds)
        spot = Spot(self.around, kind)
        roles = [v for v in self.variables[kind] if isinstance(v.type, EnumType)]
        condition = self.expressions.condition(spot, 1).text
        if roles and self.choose.chance(75):
            role = self.choose.pick(roles)
            assert isinstance(role.type, EnumType)
            condition = f"{role.name} == {role.type.values[-1]}"
        tokens = [v.name for v in self.variables[kind] if isinstance(v.type, NatType)]
        token = self.choose.pick(tokens) if tokens and self.choose.chance(85) else self.choose.pick(["0", "1", "size(node)"])
        if tokens and self.choose.chance(10):
            token = f"{token} + 1"
        lines = [f"leader{self._at(kind)} if {condition} with token {token}"]
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
            spot = Spot(self.around, kind, observes=True, steps=word == "step", reads_self=own)
            if own:
                body = self.expressions.condition(spot, 2).text
            else:
                quantified = [(self.around.fresh("n"), ProcessType(self.choose.pick(self.kinds)))]
                inner = spot.binding(*quantified[0])
                quantifier = "exists" if word in ("reachable", "recovers") else "forall"
                name, process = quantified[0]
                body = f"{quantifier} {name} in {process.kind}: {self.expressions.condition(inner, 2).text}"
            described = ' "what is claimed"' if self.choose.chance(25) else ""
            at = f" at {kind}" if kind is not None and not self.single else ""
            lines.append(f"{word} claim{number}{described}{at}:{self._folded(body)}")
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
        lines += ["", f"network: {self.network}"]
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
        for timer in self.timers[kind]:
            members.append(f"timer {timer}: {self.choose.pick(['100 ms', '1 s', '150 ms .. 300 ms'])}")
        return [f"process {kind}{ordered}:", *self.block(members), ""] if members else [f"process {kind}{ordered}", ""]

    def _message(self, message: Sendable) -> str:
        parameters = ", ".join(f"{self.around.fresh('a')}: {of}" for of in message.parameters)
        ends = "" if self.single else f" from {message.sender} to {message.receiver}"
        return f"message {message.name}({parameters}){ends}"

    def row(self) -> tuple[str, list[str]]:
        """The sizes and the channel of the check, and the bounds of all `nat` variables."""
        counts = [f"{size} {kind}s" for kind, size in zip(self.kinds, self.sizes, strict=True)]
        if self.network not in GROWING or self.choose.chance(10):
            narrow = sum(self.sizes) > 2 or len(self.messages) > 1
            counts.append(f"channel <= {1 if narrow and self.choose.chance(80) else 2}")
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


@st.composite
def texts(draw: st.DrawFn) -> str:
    """The text of a well-typed protocol with one check of one row."""
    choose = Drawn(draw)
    writer = Writer(choose)
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
    return Model(protocol, sizes, limits, protocol.network, protocol.faults, row.channel or 1)


def explored(model: Model, limit: int) -> Graph | None:
    """The reachable graph; None where the initial step fails or where there are more than `limit` states."""
    start = initial(model)
    if start.state is None or start.beyond is not None:
        return None
    successors: dict[State, tuple[Successor, ...]] = {}
    levels: list[tuple[State, ...]] = []
    known: dict[State, None] = {start.state: None}
    frontier = [start.state]
    while frontier:
        levels.append(tuple(frontier))
        following: list[State] = []
        for state in frontier:
            successors[state] = tuple(steps(model, state))
            for successor in successors[state]:
                if successor.state is not None and successor.beyond is None and successor.state not in known:
                    known[successor.state] = None
                    following.append(successor.state)
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


def models(limit: int = 1500) -> st.SearchStrategy[Explored]:
    """Models with at most `limit` reachable states."""
    return texts().map(lambda text: in_full(text, limit)).filter(lambda found: found is not None).map(_certain)


def in_full(text: str, limit: int) -> Explored | None:
    """The model of a text, explored; None where a bound is missing, the initial step fails, or there is too much."""
    model = bounded(text)
    graph = explored(model, limit) if model is not None else None
    return None if model is None or graph is None else Explored(model, graph)


def _certain(found: Explored | None) -> Explored:
    assert found is not None
    return found
