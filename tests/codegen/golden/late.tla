-------------------------------- MODULE late ---------------------------------
\* The protocol `late`, made by Oneleader from test.elect.
\*
\* network: loss
\* faults: pause up to 1, crash up to 1, partition up to 1
\* time: ticks of 1 s; clocks are true, a pause lasts any time, a message takes at most 2 s
\*       by true time, timers take: wait 2 s
EXTENDS Integers, FiniteSets, Sequences, TLC

CONSTANTS node, none, max_channel, max_pauses, max_crashes, max_partitions

VARIABLES last, far, elapsed_wait, paused, wait_armed, up, links, sides, pauses, crashes, partitions


\* All processes; the two sides of the network, if it is cut in two.
Processes == node
Connected(r, l) == \A k \in sides : (r \in k) <=> (l \in k)

\* on start:
\*     reset wait
Init ==
  /\ last = [self \in node |-> none]
  /\ far = [self \in node |-> FALSE]
  /\ elapsed_wait = [self \in node |-> 0]
  /\ paused = [self \in node |-> FALSE]
  /\ wait_armed = [self \in node |-> TRUE]
  /\ up = [self \in node |-> TRUE]
  /\ links = [l \in node \X node |-> <<>>]
  /\ sides = {}
  /\ pauses = 0
  /\ crashes = 0
  /\ partitions = 0

\* on first(who, f) from other:
\*     last := if who == none then other else who
OnFirst(self, from, msg, rest) ==
  /\ msg.type = "first"
  /\ up[self]
  /\ ~paused[self]
  /\ Connected(from, self)
  /\ last' = [last EXCEPT ![self] = IF msg.who = none THEN from ELSE msg.who]
  /\ links' = [links EXCEPT ![<<from, self>>] = rest]
  /\ UNCHANGED <<far, elapsed_wait, paused, wait_armed, up, sides, pauses, crashes, partitions>>

\* on second(f) from other if f and last == none:
\*     reset wait
OnSecond(self, from, msg, rest) ==
  /\ msg.type = "second"
  /\ up[self]
  /\ ~paused[self]
  /\ Connected(from, self)
  /\ msg.far
  /\ last[self] = none
  /\ elapsed_wait' = [elapsed_wait EXCEPT ![self] = 0]
  /\ wait_armed' = [wait_armed EXCEPT ![self] = TRUE]
  /\ links' = [links EXCEPT ![<<from, self>>] = rest]
  /\ UNCHANGED <<last, far, paused, up, sides, pauses, crashes, partitions>>

\* No guard holds: the message is taken, and that is all.
IgnoreSecond(self, from, msg, rest) ==
  /\ msg.type = "second"
  /\ up[self]
  /\ ~paused[self]
  /\ Connected(from, self)
  /\ ~(msg.far /\ last[self] = none)
  /\ links' = [links EXCEPT ![<<from, self>>] = rest]
  /\ UNCHANGED <<last, far, elapsed_wait, paused, wait_armed, up, sides, pauses, crashes, partitions>>

\* on timeout wait if not far:
\*     far := true
\*     broadcast first(last, far)
\*     broadcast second(far)
OnTimeoutWait(self) ==
  /\ up[self]
  /\ ~paused[self]
  /\ wait_armed[self]
  /\ elapsed_wait[self] >= 2
  /\ ~far[self]
  /\ far' = [far EXCEPT ![self] = TRUE]
  /\ elapsed_wait' = [elapsed_wait EXCEPT ![self] = -1]
  /\ wait_armed' = [wait_armed EXCEPT ![self] = FALSE]
  /\ links' = [l \in DOMAIN links |->
               links[l] \o (IF l[1] = self
                           THEN (IF l[2] # self THEN <<[type |-> "first", who |-> last[self], far |-> TRUE, age |-> 0]>> ELSE <<>>) \o (IF l[2] # self THEN <<[type |-> "second", far |-> TRUE, age |-> 0]>> ELSE <<>>)
                           ELSE <<>>)]
  /\ UNCHANGED <<last, paused, up, sides, pauses, crashes, partitions>>
  /\ \A l \in DOMAIN links : Len(links'[l]) <= max_channel

\* No guard holds: the timer has fired, and that is all.
OnTimeoutWait_2(self) ==
  /\ up[self]
  /\ ~paused[self]
  /\ wait_armed[self]
  /\ elapsed_wait[self] >= 2
  /\ far[self]
  /\ elapsed_wait' = [elapsed_wait EXCEPT ![self] = -1]
  /\ wait_armed' = [wait_armed EXCEPT ![self] = FALSE]
  /\ UNCHANGED <<last, far, paused, up, links, sides, pauses, crashes, partitions>>

Pause(self) ==
  /\ up[self]
  /\ ~paused[self]
  /\ pauses < max_pauses
  /\ paused' = [paused EXCEPT ![self] = TRUE]
  /\ pauses' = pauses + 1
  /\ UNCHANGED <<last, far, elapsed_wait, wait_armed, up, links, sides, crashes, partitions>>

\* faults: pause up to 1, crash up to 1, partition up to 1
Crash(self) ==
  /\ up[self]
  /\ crashes < max_crashes
  /\ far' = [far EXCEPT ![self] = FALSE]
  /\ elapsed_wait' = [elapsed_wait EXCEPT ![self] = -1]
  /\ paused' = [paused EXCEPT ![self] = FALSE]
  /\ wait_armed' = [wait_armed EXCEPT ![self] = FALSE]
  /\ up' = [up EXCEPT ![self] = FALSE]
  /\ crashes' = crashes + 1
  /\ UNCHANGED <<last, links, sides, pauses, partitions>>

Partition(side) ==
  /\ side # {}
  /\ side # Processes
  /\ partitions < max_partitions
  /\ sides # {side, Processes \ side}
  /\ sides' = {side, Processes \ side}
  /\ partitions' = partitions + 1
  /\ UNCHANGED <<last, far, elapsed_wait, paused, wait_armed, up, links, pauses, crashes>>

Heal ==
  /\ sides # {}
  /\ sides' = {}
  /\ UNCHANGED <<last, far, elapsed_wait, paused, wait_armed, up, links, pauses, crashes, partitions>>

Resume(self) ==
  /\ paused[self]
  /\ paused' = [paused EXCEPT ![self] = FALSE]
  /\ UNCHANGED <<last, far, elapsed_wait, wait_armed, up, links, sides, pauses, crashes, partitions>>

Recover(self) ==
  /\ ~up[self]
  /\ elapsed_wait' = [elapsed_wait EXCEPT ![self] = 0]
  /\ wait_armed' = [wait_armed EXCEPT ![self] = TRUE \/ wait_armed[self]]
  /\ up' = [up EXCEPT ![self] = TRUE]
  /\ UNCHANGED <<last, far, paused, links, sides, pauses, crashes, partitions>>

Older(m) == [m EXCEPT !.age = IF @ < 2 THEN @ + 1 ELSE @]  \* a tick later

\* Time goes on, and with it all clocks.
Tick ==
  /\ (\A self \in node : elapsed_wait[self] < 2 \/ paused[self])
  /\ (\A l \in DOMAIN links : (up[l[2]] /\ ~paused[l[2]] /\ Connected(l[1], l[2])) => (\A k \in 1 .. Len(links[l]) : links[l][k].age < 2))
  /\ elapsed_wait' = [self \in node |-> IF elapsed_wait[self] \in 0 .. 1 THEN elapsed_wait[self] + 1 ELSE elapsed_wait[self]]
  /\ links' = [l \in DOMAIN links |-> [k \in 1 .. Len(links[l]) |-> Older(links[l][k])]]
  /\ UNCHANGED <<last, far, paused, wait_armed, up, sides, pauses, crashes, partitions>>

Next ==
  \/ \E from \in node, self \in node : links[<<from, self>>] # <<>> /\ LET msg == Head(links[<<from, self>>]) IN
       \/ OnFirst(self, from, msg, Tail(links[<<from, self>>]))
       \/ OnSecond(self, from, msg, Tail(links[<<from, self>>]))
       \/ IgnoreSecond(self, from, msg, Tail(links[<<from, self>>]))
  \* a message is lost
  \/ \E from \in node, self \in node : \E at \in 1 .. Len(links[<<from, self>>]) :
       /\ links' = [links EXCEPT ![<<from, self>>] = SubSeq(links[<<from, self>>], 1, at - 1) \o SubSeq(links[<<from, self>>], at + 1, Len(links[<<from, self>>]))]
       /\ UNCHANGED <<last, far, elapsed_wait, paused, wait_armed, up, sides, pauses, crashes, partitions>>
  \/ \E self \in node :
       \/ OnTimeoutWait(self)
       \/ OnTimeoutWait_2(self)
       \/ Pause(self)
       \/ Crash(self)
       \/ Resume(self)
       \/ Recover(self)
  \/ \E side \in SUBSET Processes :
       \/ Partition(side)
  \/ Heal
  \/ Tick

vars == <<last, far, elapsed_wait, paused, wait_armed, up, links, sides, pauses, crashes, partitions>>
Spec == Init /\ [][Next]_vars

TypeOK ==
  /\ last \in [node -> ({none} \cup node)]
  /\ far \in [node -> BOOLEAN]
  /\ elapsed_wait \in [node -> (-1 .. 2)]
  /\ paused \in [node -> BOOLEAN]
  /\ wait_armed \in [node -> BOOLEAN]
  /\ up \in [node -> BOOLEAN]

\* safety holds: true
holds == TRUE

\* step keeps: next(last) != none or last == none
keeps == [][\A self \in node : last'[self] # none \/ last[self] = none]_<<last>>

\* reachable both: exists n in node: n.last != none and n.far
\* As an invariant it is violated: the trace is the witness.
never_both == ~(\E n \in node : last[n] # none /\ far[n])

Symmetry == Permutations(node)
==============================================================================
