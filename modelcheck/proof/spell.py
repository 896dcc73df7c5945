"""Formulas about a fixed number of processes, spelled out: every symbol of a state becomes constants, one for each
choice of processes, and every quantifier over messages or the history goes through those that there are.

Names carry the moment that they are about: `node.term@b/0` is what node 1 has as its term before a step, and
`node.term@a/0` what it has after. `at` puts numbers of moments in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from modelcheck.proof.concrete import process_number
from modelcheck.proof.logic import (
    BOOL,
    FALSE,
    NUMERIC,
    TRUE,
    Term,
    apply,
    choice,
    conjunction,
    constant,
    disjunction,
    equal,
    for_all,
    implication,
    negation,
    rebuilt,
    substitute,
    subterms,
    truth,
)
from modelcheck.proof.quorums import minimal_quorums
from modelcheck.proof.setting import Setting
from modelcheck.proof.steps import AFTER

BEFORE, LATER = "@b", "@a"
RELATIONS = ("sent/", "led")


@dataclass(frozen=True, slots=True)
class Entry:
    """An element of a relation, in it where `present`: a message (its columns after its position, where it has one), or
    the token of one who has led."""

    present: Term
    columns: tuple[Term, ...]


Entries = Mapping[str, Sequence[Entry]]
"""The elements of each relation, by its spelled-out name (`sent/vote@b/0/1`)."""
Others = Callable[[str, tuple[Term, ...]], Term]
"""Whether a relation has an element of which nothing is known."""


def no_others(_relation: str, _columns: tuple[Term, ...]) -> Term:
    return FALSE


def at(text: str, before: int) -> str:
    """The text about a step (or a state) with the number of its moment put in."""
    return text.replace(BEFORE, f"@{before}").replace(LATER, f"@{before + 1}")


def cell_name(symbol: str, moment: str, processes: Iterable[int]) -> str:
    return symbol + moment + "".join(f"/{index}" for index in processes)


class Speller:
    """Spells out the formulas of one setting."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.values = {sort: tuple(value.name for value in of) for sort, of in setting.enumerations.items()}
        self._known: dict[Term, Term] = {}

    def finite(self, sort: str) -> tuple[Term, ...] | None:
        """All values of a sort; None for numbers."""
        if sort == BOOL:
            return truth(False), truth(True)
        if sort.startswith("process/"):
            return self.setting.processes[sort.removeprefix("process/")]
        return None if sort in NUMERIC else tuple(constant(value, sort) for value in self.values[sort])

    def spelled(self, term: Term, values: Mapping[Term, Term] | None = None) -> Term:
        """The term with constants for the symbols of states; quantifiers stay as they are."""
        return self._of(substitute(term, values) if values else term)

    def _of(self, part: Term) -> Term:
        found = self._known.get(part)
        if found is None:
            arguments = tuple(map(self._of, part.arguments))
            if part.operator == "apply":
                found = self._applied(part, arguments)
            else:
                found = rebuilt(part, arguments)
            self._known[part] = found
        return found

    def _applied(self, part: Term, arguments: tuple[Term, ...]) -> Term:
        name = part.name
        moment = LATER if name.startswith(AFTER) else BEFORE
        symbol = name.removeprefix(AFTER)
        if symbol in self.setting.symbols:
            count = {"sent/": 2, "led": 1}.get(next((r for r in RELATIONS if symbol.startswith(r)), ""), len(arguments))
            if symbol in ("led",) or symbol.startswith("sent/"):
                return self._ground(symbol, moment, part.sort, (), arguments[:count], arguments[count:])
            return self._ground(symbol, moment, part.sort, (), arguments, ())
        if symbol.startswith("chosen/"):
            return self._ground(symbol, BEFORE, part.sort, (), arguments, ())
        if symbol.startswith("quorum/"):
            smallest = minimal_quorums(self.setting, symbol.removeprefix("quorum/"))
            return disjunction(conjunction(arguments[one] for one in sorted(some)) for some in smallest)
        assert not arguments, f"`{name}` has no spelled-out form"
        return apply(f"{name}!{part.sort}{BEFORE}", part.sort)

    def _ground(
        self, symbol: str, moment: str, sort: str, done: tuple[int, ...], left: tuple[Term, ...], rest: tuple[Term, ...]
    ) -> Term:
        """The symbol for some processes; where one of them is not known, a choice between all that it may be."""
        if not left:
            return apply(cell_name(symbol, moment, done), sort, *rest)
        first, *others = left
        if first.operator == "constant":
            return self._ground(symbol, moment, sort, (*done, process_number(first)), tuple(others), rest)
        everyone = self.setting.processes[first.sort.removeprefix("process/")]
        known = [
            (one, self._ground(symbol, moment, sort, (*done, number), tuple(others), rest))
            for number, one in enumerate(everyone)
        ]
        found = known[-1][1]
        for one, value in reversed(known[:-1]):
            found = choice(equal(first, one), value, found)
        return found

    # Quantifiers

    def without_quantifiers(self, term: Term, entries: Entries, others: Others = no_others) -> Term:
        """A spelled-out term whose quantifiers over messages and tokens go through the entries that there are. One that
        speaks of neither stays, and so does, for elements of which nothing is known, a smaller one."""
        known: dict[Term, Term] = {}

        def of(part: Term) -> Term:
            found = known.get(part)
            if found is None:
                arguments = tuple(map(of, part.arguments))
                if part.operator == "forall":
                    found = self._all(arguments[:-1], arguments[-1], entries, others)
                elif part.operator == "exists":
                    found = negation(self._all(arguments[:-1], negation(arguments[-1]), entries, others))
                else:
                    found = rebuilt(part, arguments)
                known[part] = found
            return found

        return of(term)

    def _all(self, variables: tuple[Term, ...], body: Term, entries: Entries, others: Others) -> Term:
        inside = set(subterms(body))
        variables = tuple(one for one in variables if one in inside)
        if not variables:
            return body
        parts = _conjuncts(body)
        if len(parts) > 1:
            return conjunction(self._all(variables, part, entries, others) for part in parts)
        guards = [g for g in _guards(body) if g.name in entries and any(v in g.arguments for v in variables)]
        if guards:
            guard = max(guards, key=lambda g: len({v for v in variables if v in g.arguments}))
            found = [
                self._all(*_instance(variables, body, guard, entry), entries, others) for entry in entries[guard.name]
            ]
            other = others(guard.name, guard.arguments)
            if other is not FALSE:
                found.append(self._all(variables, substitute(body, {guard: other}), entries, others))
            return conjunction(found)
        for one in variables:
            values = self.finite(one.sort)
            if values is not None:
                rest = tuple(v for v in variables if v is not one)
                return conjunction(self._all(rest, substitute(body, {one: v}), entries, others) for v in values)
        return for_all(variables, body)


def _instance(variables: tuple[Term, ...], body: Term, guard: Term, entry: Entry) -> tuple[tuple[Term, ...], Term]:
    """The body for one entry of a relation that it speaks of, and the variables that are left in it."""
    chosen: dict[Term, Term] = {}
    same: list[tuple[Term, Term]] = []
    for argument, column in zip(guard.arguments, entry.columns, strict=True):
        if argument in variables and argument not in chosen:
            chosen[argument] = column
        else:
            same.append((argument, column))
    alike = (equal(substitute(argument, chosen), column) for argument, column in same)
    left = substitute(body, {guard: TRUE, **chosen})
    return tuple(one for one in variables if one not in chosen), implication(conjunction((entry.present, *alike)), left)


def _conjuncts(body: Term) -> tuple[Term, ...]:
    """Formulas that hold together exactly where the body holds."""
    if body.operator == "and":
        return tuple(part for one in body.arguments for part in _conjuncts(one))
    if body.operator == "=>":
        inner = _conjuncts(body.arguments[1])
        return tuple(implication(body.arguments[0], part) for part in inner) if len(inner) > 1 else (body,)
    if body.operator == "not":
        operand = body.arguments[0]
        if operand.operator == "or":
            return tuple(part for one in operand.arguments for part in _conjuncts(negation(one)))
        if operand.operator == "=>":
            return (*_conjuncts(operand.arguments[0]), *_conjuncts(negation(operand.arguments[1])))
    return (body,)


def _guards(body: Term) -> list[Term]:
    """Applications without which the body is true."""
    match body.operator:
        case "=>":
            return [*_needed(body.arguments[0]), *_guards(body.arguments[1])]
        case "or":
            return [guard for part in body.arguments for guard in _guards(part)]
        case "not":
            return _needed(body.arguments[0])
        case _:
            return []


def _needed(condition: Term) -> list[Term]:
    if condition.operator == "and":
        return [guard for part in condition.arguments for guard in _needed(part)]
    return [condition] if condition.operator == "apply" else []


# Text ----------------------------------------------------------------------------------------------------------------


class Writer:
    """Writes spelled-out terms. What stands in several places is defined once; see `definitions`."""

    def __init__(self, speller: Speller, prefix: str) -> None:
        self.speller = speller
        self.prefix = prefix
        self.definitions: list[str] = []
        self.names: dict[str, tuple[str, ...]] = {}
        """The constants and functions used: the sorts of their arguments, then that of their result."""
        self._known: dict[Term, str] = {}
        self._uses: dict[Term, int] = {}
        self._bound: dict[Term, bool] = {}

    def count(self, roots: Iterable[Term]) -> None:
        """Looks at what is going to be written."""
        waiting = list(roots)
        while waiting:
            part = waiting.pop()
            self._uses[part] = self._uses.get(part, 0) + 1
            if self._uses[part] == 1:
                waiting.extend(part.arguments)

    def sort(self, sort: str) -> str:
        if sort in NUMERIC:
            return "Int"
        return BOOL if sort == BOOL else f"(_ BitVec {self._width(sort)})"

    def _width(self, sort: str) -> int:
        values = self.speller.finite(sort)
        assert values is not None
        return max(1, (len(values) - 1).bit_length())

    def constant(self, term: Term) -> str:
        values = self.speller.finite(term.sort)
        assert values is not None
        return f"#b{values.index(term):0{self._width(term.sort)}b}"

    def text(self, term: Term) -> str:
        found = self._known.get(term)
        if found is None:
            found = self._text(term)
            if len(found) > 40 and self._uses.get(term, 1) > 1 and not self._has_variables(term):
                name = f"{self.prefix}{len(self.definitions)}{BEFORE}"
                self.definitions.append(f"(define-fun {name} () {self.sort(term.sort)} {found})")
                found = name
            self._known[term] = found
        return found

    def _text(self, term: Term) -> str:
        match term.operator:
            case "variable":
                return "?" + term.name
            case "number":
                return str(term.value) if term.value >= 0 else f"(- {-term.value})"
            case "true" | "false":
                return term.operator
            case "constant":
                return self.constant(term)
            case "apply":
                self.names[term.name] = (*(one.sort for one in term.arguments), term.sort)
                if not term.arguments:
                    return term.name
                return f"({term.name} {' '.join(map(self.text, term.arguments))})"
            case "forall" | "exists":
                *bound, body = term.arguments
                binders = " ".join(f"(?{v.name} {self.sort(v.sort)})" for v in bound)
                return f"({term.operator} ({binders}) {self.text(body)})"
            case operator:
                return f"({operator} {' '.join(map(self.text, term.arguments))})"

    def _has_variables(self, term: Term) -> bool:
        found = self._bound.get(term)
        if found is None:
            found = term.operator == "variable" or any(map(self._has_variables, term.arguments))
            self._bound[term] = found
        return found

    def declared(self, name: str, sorts: tuple[str, ...]) -> str:
        *arguments, result = map(self.sort, sorts)
        return f"(declare-fun {name} ({' '.join(arguments)}) {result})"

    def within(self, name: str, sort: str) -> str | None:
        """An assertion that a constant is one of the values of its sort, where its bits can say more."""
        values = self.speller.finite(sort)
        if values is None or len(values) == 1 << self._width(sort) or sort == BOOL:
            return None
        return f"(assert (bvult {name} #b{len(values):0{self._width(sort)}b}))"
