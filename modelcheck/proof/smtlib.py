"""Formulas as SMT-LIB 2 text.

A symbol's name says what it stands for: `node.term` is a variable of a process, `sent/vote` a message under way (its
sender, its receiver, its position where the network keeps one, what it carries), `led` the history. Bound variables
begin with `?`, after the spec's own names where it has any.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from modelcheck.evaluate import kind_of
from modelcheck.proof.logic import BOOL, INTEGER, NUMBER, NUMERIC, POSITION, Term, subterms
from modelcheck.proof.quorums import minimal_quorums
from modelcheck.proof.setting import Setting, Unprovable, process_sort, quorum_sort
from spec.types import SetType

WIDTH = 110

Text = str | list["Text"]
"""An S-expression."""


def sort_text(setting: Setting, sort: str) -> str:
    return "Int" if sort == INTEGER or (sort in NUMERIC and not setting.any_number) else sort


class Printer:
    """Writes the terms of one setting; numbers are integers or members of a total order."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.abstract = setting.any_number

    def expression(self, term: Term, parameters: Mapping[Term, str] | None = None) -> Text:
        """A term; `parameters` are variables that are named already."""
        names: dict[Term, str] = dict(parameters or {})
        used = set(names.values())
        known: dict[Term, Text] = {}

        def name_of(bound: Term) -> str:
            if bound not in names:
                base = "?" + bound.name.split("!")[0]
                number, name = 1, base
                while name in used:
                    number += 1
                    name = f"{base}.{number}"
                used.add(name)
                names[bound] = name
            return names[bound]

        def of(part: Term) -> Text:
            found = known.get(part)
            if found is None:
                found = known[part] = self._text(part, of, name_of)
            return found

        return of(term)

    def _text(self, part: Term, of: object, name_of: object) -> Text:
        assert callable(of)
        assert callable(name_of)
        match part.operator:
            case "variable":
                return str(name_of(part))
            case "number":
                return self._literal(part)
            case "true" | "false":
                return part.operator
            case "constant":
                return part.name
            case "apply":
                return [part.name, *map(of, part.arguments)] if part.arguments else part.name
            case "forall" | "exists":
                *bound, body = part.arguments
                binders: list[Text] = [[name_of(v), sort_text(self.setting, v.sort)] for v in bound]
                return [part.operator, binders, of(body)]
            case "<=" | "+" | "-" | "*" if part.arguments[0].sort == INTEGER:
                return [part.operator, *map(of, part.arguments)]
            case "<=" if self.abstract:
                return [f"{part.arguments[0].sort}/at-most", *map(of, part.arguments)]
            case "+" if self.abstract and part.arguments[1].operator == "number" and part.arguments[1].value > 0:
                text = of(part.arguments[0])
                for _ in range(part.arguments[1].value):
                    text = [f"{part.sort}/successor", text]
                return text  # type: ignore[no-any-return]
            case "+" | "-" | "*" if self.abstract:
                raise Unprovable(f"`{part.operator}` that is more than adding a constant, for any number of processes")
            case operator:
                return [operator, *map(of, part.arguments)]

    def _literal(self, part: Term) -> Text:
        if self.abstract and part.sort != INTEGER:
            if part.value < 0:  # a total order with a least element has none
                raise Unprovable(f"the negative number {part.value}, for any number of processes")
            return f"{part.sort}/{part.value}"
        return str(part.value) if part.value >= 0 else ["-", str(-part.value)]


def written(text: Text, indent: int = 0) -> str:
    """An S-expression, broken into lines where it is long."""
    flats: dict[int, str] = {}  # by identity: expressions share their parts

    def flat(part: Text) -> str:
        if isinstance(part, str):
            return part
        found = flats.get(id(part))
        if found is None:
            found = flats[id(part)] = f"({' '.join([flat(one) for one in part])})"
        return found

    def of(part: Text, indent: int) -> str:
        line = flat(part)
        if isinstance(part, str) or len(line) + indent <= WIDTH:
            return line
        head, *rest = part
        deeper = indent + 2
        lines = [" " * deeper + of(one, deeper) for one in rest]
        return f"({of(head, indent + 1)}\n" + "\n".join(lines) + ")"

    return of(text, indent)


def comment(text: str) -> str:
    return "".join(f"; {line}\n" for line in text.splitlines())


# Declarations and axioms ---------------------------------------------------------------------------------------------


def declarations(setting: Setting, literals: int) -> str:
    """The sorts, the symbols of a state and the axioms. `literals` is the largest number that stands in a formula, for
    a total order has no digits."""
    lines = [*_sorts(setting), *_numbers(setting, literals), *_orders(setting), *_quorums(setting)]
    lines.append("\n; a state")
    for symbol in setting.symbols.values():
        arguments: list[Text] = [sort_text(setting, sort) for sort in symbol.arguments]
        lines.append(written(["declare-fun", symbol.name, arguments, sort_text(setting, symbol.result)]))
    return "\n".join(lines) + "\n"


def _sorts(setting: Setting) -> Iterator[str]:
    yield "; processes and enumerations"
    for kind, size in setting.size.items():
        if size is None:
            yield f"(declare-sort {process_sort(kind)} 0)"
        else:
            constants: list[Text] = [[process.name] for process in setting.processes[kind]]
            yield written(["declare-datatypes", [[process_sort(kind), "0"]], [constants]])
    for sort, of in setting.enumerations.items():
        values: list[Text] = [[value.name] for value in of]
        yield written(["declare-datatypes", [[sort, "0"]], [values]])


def _numbers(setting: Setting, literals: int) -> Iterator[str]:
    if not setting.any_number:
        return
    for sort in (NUMBER, POSITION) if setting.has_positions else (NUMBER,):
        order, successor = f"{sort}/at-most", f"{sort}/successor"
        yield f"\n; {sort}s: a total order with a least element and a successor"
        yield f"(declare-sort {sort} 0)"
        yield f"(declare-fun {order} ({sort} {sort}) Bool)"
        yield f"(declare-fun {successor} ({sort}) {sort})"
        yield from _total_order(sort, order)
        yield f"(assert (forall ((?a {sort})) (not ({order} ({successor} ?a) ?a))))"
        yield f"(assert (forall ((?a {sort}) (?b {sort})) (or ({order} ?b ?a) ({order} ({successor} ?a) ?b))))"
        yield f"(declare-fun {sort}/0 () {sort})"
        yield f"(assert (forall ((?a {sort})) ({order} {sort}/0 ?a)))"
        for value in range(1, literals + 1):
            yield f"(define-fun {sort}/{value} () {sort} ({successor} {sort}/{value - 1}))"


def _total_order(sort: str, relation: str) -> Iterator[str]:
    a, b, c = f"(?a {sort})", f"(?b {sort})", f"(?c {sort})"
    yield f"(assert (forall ({a} {b} {c}) (=> (and ({relation} ?a ?b) ({relation} ?b ?c)) ({relation} ?a ?c))))"
    yield f"(assert (forall ({a} {b}) (=> (and ({relation} ?a ?b) ({relation} ?b ?a)) (= ?a ?b))))"
    yield f"(assert (forall ({a} {b}) (or ({relation} ?a ?b) ({relation} ?b ?a))))"


def _orders(setting: Setting) -> Iterator[str]:
    for kind in setting.protocol.kinds:
        if not kind.ordered or setting.size[kind.name] is not None:
            continue
        sort, order = process_sort(kind.name), f"order/{kind.name}"
        yield f"\n; the ring of {kind.name}: a total order; after the last comes the first"
        yield f"(declare-fun {order} ({sort} {sort}) Bool)"
        yield from _total_order(sort, order)
        for name, forward in ((f"successor/{kind.name}", True), (f"predecessor/{kind.name}", False)):
            yield f"(declare-fun {name} ({sort}) {sort})"
            ahead = f"({order} ({name} ?a) ?a)" if forward else f"({order} ?a ({name} ?a))"
            ends = ("?b ?a", f"({name} ?a) ?b") if forward else ("?a ?b", f"?b ({name} ?a)")
            between = (f"({order} ?b ?a)", f"({order} ({name} ?a) ?b)")
            if not forward:
                between = (f"({order} ?a ?b)", f"({order} ?b ({name} ?a))")
            over = f"((?a {sort}) (?b {sort}))"
            yield f"(assert (forall {over} (=> (not {ahead}) (or {between[0]} {between[1]}))))"
            yield f"(assert (forall {over} (=> {ahead} (and ({order} {ends[0]}) ({order} {ends[1]})))))"


def _quorums(setting: Setting) -> Iterator[str]:
    for kind in quorum_kinds(setting):
        size = setting.size[kind]
        if size is not None:
            yield f"\n; a quorum of {size} {kind}s, by who is in it"
            names = [f"?{kind}.{index + 1}" for index in range(size)]
            parameters: list[Text] = [[name, BOOL] for name in names]
            smallest: list[Text] = []
            for some in minimal_quorums(setting, kind):
                inside: list[Text] = [names[index] for index in sorted(some)]
                smallest.append(["and", *inside] if len(inside) > 1 else inside[0] if inside else "true")
            body: Text = ["or", *smallest] if len(smallest) > 1 else smallest[0] if smallest else "false"
            yield written(["define-fun", f"quorum/{kind}", parameters, BOOL, body])
        else:
            sort, process = quorum_sort(kind), process_sort(kind)
            yield f"\n; quorums of {kind}s: any two have a {kind} in common"
            yield f"(declare-sort {sort} 0)"
            yield f"(declare-fun member/{kind} ({process} {sort}) Bool)"
            both = f"(and (member/{kind} ?p ?a) (member/{kind} ?p ?b))"
            yield f"(assert (forall ((?a {sort}) (?b {sort})) (exists ((?p {process})) {both})))"


def quorum_kinds(setting: Setting) -> tuple[str, ...]:
    """The kinds of process of whose sets the protocol asks whether they are quorums."""
    found = []
    for definition in setting.protocol.definitions:
        if definition.name == "quorum" or definition.name.startswith("quorum:"):
            of = definition.parameters[0].type
            assert isinstance(of, SetType)
            found.append(kind_of(of))
    return tuple(dict.fromkeys(found))


def largest_literal(terms: Iterable[Term]) -> int:
    """The largest number that stands in some terms, but for integers."""
    seen: set[Term] = set()
    parts = (p for term in terms for p in subterms(term, seen) if p.operator == "number" and p.sort != INTEGER)
    return max((part.value for part in parts), default=0)
