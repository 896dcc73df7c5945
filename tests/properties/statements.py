"""Random statements: the bodies of handlers and procedures."""

from __future__ import annotations

from dataclasses import replace

from spec.types import BOOL, NAT, IntType, MapType, NatType, OptionType, ProcessType, SetType, Type, is_number
from tests.properties.declarations import Declarations, Declared
from tests.properties.expressions import Sendable, Spot


class Statements(Declarations):
    """Draws statements."""

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
                lines = self.assigning(spot)
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
        return lines or self.assigning(spot) or ["pass"], spot

    def assigning(self, spot: Spot) -> list[str]:
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
                leaf = self.choose.pick(leaves)
                return f"min({leaf} + 1, {high})" if isinstance(of, IntType) else leaf
            return str(self.choose.number(low, high - 1))
        return self.expressions.of_type(of, spot, 1).text

    def arguments_for(self, message: Sendable, spot: Spot) -> str | None:
        settled = replace(spot, settled=True)
        if not all(self.expressions.can(of, spot) for of in message.parameters):
            return None
        found = []
        for of in message.parameters:
            leaves = self.expressions.leaves(of, spot)
            if leaves and self.choose.chance(60):
                found.append(self.choose.pick(leaves))
            elif is_number(of):
                constant = self.choose.chance(70)
                found.append(str(self.choose.number(0, 1)) if constant else self.expressions.of_type(of, settled).text)
            else:
                found.append(self.expressions.of_type(of, settled, 1).text)
        return ", ".join(found)

    def _sendable(self, spot: Spot) -> list[tuple[Sendable, str]]:
        """The messages that can be sent here, with arguments drawn for one of them."""
        own = [m for m in self.messages if m.sender == spot.kind]
        if not own:
            return []
        unsent = [m for m in own if m.name not in self.sent]
        message = self.choose.pick(unsent) if unsent and self.choose.chance(60) else self.choose.pick(own)
        arguments = self.arguments_for(message, spot)
        return [] if arguments is None else [(message, arguments)]

    def _send(self, spot: Spot) -> list[str]:
        for message, arguments in self._sendable(spot):
            options = self.expressions.leaves(OptionType(ProcessType(message.receiver)), spot)
            receivers = self.expressions.leaves(ProcessType(message.receiver), spot)
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
            others = [other for other in self.timers[spot.kind] if other != timer]
            since = f" since {others[0]}" if self.timed and others and self.choose.chance(40) else ""
            return [f"reset {timer}{since}"]
        return [f"stop {timer}"]

    def _let(self, spot: Spot) -> tuple[list[str], Spot]:
        kind = self.choose.pick(self.kinds)
        types: list[Type] = [BOOL, NAT, SetType(ProcessType(kind)), ProcessType(kind)]
        of = self.choose.pick(types)
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
