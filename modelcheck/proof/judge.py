"""Claims of concrete states: whether they hold, and why not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import product

from modelcheck.explain import explain, explain_failure, explain_standard
from modelcheck.model import Name, State, Successor
from modelcheck.proof.claims import Claim
from modelcheck.proof.concrete import Raw, cells_of, evaluated
from modelcheck.proof.logic import Term, conjunction, disjunction, equal, rebuilt
from modelcheck.proof.obligations import Invariant
from modelcheck.proof.setting import Setting, base_view
from modelcheck.proof.spell import BEFORE, Entry, Speller, cell_name
from modelcheck.proof.unroll import entries_of
from modelcheck.properties import FAILURE, Checked, checked, found_in_state, found_in_step
from modelcheck.trace import Violation
from spec.protocol import Property, PropertyKind


class Judge:
    """Says whether claims hold in concrete states: by the reference semantics where it knows the claim, else by the
    claim's formula."""

    def __init__(self, setting: Setting, invariant: Invariant) -> None:
        self.setting = setting
        self.model = setting.model
        self.claims = invariant.claims
        self.speller = Speller(setting)
        self._formulas: dict[str, Term] = {}

    @cached_property
    def standard(self) -> dict[str, Checked]:
        return {item.name: item for item in checked(self.model) if item.declared is None and not item.in_step}

    def holds(self, claim: Claim, state: State) -> bool:
        if claim.expression is not None:
            item = Checked(claim.name, True, False, as_property(claim))
            return not found_in_state(self.model, item, state)
        if claim.name in self.standard:
            return not found_in_state(self.model, self.standard[claim.name], state)
        return self._formula_holds(claim, state)

    def has_invariant(self, state: State) -> bool:
        return all(self.holds(claim, state) for claim in self.claims)

    def broken(self, before: State, after: Successor, properties: Sequence[Claim]) -> str | None:
        """What a step breaks, if anything: it fails, or a clause or a property of steps is false of it."""
        if after.state is None:
            return FAILURE
        for item in checked(self.model):
            if item.in_step and item.declared is not None and found_in_step(self.model, item, before, after.state):
                return item.name
        claims = (*self.claims, *properties)
        return next((claim.name for claim in claims if not self.holds(claim, after.state)), None)

    def violation(
        self, name: str, states: Sequence[State], last: Successor | None, claims: Sequence[Claim]
    ) -> Violation:
        """Why it is false at the end."""
        if last is not None and last.failure is not None:
            return explain_failure(self.model, last.failure)
        for item in checked(self.model):
            if item.name == name and item.in_step and item.declared is not None:
                return explain(self.model, item.declared, *states[-2:])
        if name in self.standard:
            return explain_standard(self.model, name, states[-1])
        claim = next(claim for claim in (*self.claims, *claims) if claim.name == name)
        if claim.expression is not None:
            return explain(self.model, as_property(claim), states[-1])
        return Violation(name, claim.text, (f"`{claim.text}` is false",))

    def _formula_holds(self, claim: Claim, state: State) -> bool:
        if claim.name not in self._formulas:
            self._formulas[claim.name] = self.speller.spelled(claim.holds(base_view(self.setting)))
        entries = entries_by_relation(self.setting, self.speller, state)
        formula = self.speller.without_quantifiers(self._formulas[claim.name], entries)
        cells = {
            cell_name(symbol, BEFORE, places): raw for (symbol, places), raw in cells_of(self.setting, state).items()
        }
        ends = {(link.sender, link.receiver): len(link.queue) for link in state.links}

        def read(name: str, _: str) -> Raw:
            if name.startswith("end/"):
                symbol, _, places = name.partition(BEFORE)
                (_, one, other), (first, second) = symbol.split("/"), map(int, places.split("/")[1:])
                return ends.get((Name(one, first), Name(other, second)), 0)
            return cells[name]

        return bool(evaluated(_with_entries(formula, entries), read))


def as_property(claim: Claim) -> Property:
    """A clause as if the spec had declared it."""
    assert claim.expression is not None
    return Property(PropertyKind.INVARIANT, claim.name, claim.text, claim.about, claim.expression)


def entries_by_relation(setting: Setting, speller: Speller, state: State) -> dict[str, list[Entry]]:
    """The elements of every relation in a state, where none is missing."""
    found: dict[str, list[Entry]] = {}
    for name in relation_names(setting):
        found[name] = []
    for name, entry in entries_of(setting, state, 0):
        found[name].append(entry)
    return found


def relation_names(setting: Setting) -> Iterator[str]:
    for message in setting.protocol.messages:
        ranges = range(len(setting.processes[message.sender])), range(len(setting.processes[message.receiver]))
        for places in product(*ranges):
            yield cell_name(f"sent/{message.name}", BEFORE, places)
    if setting.protocol.leader is not None:
        for index in range(len(setting.processes[setting.protocol.leader.kind])):
            yield cell_name("led", BEFORE, (index,))


def _with_entries(term: Term, entries: dict[str, list[Entry]]) -> Term:
    """The term with what the relations hold spelled out."""
    if not term.arguments:
        return term if term.name not in entries else disjunction(entry.present for entry in entries[term.name])
    arguments = tuple(_with_entries(argument, entries) for argument in term.arguments)
    if term.operator == "apply" and term.name in entries:
        return disjunction(
            conjunction(equal(one, other) for one, other in zip(arguments, entry.columns, strict=True))
            for entry in entries[term.name]
        )
    return rebuilt(term, arguments)
