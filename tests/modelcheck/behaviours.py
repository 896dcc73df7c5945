"""Small protocols, right and wrong, and the shortest ways to a violation in them."""

from dataclasses import replace
from functools import cache
from pathlib import Path

from modelcheck.bounds import caps
from modelcheck.explain import explain, explain_failure, explain_standard
from modelcheck.model import Model
from modelcheck.outcome import Hit, Limits
from modelcheck.properties import Checked
from modelcheck.python_engine import PythonSearch
from modelcheck.semantics import initial, steps
from modelcheck.story import describe_step
from modelcheck.trace import Trace, Violation
from spec.check import check
from spec.protocol import Bound, Property, Protocol
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


def found(model: Model, name: str) -> Trace:
    """The shortest trace to a violation of a property (the spec's own or a standard one), to a step that fails
    (`failure`), or to a witness of a `reachable` property."""
    for limits in (Limits(), Limits(stop_at_violation=False)):
        search = PythonSearch(model, limits)
        hits = {hit.checked.name: hit for hit in search.run().hits}
        if name in hits:
            return _trace(search, hits[name])
    raise AssertionError(f"{name} is never found")


def _trace(search: PythonSearch, hit: Hit) -> Trace:
    trace = search.trace(hit)
    if not hit.checked.is_violation:
        return replace(trace, witness=hit.checked.name)
    return replace(trace, violation=_violation(trace, hit.checked))


def _violation(trace: Trace, item: Checked) -> Violation:
    last = trace.steps[-1] if trace.steps else None
    if last is not None and last.failure is not None:
        return explain_failure(trace.model, last.failure)
    if item.declared is None:
        return explain_standard(trace.model, item.name, trace.states[-1])
    return explain(trace.model, item.declared, *trace.states[-2 if item.in_step else -1 :])


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
    # A cluster of n nodes can be cut in 2 ** (n - 1) ways; one that is large stays whole.
    is_cut = nodes <= 5
    text = SPLIT if is_cut else SPLIT.replace(", partition up to 1", "")
    model = model_of(text, nodes, limits={"node.epoch": 2})
    rest = ", ".join(f"node{number}" for number in range(3, nodes + 1))
    trace = run(
        model,
        "node1: timeout silence",
        "i_lead(1) from node1 to node3 is lost",
        "node2 receives i_lead(1) from node1",
        "node2 crashes",
        "node1 receives welcome(1, node1) from node2",
        *([f"partition: {{node1, node2}} | {{{rest}}}"] if is_cut else []),
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
    return found(model_of(FORGETFUL, nodes, limits={"node.term": 1}), "one_leader_now")


LOCKS = """protocol locks

"A lock service that counts down what it has handed out, and clients of it."

process client:
    holding: bool = false
    wanted: int 0..3 = 0

process service:
    durable holder: client? = none
    free: int 0..1 = 1

message acquire(how_long: int 0..3) from client to service
message granted() from service to client

network: duplication

input lock(how_long: int 0..3) at client if not holding and wanted == 0 and how_long > 0:
    wanted := how_long
    for s in service:
        send acquire(how_long) to s

on acquire(how_long) from asking:
    free := free - 1
    holder := asking
    send granted() to asking

on granted() from s if wanted > 0:
    holding := true

action cheer at client if holding:
    wanted := 0

reachable a_client_holds at client: holding
"""


def witness_trace() -> Trace:
    """A leader that a quorum has welcomed."""
    model = model_of(SPLIT, 2, limits={"node.epoch": 1})
    steps_to_it = (
        "node1: timeout silence",
        "node2 receives i_lead(1) from node1",
        "node1 receives welcome(1, node1) from node2",
        "partition: {node1} | {node2}",
        "the partition heals",
    )
    return run(model, *steps_to_it, witness="someone_leads")


def locks_trace() -> Trace:
    """A duplicate that makes a number fall below its range."""
    model = model_of(LOCKS, 2, 1)
    trace = run(
        model,
        "client2: input lock(2)",
        "service1 receives a copy of acquire(2) from client2",
        "client2 receives granted() from service1",
        "client2: action cheer",
        "service1 receives acquire(2) from client2",
    )
    failure = trace.steps[-1].failure
    assert failure is not None
    return replace(trace, violation=explain_failure(model, failure))
