"""The formulas of states and steps, on small protocols: what a protocol drawn by chance seldom holds."""

import random
from pathlib import Path

import pytest

from modelcheck.model import Link, Name, Packet, StepKind
from modelcheck.proof.claims import assumed, declared, declared_steps, of_expression, standard, unchanged
from modelcheck.proof.concrete_view import (
    Evaluation,
    free_variables,
    quorum_tables,
    state_of_tables,
    tables_of,
    view_of_tables,
)
from modelcheck.proof.logic import FALSE, NUMERIC, Term, number, subterms
from modelcheck.proof.scope import assumptions_of, proof_setting
from modelcheck.proof.setting import Setting, Unprovable, base_view
from modelcheck.proof.steps import initial_view, units
from modelcheck.properties import checked, found_in_state
from modelcheck.semantics import initial
from spec.check import check
from spec.protocol import PropertyKind
from spec.source import Source
from tests.properties.specs import SHIPPED
from tests.properties.test_relation import Encoded, compared, states_of, walked


def encoded(text: str, *sizes: int) -> Encoded:
    protocol, _ = check(Source("small.elect", text))
    sizes = sizes or (2,) * len(protocol.kinds)
    setting = proof_setting(protocol, sizes, assumptions_of(protocol))
    return Encoded(setting, 0, setting)


def agrees(found: Encoded, walks: int = 8) -> None:
    """The initial state and the steps along some walks are those of the reference."""
    setting, model = found.setting, found.model
    view, _ = initial_view(setting)
    evaluation = Evaluation(setting, {})
    start = {symbol: evaluation.table(view, symbol) for symbol in setting.symbols}
    assert state_of_tables(setting, start) == initial(model).state
    states = {state for seed in range(walks) for state in walked(model, random.Random(seed), 8)}
    for state in states:
        compared(found, state)


def holds_initially(found: Encoded) -> bool:
    """Whether the only property does."""
    setting = found.setting
    (declared,) = setting.protocol.properties
    formula = of_expression(setting, declared.name, declared.expression, declared.about).holds(base_view(setting))
    start = initial(setting.model).state
    assert start is not None
    return Evaluation(setting, {**quorum_tables(setting), **tables_of(setting, start)}).is_true(formula)


MAPS = """
protocol maps
process node:
    seen: map from node to nat = 0
    told: map from node to node? = none

on start:
    {start}

safety alike: forall a, b in node: a.seen == b.seen and a.told == b.told
"""


def test_maps_are_compared_entry_by_entry() -> None:
    assert holds_initially(encoded(MAPS.format(start="seen := 1"), 2))
    assert not holds_initially(encoded(MAPS.format(start="seen[self] := 1"), 2))
    assert not holds_initially(encoded(MAPS.format(start="told[self] := self"), 2))


NAMED_LIKE_SYMBOLS = """
protocol names

type with_type = {value} | whole

process {one}:
    {variable}: nat = 0
    side: with_type = whole
    timer {cut}: 10 ms
    timer at_most: 10 ms

process {two}:
    {variable}: nat = 0
    timer {cut}: 10 ms

message {cut}({value}_: nat, given: bool) from {one} to {two}
message drop() from {two} to {one}

on start at {one}:
    reset {cut}
    broadcast {cut}({variable}, true)
on start at {two}:
    reset {cut}
on timeout {cut} at {one}:
    {variable} := {variable} + 1
    side := {value}
    reset at_most
on timeout {cut} at {two}: broadcast drop()
on {cut}(n, g) from s if g: {variable} := n
on drop() from s: reset {cut}
input ask(chosen: with_type, {cut}: bool) at {one} if {cut}: side := chosen

network: loss
faults: crash up to 1, partition, restart up to 1
"""


def test_names_of_a_spec_are_no_names_of_the_encoding() -> None:
    for one, two, cut, value in [
        ("sent", "end", "cut", "torn"),
        ("value", "after", "tick", "cut"),
        ("spent", "led", "position", "cut"),
        ("with", "process", "cut", "given"),
    ]:
        found = encoded(NAMED_LIKE_SYMBOLS.format(one=one, two=two, cut=cut, value=value, variable="actor"), 1, 1)
        names = [constant.name for unit in found.units for constant in unit.constants]
        names += [name for unit in found.units for name, _, _ in unit.functions]
        values = [v.name for values in found.setting.enumerations.values() for v in values]
        values += [p.name for processes in found.setting.processes.values() for p in processes]
        assert not set(found.setting.symbols) & {*names, *values}
        assert not set(names) & set(values)
        symbols = list(found.setting._symbols())
        assert len({symbol.name for symbol in symbols}) == len(symbols)
        agrees(found, walks=3)


OPTIONS = """
protocol options
type role_type = low | high
process node:
    level: int 0..2? = none
    again: nat? = 2
    role: role_type? = none

message tell(level: int 0..2?, role: role_type?)

input set_level(to: int 0..2?, as: role_type?):
    level := to
    role := as
    broadcast tell(to, as)
on tell(to, as) from s if to != level:
    level := to
    again := if to == none then none else 1

step rises: next(level) != none

network: {network}
"""


def test_an_option_without_a_value_has_one_form() -> None:
    """An input that is given `none` is given nothing beside it, which would be stored and sent."""
    for network in ("reliable", "duplication, reordering"):
        found = encoded(OPTIONS.format(network=network), 2)
        agrees(found, walks=1)
        setting = found.setting
        (start,) = walked(found.model, random.Random(0), 1)
        tables = tables_of(setting, start)
        (unit,) = (unit for unit in found.units if unit.step is StepKind.INPUT)
        me = setting.processes["node"][0]
        low = setting.enumerations["type/role_type"][0]
        held = {"actor": me, "with/to.0": FALSE, "with/as.0": FALSE, "with/as.1": low}
        for beside in (0, 1, 2):
            held["with/to.1"] = number(beside)
            evaluation = Evaluation(setting, {**tables, **{name: {(): value} for name, value in held.items()}})
            assert evaluation.is_true(unit.enabled) == (beside == 0)


def test_a_step_that_leaves_an_option_without_a_value_changes_nothing() -> None:
    found = encoded(OPTIONS.format(network="reliable"), 2)
    setting = found.setting
    (start,) = walked(found.model, random.Random(0), 1)
    tables = tables_of(setting, start)
    leftover = {**tables, "node.level": dict.fromkeys(tables["node.level"], number(2))}
    (claim,) = declared_steps(setting)
    before, after = view_of_tables(setting, leftover), view_of_tables(setting, tables)
    assert Evaluation(setting, {}).is_true(unchanged(setting, claim.reads, before, after))


def test_only_numbers_are_left_under_quantifiers() -> None:
    for network in ("reliable", "loss, duplication, reordering"):
        setting = encoded(OPTIONS.format(network=network), 2).setting
        base = base_view(setting)
        formulas = [claim.holds(base) for claim in assumed(setting)]
        formulas += [unit.enabled for unit in units(setting, base)]
        bound = [part.sort for formula in formulas for part in subterms(formula) if part.operator == "variable"]
        assert set(bound) <= set(NUMERIC)


def test_what_a_step_leaves_alone_is_no_change_of_it() -> None:
    found = encoded(OPTIONS.format(network="reliable"), 2)
    (unit,) = (unit for unit in found.units if unit.step is StepKind.INPUT)
    assert set(unit.changes) == {
        *("node.level", "node.level.given", "node.role", "node.role.given"),
        *("sent/tell", "end/node/node"),
    }


CROWDED = """
protocol crowded
type color = red | green

process node ordered:
    durable seen: map from server to nat = 0
    durable known: map from node to set of server = {{}}
    votes: set of node = {{}}
    next_one: node? = none
    shade: color = red
    leads: bool = false
    timer tick: 10 ms

process server:
    owner: node? = none
    helpers: set of server = {{}}
    times: int 0..2 = 0

message ask(votes: set of node, shade: color?, to: node?) from node to server
message pass_on(n: int 0..2) from node to node
message granted(n: nat, helpers: set of server) from server to node
message also() from server to node

define free(s: set of node) at node: {{m in s if m != self and not (m in votes)}}

procedure tell(n: int 0..2) at node:
    send pass_on(n) to successor(self)
    send pass_on(max(n - 1, 0)) to successor(self)
    if next_one != none: send pass_on(n) to next_one
    broadcast pass_on(0)

on start at node:
    reset tick
    known[self] := server
on timeout tick at node if size(votes) < 2:
    let mine = votes + {{predecessor(self)}}
    for s in server:
        seen[s] := seen[s] + 1
        if seen[s] > 1: send ask(mine, none, self) to s
        send ask({{self}}, shade, none) to s
    votes := mine & node
    reset tick
on timeout tick at node:
    tell(1)
    next_one := if self < successor(self) then successor(self) else none
on pass_on(n) from m if m in free(node): tell(n)
on pass_on(n) from m:
    shade := if n == 0 then green else red
    for k in free({{m}}): known[k] := known[k] - {{}}
on ask(v, c, t) from n if c in {{none, green}}:
    owner := t
    times := times + size(v)
    send also() to n
    send granted(times, helpers) to n
    send also() to n
on ask(v, c, t) from n:
    helpers := helpers + {{self}}
    owner := if owner == none then n else owner
    if times == 0: send granted(size(helpers), helpers & server) to owner
    elif owner != n: broadcast also()
    else: assert c != red or helpers != {{}}
on granted(n, h) from s:
    seen[s] := n
    known[self] := known[self] + h
    leads := exists x in h: x in known[self] and seen[x] == n
on also() from s: seen := 0
input choose(one: node?, c: color) at node if one != next_one:
    next_one := one
    shade := c
action fail at server if times == 2 and owner != none: unreachable

leader at node if leads with token size(votes),
    elected by {{n in node if n.next_one == self or n in votes}}

safety granted_first:
    forall granted(n, h) from s to m before also(): exists x in h: s.helpers != {{}} and n > 0 and m.seen[x] < n
safety remembered: forall n led with t: exists m in node: t >= size(m.votes) and up(n)

network: {network}
faults: crash up to 2, partition, restart, disk loss up to 1
"""


@pytest.mark.parametrize("network", ["reliable", "loss, duplication", "loss, reordering", "duplication, reordering"])
def test_kinds_sets_maps_rings_and_queues(network: str) -> None:
    found = encoded(CROWDED.format(network=network), 2, 2)
    setting = found.setting
    base = base_view(setting)
    states = states_of(found, 3)
    claims = [*declared(setting, (PropertyKind.SAFETY,)), *standard(setting)]
    items = {item.name: item for item in checked(found.model)}
    for state in states:
        compared(found, state)
        evaluation = Evaluation(setting, {**quorum_tables(setting), **tables_of(setting, state)})
        for claim in claims:
            if claim.name in items:
                violated = found_in_state(found.model, items[claim.name], state)
                assert evaluation.is_true(claim.holds(base)) != violated, (claim.name, state)


def test_a_handler_s_messages_are_queued_in_its_order() -> None:
    """Several sends to one receiver, of two messages, some within an `if`."""
    found = encoded(CROWDED.format(network="reliable"), 2, 1)
    node, server = Name("node", 0), Name("server", 0)
    (start,) = walked(found.model, random.Random(0), 1)
    ask = Packet("ask", node, server, (frozenset({0}), None, 1))
    made = compared(found, start._replace(links=frozenset({Link(node, server, (ask, ask))})))
    (after,) = (after for kind, me, _, _, after in made if kind is StepKind.DELIVER and me == server)
    assert after is not None
    queues = {(link.sender, link.receiver): [packet.message for packet in link.queue] for link in after.links}
    assert queues == {(node, server): ["ask"], (server, node): ["also", "granted", "also"]}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_steps_of_a_shipped_spec(path: Path) -> None:
    found = encoded(path.read_text(encoding="utf-8"))
    for state in states_of(found, 1):
        compared(found, state)


def twice_bound(term: Term, bound: frozenset[Term] = frozenset()) -> bool:
    """Whether a quantifier binds what is bound already where it stands, or what is no variable."""
    if term.operator in ("forall", "exists"):
        here = term.arguments[:-1]
        if bound & set(here) or any(one.operator != "variable" for one in here):
            return True
        bound |= set(here)
    return any(twice_bound(part, bound) for part in term.arguments if free_variables(part) or part.operator != "apply")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_no_variable_is_captured(path: Path) -> None:
    """Also of any number of processes, and where what a step changes is written out."""
    protocol, _ = check(Source(path.name, path.read_text(encoding="utf-8")))
    for size in (2, None):
        setting = Setting(protocol, (size,) * len(protocol.kinds), protocol.network, protocol.faults)
        base = base_view(setting)
        try:
            steps = units(setting, base)
            claims = [*standard(setting), *assumed(setting), *declared(setting, (PropertyKind.SAFETY,))]
            formulas = [claim.holds(view) for claim in claims for view in (base, *(unit.after(base) for unit in steps))]
        except Unprovable:
            continue
        formulas += [formula for unit in steps for formula in (unit.enabled, unit.fails)]
        assert not any(free_variables(formula) or twice_bound(formula) for formula in formulas)
