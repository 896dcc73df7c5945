"""Small protocols that between them use every construct of the language, to hold the exporters against."""

from __future__ import annotations

from pathlib import Path

from codegen.instance import Instance
from modelcheck.check import Options, models_of
from modelcheck.model import Model
from spec.check import check, load
from spec.source import Source

ORACLES = Path(__file__).parent / "oracles"
SHIPPED = Path(__file__).parent.parent / "spec" / "protocols"
UNTIMED = [path for path in sorted(SHIPPED.glob("*.elect")) if "\ntimed" not in path.read_text(encoding="utf-8")]
"""The shipped specs in which no time passes. Of the others `lease` is held against Rumur."""

BAG = """
protocol bag
process node:
    seen: nat = 0
    last: node? = none
    mood: calm | busy = calm
message note(count: nat, about: node?, loud: bool)
message done(was: calm | busy)
network: loss, reordering
action begin if mood == calm and seen < 2:
    mood := busy
    broadcast note(seen + 1, last, last == none)
on note(c, about, loud) from other if loud or c > seen:
    seen := max(seen, c)
    last := if about == none then other else about
    send done(mood) to other
on done(was) from other if was == mood:
    mood := calm
safety calm_or_busy: mood in {calm, busy}
reachable someone_knows: exists n in node: n.last != none
check small: 2 nodes, seen <= 2, channel <= 1
check crowded: 2 nodes, seen <= 1, channel <= 2
check three: 3 nodes, seen <= 1, channel <= 1
"""

QUEUES = """
protocol queues
process node:
    next_number: nat = 0
    got: set of node = {}
    count: int 0..3 = 0
message item(number: nat, seen: set of node)
message stop_it(who: node?)
network: NETWORK
on start:
    broadcast stop_it(none)
action open if got == {}:
    got := {self}
    send item(0, {}) to self
    broadcast item(0, {})
on item(k, s) from other if k <= next_number:
    next_number := max(next_number, k + 1)
    got := got + s + {other}
    if size(s & {self, other}) < 2:
        send item(next_number, got - {self}) to other
on stop_it(w) from other if w == none and count < 3:
    count := count + 1
    send stop_it(self) to other
step numbers_grow: next(next_number) >= next_number
reachable far: exists n in node: n.next_number == 2
check small: 2 nodes, next_number <= 2, channel <= 2
"""

RING = """
protocol ring
process node ordered:
    state: idle | running | elected = idle
    winner: node? = none
message probe(best: node)
message crowned(who: node)
network: NETWORK
action stand if state == idle:
    state := running
    send probe(self) to successor(self)
on probe(p) from s if p > self:
    send probe(p) to successor(self)
on probe(p) from s if p < self and state == idle:
    state := running
    send probe(self) to successor(self)
on probe(p) from s if p == self:
    state := elected
    winner := self
    send crowned(self) to successor(self)
on crowned(w) from s if w != self:
    winner := w
    state := idle
    send crowned(w) to successor(self)
define in_place(p: node): predecessor(successor(p)) == p
leader if state == elected with token 1
safety agreement: forall n, m in node: n.winner != none and m.winner != none implies n.winner == m.winner
safety in_a_ring: winner == self implies in_place(self) and forall n in node: n <= self
reachable someone_wins: exists n in node: n.state == elected
check small: 3 nodes, channel <= 1
check larger: 4 nodes, channel <= 1
"""

LOCKS = """
protocol locks
process client:
    holding: nat = 0
    seen: nat? = none
    waiting: bool = false
    timer patience: 100 ms
process server:
    durable next_token: nat = 1
    durable holder: client? = none
    durable queue: set of client = {}
message acquire() from client to server
message grant(token: nat) from server to client
message release(token: nat) from client to server
network: loss, duplication, reordering
faults: restart up to 1, crash up to 1, disk loss up to DISK
input acquire_lock(urgent: bool) at client if not waiting:
    waiting := true
    broadcast acquire()
    if urgent:
        reset patience
on timeout patience at client if waiting:
    broadcast acquire()
on acquire() from c if holder == none:
    holder := c
    queue := queue - {c}
    send grant(next_token) to c
    next_token := next_token + 1
on acquire() from c if holder != c:
    queue := queue + {c}
on grant(t) from s if waiting:
    holding := t
    seen := if seen == none or t > holding then t else seen
    waiting := false
    stop patience
action give_back at client if holding != 0:
    broadcast release(holding)
    holding := 0
on release(t) from c if holder == c and t + 1 == next_token:
    holder := none
leader at client if holding != 0 with token holding
safety one_holder: forall a, b in client: a.holding != 0 and a.holding == b.holding implies a == b
reachable waited: exists s in server: size(s.queue) > 0
reachable down: exists c in client: not up(c)
check small: 2 clients, 1 server, next_token <= 2
"""

PARTS = """
protocol parts
process node:
    durable known: set of node = {}
    score: map from node to nat = 0
    friend: map from node to node? = none
    circle: map from node to set of node = {}
    ready: bool = false
    timer tick: 100 ms .. 200 ms
message hello(about: set of node)
network: NETWORK
faults: partition up to 1, crash up to 1
define strong(s: set of node, extra: nat): size(s) + extra >= 2
define ranked(n: node): score[n] > 0
define quorum(s: set of node): 2 * size(s) >= size(node)
procedure note(other: node, others: set of node, maybe: node?):
    let before = size(circle[other])
    circle[other] := circle[other] + others
    if size(circle[other]) > before and maybe != none:
        friend[other] := maybe
    elif before == 0:
        friend[other] := none
    score[other] := min(score[other] + 1, 1)
on start:
    known := {self}
    reset tick
on timeout tick:
    for other in node - {self}:
        send hello(known) to other
on hello(s) from other if not other in known or not ready:
    note(other, s - {self}, if ready then none else other)
    for n in s:
        score[n] := 1 - score[n]
        send hello({m in known if m != other} & s) to n
    ready := exists k in known: k in s
    if ready and strong({m in node if ranked(m)}, 0):
        known := {m in node if score[m] == 1 or m in known and size(known) < 2}
        circle[other] := {m in known if circle[other] != known}
step knows_itself: next(size({m in known if m == self})) >= 0 and (known <= next(known) or not next(ready) or up(self))
safety known_quorum: quorum(known) or true
reachable cut_off: exists n in node: size(n.known) == 2 and n.armed(tick)
check small: 2 nodes, score <= 1, channel <= 1
"""

FAILS = """
protocol fails
process node:
    durable level: int 0..2 = 0
    spare: nat = 1
    x: bool = false
    last: node? = none
message poke(level: int 0..2)
network: loss, duplication, reordering
action raise_level if level < 2:
    level := level + 1
    broadcast poke(level)
on poke(k) from s if k == 2:
    {statement}
{property}
check small: 2 nodes, spare <= 2
"""

FAILURES = {
    "assertion": ("assert level < 2", ""),
    "unreachable": ("if level == 2:\n        unreachable", ""),
    "too large": ("level := level + k", ""),
    "negative": ("spare := spare - k", ""),
    "negative argument": ("send poke(level - 2) to s", ""),
    "safety": ("x := true", "safety never: not x or level < 2"),
    "step": ("x := true", "step up_only: next(x) implies level < 2"),
    "unchanged step": (
        "x := true",
        "step something_moves: size({n in node if next(n.level) != n.level or next(n.x) != n.x}) > 0",
    ),
    "sent but unchanged": ("send poke(0) to s", "step something_moves: next(level) != level or level == 0 or x"),
    "step that reads nothing": ("x := true", "step nothing: size(node) < 2"),
    "step of an option": ("last := if last == none then self else none", "step once: next(last) != none"),
    "forgotten leader": ("x := not x", "leader if x and level == 2 with token 1"),
    "backwards": ("spare := if level == 2 then 0 else 1", "leader if level == 2 with token spare"),
    "no quorum": ("x := true", "leader if x with token spare, elected by {n in node if n.level > 1}"),
}
"""What goes wrong, by name: the statement of the last handler, and a property or a leader."""


def model_of(text: str, name: str = "") -> Model:
    """The model of the first size of a check of a protocol; of its first check if none is named."""
    protocol, _ = check(Source("test.elect", text))
    chosen = next(c for c in protocol.checks if name in ("", c.name))
    return models_of(protocol, chosen, Options())[0]


def model_of_file(path: Path, name: str = "") -> Model:
    """The same of a file."""
    protocol, _ = load(path)
    chosen = next(c for c in protocol.checks if name in ("", c.name))
    return models_of(protocol, chosen, Options())[0]


def instance_of(model: Model) -> Instance:
    """What the exporters take."""
    return Instance(
        model.protocol,
        model.sizes,
        model.caps.variables,
        model.caps.arguments,
        model.caps.token,
        model.network,
        model.faults,
        model.channel,
    )


def with_network(text: str, network: str) -> str:
    """One of the protocols above that leave their network open."""
    return text.replace("NETWORK", network)


def fails(name: str) -> str:
    """A protocol that goes wrong in the named way."""
    statement, prop = FAILURES[name]
    return FAILS.format(statement=statement, property=prop)
