"""Small protocols that between them use all of the language, for tests of the native explorer."""

from __future__ import annotations

from modelcheck.bounds import caps
from modelcheck.model import Model
from spec.check import check
from spec.protocol import Bound, Fault, Network
from spec.source import Source


def model(text: str, sizes: tuple[int, ...], bounds: dict[str, int] | None = None, channel: int = 1) -> Model:
    protocol, _ = check(Source("test.elect", text))
    limits = tuple(
        Bound(kind.name, variable.name, (bounds or {})[variable.name])
        for kind in protocol.kinds
        for variable in kind.variables
        if variable.name in (bounds or {})
    )
    return Model(protocol, sizes, caps(protocol, sizes, limits), protocol.network, protocol.faults, channel)


def with_network(of: Model, network: Network, faults: tuple[Fault, ...] | None = None, channel: int = 1) -> Model:
    return Model(of.protocol, of.sizes, of.caps, network, of.faults if faults is None else faults, channel)


VOTING = """
protocol voting

process node:
    durable term: nat = 0
    durable voted_for: node? = none
    role: follower | candidate | leader = follower
    votes: set of node = {}
    timer election: 300 ms .. 500 ms

message request(term: nat)
message vote(term: nat)

network: loss, duplication, reordering
faults: restart

on start:
    reset election

on timeout election if role != leader:
    term := term + 1
    role := candidate
    voted_for := self
    votes := {self}
    broadcast request(term)
    reset election

on request(t) from candidate:
    if t > term:
        term := t
        voted_for := none
        role := follower
        votes := {}
    if t == term and voted_for in {none, candidate}:
        voted_for := candidate
        send vote(term) to candidate

on vote(t) from voter if role == candidate and t == term:
    votes := votes + {voter}
    if quorum(votes):
        role := leader
        votes := {}

leader if role == leader with token term,
    elected by {n in node if n.term > term or n.term == term and n.voted_for == self}

step term_never_decreases: next(term) >= term
reachable led: role == leader
"""

MAPS = """
protocol maps

type colour = red | green | blue

process node:
    seen: map from node to colour? = none
    friends: map from node to set of node = {}
    best: node? = none
    level: int 1..3 = 1
    pair: map from node to node? = none

message hello(c: colour, about: node?)
message group(all: set of node)

network: loss, duplication, reordering
faults: disk loss up to 1

action greet if level < 3:
    level := level + 1
    let c = if level == 2 then red else blue
    broadcast hello(c, best)

on hello(c, about) from who:
    seen[who] := c
    best := who
    friends[who] := friends[who] + {self, who}
    if about != none:
        pair[who] := about
    for n in {m in node if seen[m] == red}:
        pair[n] := who
    if size(friends[who]) == 2 and level == 2:
        send group({n in node if seen[n] != none}) to who

on group(all) from who if who in all or self in all:
    friends[self] := all

input forget(n: node, really: bool) if really and pair[n] != none:
    pair[n] := none
    seen := none

safety nothing_green: forall k in node: seen[k] != green
reachable pointed: exists n in node: n.best != none and n.pair[n] != none
"""

CONDITIONS = """
protocol conditions

"Conditions on a message in many forms: which messages may do something is told from them before any is delivered."

type colour = red | green | blue

process node:
    level: int 1..3 = 1
    shade: colour = red
    peer: node? = none
    heard: bool = false

message note(c: colour, number: int 1..3, about: node, sure: bool)
message short(number: int 1..3)

network: loss, duplication, reordering

action rise if level < 3 and not heard:
    level := level + 1
    shade := if shade == red then green else blue
    broadcast short(level)
    for n in node - {self}:
        send note(shade, level, n, shade == blue) to n

on note(c, number, about, sure) from who if c == shade and (number <= level or not sure) and about == self:
    if peer == none or not (number != level):
        peer := who
    elif level > number and exists n in node: n == who:
        heard := true

on note(c, number, about, sure) from who if sure implies number - 1 == level:
    if c in {shade, blue} and level < number:
        level := number
    if about == peer:
        heard := sure

on short(number) from who if number >= level:
    if who == peer:
        heard := true
    elif number in {2, level} and not heard:
        peer := who

safety fine: level >= 1
"""

RING = """
protocol ring

process node ordered:
    role: quiet | candidate | leader = quiet
    sent: bool = false

message token(id: node)

network: loss

action begin if not sent and role == quiet:
    sent := true
    role := candidate
    send token(self) to successor(self)

on token(id) from before:
    if id > self:
        send token(id) to successor(self)
    elif id == self:
        role := leader
    else:
        pass

safety largest: role == leader implies forall n in node: n <= self
reachable done: exists n in node: n.role == leader
"""

LOCK = """
protocol lock

process client:
    state: idle | waiting | holding = idle
    token: nat = 0

process service:
    holder: client? = none
    counter: nat = 0
    queue: set of client = {}

message acquire() from client to service
message grant(token: nat, waiters: set of client) from service to client
message release() from client to service

network: loss, reordering
faults: crash up to 1, partition up to 1

input want() at client if state == idle:
    state := waiting
    broadcast acquire()

on acquire() from c:
    if holder == none:
        counter := counter + 1
        holder := c
        send grant(counter, queue) to c
    elif c != holder:
        queue := queue + {c}

on grant(t, waiters) from s if state == waiting:
    state := holding
    token := max(t, token)
    if self in waiters:
        assert t >= 1

action finish at client if state == holding:
    state := idle
    broadcast release()

on release() from c if holder == c:
    holder := none
    queue := queue - {c}

leader at client if state == holding with token token
"""

FAILING = """
protocol failing

process node:
    credit: nat = 2
    level: int 0..2 = 0
    other: node? = none

message pay(amount: nat)

network: reordering
faults: restart up to 1

action spend if level < 2:
    level := level + 1
    broadcast pay(level)

on pay(a) from who:
    credit := credit - a
    other := who
    send pay(1) to self

step never_poor: next(credit) >= 1 or credit == 0
"""

ORDERED_LINK = """
protocol ordered_link

process node:
    last: nat = 0
    next_one: nat = 0
    got: map from node to nat = 0

message number(n: nat, from_whom: node)

network: loss, duplication
faults: crash, partition up to 2

action say if next_one < 2:
    next_one := next_one + 1
    broadcast number(next_one, self)

on number(n, origin) from who:
    got[who] := n
    last := max(last, n)
    if n == 2 and origin != self:
        send number(1, origin) to origin

safety increasing: forall k in node: got[k] <= 2
reachable second: last == 2
"""

NEGATIVE = """
protocol negative

process node:
    term: nat = 0
    last: nat? = none
    level: int -1..1 = 0
    other: int -1..1? = none

message ask(of: nat)

network: loss, duplication, reordering

input lower(by: int 0..2):
    level := level - by
    other := level

action store:
    term := level
    send ask(level) to self
    term := level + 1

action remember if level != 1:
    last := other
    broadcast ask(if last == none then 0 else 1)
"""
