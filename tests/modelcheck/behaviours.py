"""Small protocols, right and wrong, and the shortest ways to a violation in them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from modelcheck.bounds import caps
from modelcheck.explain import STANDARD, explain, explain_failure, explain_standard, explain_witness, holds
from modelcheck.model import Model, State, Successor
from modelcheck.semantics import initial, steps
from modelcheck.story import describe_step
from modelcheck.trace import Trace, Violation
from spec.check import check
from spec.protocol import Bound, Property, PropertyKind, Protocol
from spec.source import Source

RAFT = (Path(__file__).parents[1] / "oracles" / "raft_election.elect").read_text(encoding="utf-8")

FORGETFUL = RAFT.replace("durable voted_for", "voted_for").replace("protocol raft_election", "protocol forgetful")
"""Raft in which a restart forgets whom one has voted for."""


def model_of(text: str, *sizes: int, limits: dict[str, int] | None = None, channel: int = 2) -> Model:
    """The model of a spec's text; `limits` are its bounds, `kind.variable` to limit."""
    protocol, _ = check(Source("example.elect", text))
    bounds = tuple(
        Bound(place.partition(".")[0], place.partition(".")[2], limit) for place, limit in (limits or {}).items()
    )
    return Model(protocol, sizes, caps(protocol, sizes, bounds), protocol.network, protocol.faults, channel)


def property_of(protocol: Protocol, name: str) -> Property:
    return next(p for p in protocol.properties if p.name == name)


def shortest(model: Model, until: Callable[[State | None, Successor], bool]) -> tuple[State, tuple[Successor, ...]]:
    """The initial state and the steps of a shortest behaviour whose last step (the state before it is given, too)
    is as asked; breadth first."""
    start = initial(model)
    assert start.state is not None
    if until(None, start):
        return start.state, ()
    came: dict[State, tuple[State, Successor] | None] = {start.state: None}
    for state in came_in_order(came):
        for successor in steps(model, state):
            if successor.beyond is None and until(state, successor):
                way = [successor]
                at = came[state]
                while at is not None:
                    way.append(at[1])
                    at = came[at[0]]
                return start.state, tuple(reversed(way))
            if successor.state is not None and successor.beyond is None:
                came.setdefault(successor.state, (state, successor))
    raise AssertionError("no behaviour does this")


def came_in_order(came: dict[State, tuple[State, Successor] | None]) -> Iterator[State]:
    """The states found so far and those found meanwhile, oldest first."""
    queue = list(came)
    seen = len(queue)
    while queue:
        yield from queue
        queue = list(came)[seen:]
        seen += len(queue)


def violation_of(model: Model, name: str) -> Trace:
    """The shortest trace to a violation of a property: the spec's own or a standard one."""
    if name in STANDARD:
        return _trace_to(model, lambda state: explain_standard(model, name, state))
    claim = property_of(model.protocol, name)
    by_step = claim.kind is PropertyKind.STEP

    def false(before: State | None, last: Successor) -> bool:
        if last.state is None or (by_step and before is None):
            return False
        return not (holds(model, claim, before, last.state) if by_step and before else holds(model, claim, last.state))

    start, way = shortest(model, false)
    states = Trace(model, start, way).states
    violation = explain(model, claim, *(states[-2:] if by_step else states[-1:]))
    return Trace(model, start, way, violation)


def failure_of(model: Model) -> Trace:
    """The shortest trace to a step that fails."""
    start, way = shortest(model, lambda _, last: last.failure is not None)
    assert way[-1].failure is not None
    return Trace(model, start, way, explain_failure(model, way[-1].failure))


def witness_of(model: Model, name: str) -> Trace:
    """The shortest trace to a state in which a `reachable` property is true."""
    claim = property_of(model.protocol, name)
    start, way = shortest(model, lambda _, last: last.state is not None and _fits(last.state, model, claim))
    return Trace(model, start, way, None, name)


def _fits(state: State, model: Model, claim: Property) -> bool:
    try:
        explain_witness(model, claim, state)
    except ValueError:
        return False
    return True


def _trace_to(model: Model, explained: Callable[[State], Violation]) -> Trace:
    """The shortest trace to a state of which there is something to explain."""

    def until(_: State | None, last: Successor) -> bool:
        if last.state is None:
            return False
        try:
            explained(last.state)
        except ValueError:
            return False
        return True

    start, way = shortest(model, until)
    return Trace(model, start, way, explained(Trace(model, start, way).states[-1]))


def run(model: Model, *descriptions: str, violation: Violation | None = None, witness: str = "") -> Trace:
    """The trace of the steps that are called so."""
    start = initial(model).state
    assert start is not None
    state, way = start, []
    for description in descriptions:
        possible = {describe_step(model, successor.step): successor for successor in steps(model, state)}
        assert description in possible, f"{description!r} is none of {list(possible)}"
        way.append(possible[description])
        state = way[-1].state or state
    return Trace(model, start, tuple(way), violation, witness)


SPLIT = """protocol split

"Whoever hears nothing for a while leads: two leaders as soon as the network is cut."

process node:
    durable epoch: nat = 0
    role: follower | leader = follower
    heard: map from node to nat = 0
    timer silence: 300 ms

message i_lead(epoch: nat)
message welcome(epoch: nat, followed: node?)

network: loss
faults: restart, crash up to 1, disk loss up to 1, partition up to 1

on start:
    reset silence

on timeout silence if role == follower:
    role := leader
    epoch := epoch + 1
    broadcast i_lead(epoch)

on i_lead(e) from new if e >= epoch:
    epoch := e
    role := follower
    heard[new] := e
    send welcome(e, new) to new
    reset silence

on welcome(e, followed) from follower_of_mine if e == epoch:
    heard[follower_of_mine] := e

leader if role == leader with token epoch

safety one_leader "no two nodes lead at once": forall n, m in node: n.role == leader and m.role == leader implies n == m
step epochs_grow: next(epoch) >= epoch
reachable someone_leads: exists n in node: n.role == leader and quorum({m in node if m.heard[n] == n.epoch} + {n})
"""


@cache
def split_trace(nodes: int = 3) -> Trace:
    """A run in which all that can go wrong does: losses, a crash, a lost disk, a partition, two leaders."""
    model = model_of(SPLIT, nodes, limits={"node.epoch": 2})
    rest = ", ".join(f"node{number}" for number in range(3, nodes + 1))
    others = f"{{{rest}}}" if nodes <= 5 else "the others"
    trace = run(
        model,
        "node1: timeout silence",
        "i_lead(1) from node1 to node3 is lost",
        "node2 receives i_lead(1) from node1",
        "node2 crashes",
        "node1 receives welcome(1, node1) from node2",
        f"partition: {{node1, node2}} | {others}",
        "node2 comes up again",
        "node1 crashes and restarts",
        "node1: timeout silence",
        "node2 loses its disk and restarts",
        "node3: timeout silence",
    )
    violation = explain(model, property_of(model.protocol, "one_leader"), trace.states[-1])
    return replace(trace, violation=violation)


@cache
def forgetful_trace(nodes: int = 3) -> Trace:
    """Two leaders of one term, because a voter forgot its vote in a restart."""
    return violation_of(model_of(FORGETFUL, nodes, limits={"node.term": 1}), "one_leader_now")
