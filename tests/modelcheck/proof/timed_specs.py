"""Small protocols with time: between them they use all that a `timed` spec can say."""

RANGES = """
protocol ranges
process node:
    count: int 0..3 = 0
    timer quick: 1 s .. 2 s
    timer slow: 3 s
on start:
    reset quick
    reset slow
on timeout quick if count < 3:
    count := count + 1
    reset quick
on timeout slow: count := 0
timed: tick 1 s
network: reliable
safety counted: forall n in node: n.elapsed(quick) <= 2 and (n.armed(slow) implies n.elapsed(slow) >= 0)
"""

DRIFT = """
protocol drift
process node:
    given_up: bool = false
    timer wait: 4 s
process watch:
    timer beat: 2 s .. 3 s
message tell() from watch to node
on start at node: reset wait
on start at watch: reset beat
on timeout beat:
    broadcast tell()
    reset beat
on tell() from w: reset wait
on timeout wait: given_up := true
timed: tick 1 s, drift 1 in 4, offset 500 ms
network: loss
faults: drift
safety waits: forall n in node: n.elapsed(wait) <= 7
"""

SINCE = """
protocol since
process node:
    held: bool = false
    timer asked: 2 s
    timer until: 4 s
    timer other: 5 s
message ask() from node to server
message yes() from server to node
process server:
    n: int 0..1 = 0
on start at node:
    reset asked
    broadcast ask()
on timeout other if held: reset other
on ask() from one: send yes() to one
on yes() from giver if armed_once() and not held:
    held := true
    reset until since asked
    reset other since until
    stop asked
on timeout until:
    held := false
    reset other
define armed_once() at node: held == false
timed: tick 1 s, free other
network: reliable
faults: restart of server up to 1
safety counted: forall n in node: n.held implies n.elapsed(until) >= 0
"""

FREE = """
protocol free
process node:
    turns: int 0..2 = 0
    timer pace: 1 s
    timer last: 2 s
on start:
    reset pace
    reset last
on timeout pace:
    turns := if turns == 2 then 0 else turns + 1
    reset pace
on timeout last if turns == 1:
    reset last
timed: tick 1 s, free pace
network: duplication, reordering
safety some: exists n in node: n.turns <= 2
"""

PAUSES = """
protocol pauses
process node:
    x: int 0..2 = 0
    timer t: 1 s .. 2 s
message m(x: int 0..2)
on start: reset t
on timeout t:
    broadcast m(x)
    reset t
on m(y) from s: x := y
input put(z: int 0..2) at node if z != x: x := z
action up_by_one at node if x == 0: x := 1
timed: tick 1 s
network: loss, reordering
faults: pause up to 2
safety fine: forall n in node: paused(n) or n.elapsed(t) <= 2
"""

LIMITED_PAUSES = """
protocol limited
process node:
    x: bool = false
    timer t: 2 s
process other:
    timer u: 1 s
message m() from node to other
message r() from other to node
on start at node: reset t
on start at other: reset u
on timeout t:
    broadcast m()
    reset t
on timeout u: reset u
on m() from s:
    send r() to s
    reset u
on r() from s: x := not x
timed: tick 1 s, pause 3 s
network: loss
faults: pause of node, crash of other up to 2, restart of node up to 1
safety fine: forall n in node: paused(n) implies up(n)
"""

DELAY = """
protocol delay
process node:
    x: int 0..2 = 0
    timer t: 1 s
message m(x: int 0..2, y: bool)
message late()
on start: reset t
on timeout t:
    broadcast m(x, x == 1)
    broadcast late()
    reset t
on m(a, b) from s if not b: x := if a == 2 then 0 else a + 1
on late() from s: pass
timed: tick 1 s, delay 2 s
network: {network}
faults: {faults}
safety young: forall m(a, b) from s to r: a <= 2
safety ahead: forall m(a, b) from s to r before late(): b or a < 2 or s != r
"""

SPECS = {
    "ranges": RANGES,
    "drift": DRIFT,
    "since": SINCE,
    "free": FREE,
    "pauses": PAUSES,
    "limited_pauses": LIMITED_PAUSES,
    "delay": DELAY.format(network="reliable", faults="pause"),
    "delay_loss": DELAY.format(network="loss", faults="pause, crash up to 1"),
    "delay_reordering": DELAY.format(network="loss, reordering", faults="partition"),
    "delay_duplication": DELAY.format(network="loss, duplication", faults="pause of node up to 1"),
}
"""By name."""
WITH_DELAY = tuple(name for name in SPECS if name.startswith("delay"))
