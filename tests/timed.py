"""Small protocols with time that between them use all that can be said of it, to hold readers against each other."""

from __future__ import annotations

WATCH = """
protocol watch
process node:
    alone: bool = false
    timer patience: 2 s .. 3 s
    timer beat: 1 s
message ping()
timed: tick 1 s
network: loss
on start:
    reset patience
    reset beat
on timeout beat:
    broadcast ping()
    reset beat
on ping() from other:
    alone := false
    reset patience
on timeout patience:
    alone := true
safety in_time: forall n in node: n.elapsed(patience) <= 3
safety ALONE
reachable late: exists n in node: n.elapsed(patience) == 3
check small: 2 nodes, channel <= 1
"""
"""A timer with a range. What is violated, where it says so, takes several ticks and lost messages."""

DRIFT = """
protocol drifting
process node:
    due: bool = false
    tries: nat = 0
    timer short: 2 s
    timer long: 4 s
message hello(tries: nat)
timed: tick 1 s, drift 1 in 10, offset 500 ms
network: loss, duplication, reordering
faults: drift, restart of node up to 1
on start:
    reset short
    reset long
on timeout short if tries < 1:
    tries := tries + 1
    broadcast hello(tries)
    reset short
on hello(t) from other if t > tries:
    tries := t
on timeout long:
    due := true
    stop short
safety CLAIM
step counts_on: next(tries) >= tries or not next(due)
reachable early: exists n in node: n.due and n.tries == 0
check small: 2 nodes, tries <= 1
"""
"""Drift and offset; a growing set; a timer that nothing handles at times; a restart."""

LEASE = """
protocol lent
process client:
    asking: bool = false
    holds: bool = false
    timer asked: 1 s
    timer own: 2 s
    timer again: 1 s
process owner:
    lent_to: client? = none
    timer lent: 2 s
message ask() from client to owner
message lend() from owner to client
timed: tick 1 s, free again
network: loss
faults: FAULTS
on start at client:
    reset again
on timeout again if not holds and not asking:
    asking := true
    broadcast ask()
    reset asked
on timeout asked:
    asking := false
on ask() from c if lent_to in {none, c}:
    lent_to := c
    reset lent
    send lend() to c
on timeout lent:
    lent_to := none
on lend() from o if asking:
    asking := false
    holds := true
    reset own since asked
    stop asked
on timeout own:
    holds := false
    reset again
safety one_holds without pause: forall a, b in client: a.holds and b.holds implies a == b
safety who_pauses_is_up: forall c in client: paused(c) implies up(c)
reachable asleep: exists c in client: c.holds and paused(c) and c.elapsed(own) == 2
reachable two_hold: forall c in client: c.holds
check small: 2 clients, 1 owner, channel <= 1
"""
"""A free timer; a timer that counts from another's reset; pauses of one kind. What is stated without pauses."""

FREE = """
protocol free_first
process node:
    count: int 0..2 = 0
    timer whenever: 5 s
    timer after: 2 s
timed: tick 1 s, free whenever
faults: pause up to 1
on start:
    reset whenever
on timeout whenever if count < 2:
    count := count + 1
    reset whenever
action begin if count == 1:
    count := 2
    reset after since whenever
on timeout after:
    count := LEFT
    stop whenever
action again if count == 0:
    reset whenever
safety is_counted: not (exists n in node: n.armed(after) and n.elapsed(after) < 0)
reachable overdue: exists n in node: n.elapsed(after) == 2 and paused(n)
check small: 2 nodes
"""
"""A free timer that another counts from, from wherever it is then."""

NAPS = """
protocol naps
process node:
    done: bool = false
    heard: set of node = {}
    timer work: 1 s .. 2 s
message poke(about: node?)
timed: tick 1 s, pause 2 s
network: reliable
faults: pause up to 1, crash of node up to 1, partition up to 1
on start:
    reset work
    broadcast poke(none)
on timeout work:
    done := true
    broadcast poke(self)
on poke(who) from other if not done:
    heard := heard + {other}
    if who != none:
        stop work
safety CLAIM
reachable long_nap: exists n in node: paused(n) and n.elapsed(work) == 2
check small: 2 nodes, channel <= 2
"""
"""Pauses with a limit; crashes, partitions and pauses together; messages to those who are paused or down."""

LATE = """
protocol late
process node:
    durable last: node? = none
    far: bool = false
    timer wait: 2 s
message first(who: node?, far: bool)
message second(far: bool)
timed: tick 1 s, delay 2 s
network: loss
faults: pause up to 1, crash up to 1, partition up to 1
on start:
    reset wait
on timeout wait if not far:
    far := true
    broadcast first(last, far)
    broadcast second(far)
on first(who, f) from other:
    last := if who == none then other else who
on second(f) from other if f and last == none:
    reset wait
safety CLAIM
step keeps: next(last) != none or last == none
reachable both: exists n in node: n.last != none and n.far
check small: 2 nodes, channel <= 2
"""
"""A delay where the order is kept: what is late holds up time, but not for who is down, paused or out of reach."""

BAG = """
protocol bags
process node:
    seen: nat = 0
    whom: node? = none
    timer wait: 1 s .. 2 s
message note(seen: nat, about: node?, loud: bool)
message done()
timed: tick 500 ms, delay 1 s
network: loss, reordering
faults: pause of node up to 1
on start:
    reset wait
on timeout wait if seen < 1:
    seen := seen + 1
    broadcast note(seen, whom, whom == none)
    broadcast note(seen, whom, whom == none)
on note(s, about, loud) from other if loud or s > seen:
    whom := other
    seen := max(seen, s)
    send done() to other
safety CLAIM
reachable met: forall n in node: n.whom != none
check small: 2 nodes, seen <= 1, channel <= 3
"""
"""A delay where messages overtake each other: two equal ones of two ages, and ages that become one."""

TWICE = """
protocol twice
process sender:
    sent: int 0..2 = 0
    timer beat: 1 s
process receiver:
    durable got: int 0..3 = 0
    calm: bool = false
    timer quiet: 3 s
message tell(number: int 0..2) from sender to receiver
timed: tick 1 s, delay 1 s
network: duplication
faults: pause of receiver up to 1, restart of receiver up to 1, disk loss of receiver up to 1
on start at sender:
    reset beat
on timeout beat if sent < 2:
    broadcast tell(sent)
    sent := sent + 1
    reset beat
on start at receiver:
    reset quiet
on tell(n) from s if n == got:
    got := got + 1
    calm := false
    reset quiet
on timeout quiet:
    calm := true
input forget() at receiver if calm:
    got := 0
    calm := false
safety CLAIM
step one_by_one at receiver: next(got) <= got + 1
reachable all at receiver: got == 2 and calm
check small: 1 sender, 1 receiver, channel <= 2
"""
"""Messages that come twice, in order, with a delay; faults of one kind of process; an input, and what comes at rest."""

RING = """
protocol beats
process node ordered:
    leads: bool = false
    last: node? = none
    timer lost: 2 s
    timer beat: 1 s
message beat_of(who: node)
timed: tick 1 s, drift 1 in 20
network: reordering
faults: pause, drift
on start:
    reset lost
on timeout lost:
    leads := true
    reset beat
on timeout beat if leads:
    send beat_of(self) to successor(self)
    reset beat
on beat_of(who) from other if who != self:
    last := who
    leads := leads and who < self
    reset lost
leader if leads with token 1
safety CLAIM
reachable heard: exists n in node: n.last == predecessor(n)
check small: 2 nodes, channel <= 1
"""
"""Processes in an order, pauses without a limit, drift; more than one leads."""

SLEPT = """
protocol slept
process client:
    holding: bool = false
    token: nat = 0
    timer lease: 10 s
process storage:
    durable last_token: nat = 0
    durable holder: client? = none
    newest: nat = 0
    timer taken: 25 s
message ask() from client to storage
message granted(token: nat) from storage to client
message write(token: nat) from client to storage
timed: tick 5 s, pause 25 s, delay 5 s
network: reliable
faults: pause of client up to 1
input acquire() at client if not holding:
    broadcast ask()
on ask() from asker if holder == none:
    holder := asker
    last_token := last_token + 1
    reset taken
    send granted(last_token) to asker
on timeout taken:
    holder := none
on granted(t) from s:
    holding := true
    token := t
    reset lease
on timeout lease:
    holding := false
input save() at client if holding:
    broadcast write(token)
on write(t) from c:
    newest := t
leader at client if holding with token token, until lease
writes at storage with token newest
check small: 2 clients, 1 storage, last_token <= 2, channel <= 1
"""
"""A client that sleeps while its lease runs out, and then writes: a pause and several ticks."""

HOLDS = "holds: true"
HOLDING = {
    "watch": WATCH.replace("ALONE", HOLDS),
    "drift": DRIFT.replace("CLAIM", HOLDS),
    "lease": LEASE.replace("FAULTS", "none").replace("timer lent: 2 s", "timer lent: 3 s"),
    "lease with pauses": LEASE.replace("FAULTS", "pause of client up to 1"),
    "free": FREE.replace("LEFT", "0"),
    "naps": NAPS.replace("CLAIM", HOLDS),
    "late": LATE.replace("CLAIM", HOLDS),
    "bag": BAG.replace("CLAIM", HOLDS),
    "twice": TWICE.replace("CLAIM", HOLDS),
    "ring": RING.replace("CLAIM", HOLDS).replace("leader if leads", "leader if false"),
}
VIOLATED = {
    "watch": WATCH.replace("ALONE", "never_alone: not alone"),
    "drift": DRIFT.replace("CLAIM", "at_first: not (exists n in node: n.due and n.elapsed(short) < 0)"),
    "lease": LEASE.replace("FAULTS", "none"),
    "free": FREE.replace("LEFT", "1"),
    "naps": NAPS.replace("CLAIM", "awake: not (exists n in node: paused(n) and n.done and n.heard != {})"),
    "late": LATE.replace(
        "CLAIM", "in_a_tick: forall first(w, f) from p to q: p.elapsed(wait) < 1 or q.elapsed(wait) < 1"
    ),
    "bag": BAG.replace("CLAIM", "met_early: forall n in node: n.whom == none or n.elapsed(wait) < 2"),
    "twice": TWICE.replace("CLAIM", "less: forall r in receiver: not r.calm or r.got < 2 or r.elapsed(quiet) == 0"),
    "ring": RING.replace("CLAIM", HOLDS),
}
