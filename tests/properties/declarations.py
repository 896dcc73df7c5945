"""What a random protocol declares: kinds of process, their variables and timers, messages, definitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from spec.types import (
    BOOL,
    NAT,
    EnumType,
    IntType,
    MapType,
    NatType,
    OptionType,
    ProcessType,
    ScalarType,
    SetType,
    Type,
)
from tests.properties.expressions import Around, Defined, Expressions, Item, Sendable, Spot

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


class Tape:
    """Choices read off a tape of bytes, zeros once it has run out.

    Hypothesis draws the tape as a whole. Were each choice drawn on its own, it would take most examples from earlier
    ones by repeating some of their choices: the same variable in every place, and many protocols nearly alike."""

    LENGTH = 1500

    def __init__(self, tape: bytes) -> None:
        self._tape = iter(tape)

    def pick(self, options: Sequence[Item]) -> Item:
        return options[self.number(0, len(options) - 1)]

    def number(self, low: int, high: int) -> int:
        return low + next(self._tape, 0) % (high - low + 1)

    def chance(self, percent: int) -> bool:
        return next(self._tape, 0) * 100 >= 256 * (100 - percent)


@dataclass(frozen=True)
class Declared:
    """A variable, as its declaration says it."""

    name: str
    type: Type
    initial: str
    durable: bool


@dataclass(frozen=True)
class Called:
    name: str
    kind: str
    parameters: tuple[Type, ...]


class Declarations:
    """Draws the declarations of one protocol, each before what depends on it."""

    def __init__(self, choose: Tape, *, timed: bool = False) -> None:
        self.choose = choose
        self.timed = timed
        self.expressions = Expressions(choose)
        self.kinds = ["node"] if choose.chance(72) else ["node", "client"]
        self.single = len(self.kinds) == 1
        self.ordered = frozenset(k for k in self.kinds if choose.chance(25))
        self.network = choose.pick(NETWORKS)
        self.faults = self._faults()
        self.named = EnumType(("red", "green", "blue")[: choose.number(2, 3)], "color") if choose.chance(30) else None
        self.variables = {kind: self._variables(kind) for kind in self.kinds}
        self.timers = {kind: self._timers(kind) for kind in self.kinds}
        timers = sorted({timer for of in self.timers.values() for timer in of})
        self.free = choose.pick(timers) if timed and timers and choose.chance(20) else None
        self.messages = self._messages()
        self.sizes = self._sizes()
        self.around = Around(
            {kind: {v.name: v.type for v in held} for kind, held in self.variables.items()},
            self.ordered,
            self.timers,
            messages=tuple(self.messages),
            timed=timed,
            free=self.free,
        )
        self.definitions = self._definitions()
        self.sent: set[str] = set()
        self.reset: set[tuple[str, str]] = set()
        self.procedures: list[Called] = []

    def _sizes(self) -> tuple[int, ...]:
        """How many processes: more of them where that is not likely to be more than can be explored."""
        held = sum(len(variables) for variables in self.variables.values()) + len(self.faults.split())
        crowded = self.network not in GROWING and held + 2 * len(self.messages) > 4
        if not self.single:
            return self.choose.pick([(2, 1), (1, 2)] if crowded else [(2, 1), (1, 2), (2, 2)])
        return (self.choose.pick([2] * 11 + [1] if crowded or held > 5 else [2] * 6 + [3] * 5 + [1]),)

    def _faults(self) -> str:
        if self.choose.chance(45):
            return ""
        found = []
        likely = {"restart": 40, "crash": 30, "disk loss": 20, "partition": 25, "pause": 8}
        if self.timed:
            likely = {"pause": 75, "restart": 15, "crash": 15, "disk loss": 8, "partition": 12}
        for fault, percent in likely.items():
            if self.choose.chance(percent):
                of = f" of {self.choose.pick(self.kinds)}" if self.timed and self.choose.chance(30) else ""
                of = "" if fault == "partition" else of
                found.append(fault + of + (f" up to {self.choose.number(1, 2)}" if self.choose.chance(50) else ""))
        if self.timed and self.choose.chance(40):
            found.append("drift")
        return ", ".join(found)

    def _scalar(self) -> ScalarType:
        process = ProcessType(self.choose.pick(self.kinds))
        options: list[ScalarType] = [NAT, NAT, BOOL, IntType(0, 2), IntType(-1, 1), process]
        if self.named is not None:
            options.append(self.named)
        return self.choose.pick(options)

    def _variable_type(self, kind: str) -> Type:
        of_kind = self.choose.pick(self.kinds)
        match self.choose.pick(["scalar"] * 4 + ["option"] * 3 + ["set"] * 2 + ["map"]):
            case "option":
                return OptionType(ProcessType(of_kind) if self.choose.chance(65) else self._scalar())
            case "set":
                return SetType(ProcessType(of_kind))
            case "map":
                process = ProcessType(kind)
                choices: list[ScalarType | OptionType | SetType] = [BOOL, NAT, OptionType(process), SetType(process)]
                held = self.choose.pick(choices)
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
        more = self.choose.pick([1, 2, 2, 3] if self.single and self.network in GROWING else [1, 1, 2])
        types += [self._variable_type(kind) for _ in range(more)]
        names: dict[type, str] = {EnumType: "role", NatType: "term", IntType: "level"}
        names |= {OptionType: "choice", SetType: "votes", MapType: "seen"}
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
        many = self.choose.chance(85 if self.timed else 35)
        return (("beat", "alarm")[: self.choose.number(1, 2)]) if many else ()

    def timing(self) -> str:
        """What a spec with time says of it."""
        said = ["tick 1 s"]
        if "drift" in self.faults:
            said += [self.choose.pick(["drift 1 in 4", "drift 1 in 10", "offset 1 s", "drift 1 in 3, offset 500 ms"])]
        if self.network not in GROWING and self.choose.chance(50):
            said += [self.choose.pick(["delay 1 s", "delay 2 s"])]
        if "pause" in self.faults and self.choose.chance(40):
            said += [self.choose.pick(["pause 1 s", "pause 2 s"])]
        if self.free is not None:
            said += [f"free {self.free}"]
        return ", ".join(said)

    def _messages(self) -> list[Sendable]:
        found = []
        growing = self.network in GROWING
        for name in ("ask", "grant", "tell")[: self.choose.pick([1, 2, 3] if growing else [1, 1, 2])]:
            count = self.choose.pick([0, 0, 1, 1, 1, 2] if growing else [0, 0, 1, 1, 2])
            parameters = tuple(self._parameter() for _ in range(count))
            ends = [self.choose.pick(self.kinds), self.choose.pick(self.kinds)]
            found.append(Sendable(name, parameters, *ends))
        return found

    def _parameter(self) -> Type:
        """The type of a message's parameter; most often one of which there is a variable."""
        held = [v.type for kind in self.kinds for v in self.variables[kind] if not isinstance(v.type, MapType)]
        if held and self.choose.chance(65):
            return self.choose.pick(held)
        of = self._scalar()
        if isinstance(of, ProcessType) and self.choose.chance(30):
            return OptionType(of) if self.choose.chance(50) else SetType(of)
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
            owners: list[str | None] = [*self.kinds]
            owner = self.choose.pick(owners if self.single else [*owners, None])
            types_of: list[Type] = [BOOL, BOOL, NAT, SetType(ProcessType(self.choose.pick(self.kinds)))]
            of = self.choose.pick(types_of)
            observes = self.choose.chance(20)
            types = tuple(self._definition_parameter() for _ in range(self.choose.number(0, 2)))
            names = [self.around.fresh("d") for _ in types]
            known = tuple(zip(names, types, strict=True))
            reads_self = owner is not None and self.choose.chance(80)
            spot = Spot(self.around, owner, known, observes=observes, settled=True, reads_self=reads_self)
            body = self.expressions.of_type(of, spot, 2, expected=False).text
            at = self.at(owner) if owner is not None else ""
            parameters = ", ".join(f"{n}: {t}" for n, t in known)
            name = f"rule{number}"
            texts.append(f"define {name}({parameters}){at}:" + self.folded(body))
            # Whether it reads a process's variables shows in its text alone: then it belongs to that kind.
            own = {"self", *self.around.kinds[owner]} if owner is not None else set()
            words = set("".join(c if c.isalnum() or c in "_." else " " for c in body).replace("(", " ").split())
            heads = {word.split(".")[0] for word in words}
            used = [d for d in self.around.defined if d.name in heads and d.kind is not None]
            about = owner if heads & own or used else None
            defined = Defined(name, about, types, of, observes)
            self.around = replace(self.around, defined=(*self.around.defined, defined))
        return texts

    def _definition_parameter(self) -> Type:
        of = self._scalar()
        return SetType(of) if isinstance(of, ProcessType) and self.choose.chance(30) else of

    def folded(self, body: str) -> str:
        return f"\n{INDENT}{body}" if self.choose.chance(25) else f" {body}"

    def block(self, lines: list[str]) -> list[str]:
        return [INDENT + line for line in lines]

    def at(self, kind: str) -> str:
        """Says whose handler, procedure or claim something is, where there are several kinds."""
        return "" if self.single else f" at {kind}"
