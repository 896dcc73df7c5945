-------------------------------- MODULE bags ---------------------------------
\* The protocol `bags`, made by Oneleader from test.elect.
\*
\* network: loss, reordering
\* faults: pause of node up to 1
\* time: ticks of 500 ms; clocks are true, a pause lasts any time, a message takes at most 1 s
\*       by true time, timers take: wait 1 s to 2 s
EXTENDS Integers, FiniteSets, Sequences, TLC, Bags

CONSTANTS node, none, max_seen, max_channel, max_note_seen, max_pauses

VARIABLES seen, whom, elapsed_wait, paused, wait_armed, links, pauses

Maximum(r, l) == IF r > l THEN r ELSE l

\* on start:
\*     reset wait
Init ==
  /\ seen = [self \in node |-> 0]
  /\ whom = [self \in node |-> none]
  /\ elapsed_wait = [self \in node |-> 0]
  /\ paused = [self \in node |-> FALSE]
  /\ wait_armed = [self \in node |-> TRUE]
  /\ links = [l \in node \X node |-> EmptyBag]
  /\ pauses = 0

\* on note(s, about, loud) from other if loud or s > seen:
\*     whom := other
\*     seen := max(seen, s)
\*     send done() to other
OnNote(self, from, msg, rest) ==
  /\ msg.type = "note"
  /\ ~paused[self]
  /\ (msg.loud \/ msg.seen > seen[self])
  /\ seen' = [seen EXCEPT ![self] = Maximum(seen[self], msg.seen)]
  /\ whom' = [whom EXCEPT ![self] = from]
  /\ links' = [links EXCEPT ![<<from, self>>] = rest, ![<<self, from>>] = @ (+) SetToBag({[type |-> "done", age |-> 0]})]
  /\ UNCHANGED <<elapsed_wait, paused, wait_armed, pauses>>
  /\ seen'[self] <= max_seen
  /\ \A l \in DOMAIN links : BagCardinality(links'[l]) <= max_channel

\* No guard holds: the message is taken, and that is all.
IgnoreNote(self, from, msg, rest) ==
  /\ msg.type = "note"
  /\ ~paused[self]
  /\ ~msg.loud
  /\ msg.seen <= seen[self]
  /\ links' = [links EXCEPT ![<<from, self>>] = rest]
  /\ UNCHANGED <<seen, whom, elapsed_wait, paused, wait_armed, pauses>>

\* No guard holds: the message is taken, and that is all.
IgnoreDone(self, from, msg, rest) ==
  /\ msg.type = "done"
  /\ ~paused[self]
  /\ links' = [links EXCEPT ![<<from, self>>] = rest]
  /\ UNCHANGED <<seen, whom, elapsed_wait, paused, wait_armed, pauses>>

\* on timeout wait if seen < 1:
\*     seen := seen + 1
\*     broadcast note(seen, whom, whom == none)
\*     broadcast note(seen, whom, whom == none)
OnTimeoutWait(self) ==
  /\ ~paused[self]
  /\ wait_armed[self]
  /\ elapsed_wait[self] >= 2
  /\ seen[self] < 1
  /\ LET new_seen == seen[self] + 1
         loud == whom[self] = none
     IN  /\ seen' = [seen EXCEPT ![self] = new_seen]
         /\ elapsed_wait' = [elapsed_wait EXCEPT ![self] = -1]
         /\ wait_armed' = [wait_armed EXCEPT ![self] = FALSE]
         /\ links' = [l \in DOMAIN links |->
                      links[l] (+) (IF l[1] = self
                                   THEN (IF l[2] # self THEN SetToBag({[type |-> "note", seen |-> new_seen, about |-> whom[self], loud |-> loud, age |-> 0]}) ELSE EmptyBag) (+) (IF l[2] # self THEN SetToBag({[type |-> "note", seen |-> new_seen, about |-> whom[self], loud |-> loud, age |-> 0]}) ELSE EmptyBag)
                                   ELSE EmptyBag)]
         /\ new_seen <= max_note_seen
         /\ UNCHANGED <<whom, paused, pauses>>
         /\ seen'[self] <= max_seen
         /\ \A l \in DOMAIN links : BagCardinality(links'[l]) <= max_channel

\* No guard holds: the timer has fired, and that is all.
OnTimeoutWait_2(self) ==
  /\ ~paused[self]
  /\ wait_armed[self]
  /\ elapsed_wait[self] >= 2
  /\ seen[self] >= 1
  /\ elapsed_wait' = [elapsed_wait EXCEPT ![self] = -1]
  /\ wait_armed' = [wait_armed EXCEPT ![self] = FALSE]
  /\ UNCHANGED <<seen, whom, paused, links, pauses>>

Pause(self) ==
  /\ ~paused[self]
  /\ pauses < max_pauses
  /\ paused' = [paused EXCEPT ![self] = TRUE]
  /\ pauses' = pauses + 1
  /\ UNCHANGED <<seen, whom, elapsed_wait, wait_armed, links>>

Resume(self) ==
  /\ paused[self]
  /\ paused' = [paused EXCEPT ![self] = FALSE]
  /\ UNCHANGED <<seen, whom, elapsed_wait, wait_armed, links, pauses>>

Older(m) == [m EXCEPT !.age = IF @ < 2 THEN @ + 1 ELSE @]  \* a tick later

\* Time goes on, and with it all clocks.
Tick ==
  /\ (\A self \in node : elapsed_wait[self] < 4 \/ paused[self])
  /\ (\A l \in DOMAIN links : ~paused[l[2]] => (\A m \in BagToSet(links[l]) : m.age < 2))
  /\ elapsed_wait' = [self \in node |-> IF elapsed_wait[self] \in 0 .. 3 THEN elapsed_wait[self] + 1 ELSE elapsed_wait[self]]
  /\ links' = [l \in DOMAIN links |-> BagOfAll(Older, links[l])]
  /\ UNCHANGED <<seen, whom, paused, wait_armed, pauses>>

Next ==
  \/ \E from \in node, self \in node : \E msg \in BagToSet(links[<<from, self>>]) :
       \/ OnNote(self, from, msg, links[<<from, self>>] (-) SetToBag({msg}))
       \/ IgnoreNote(self, from, msg, links[<<from, self>>] (-) SetToBag({msg}))
       \/ IgnoreDone(self, from, msg, links[<<from, self>>] (-) SetToBag({msg}))
  \* a message is lost
  \/ \E from \in node, self \in node : \E msg \in BagToSet(links[<<from, self>>]) :
       /\ links' = [links EXCEPT ![<<from, self>>] = links[<<from, self>>] (-) SetToBag({msg})]
       /\ UNCHANGED <<seen, whom, elapsed_wait, paused, wait_armed, pauses>>
  \/ \E self \in node :
       \/ OnTimeoutWait(self)
       \/ OnTimeoutWait_2(self)
       \/ Pause(self)
       \/ Resume(self)
  \/ Tick

vars == <<seen, whom, elapsed_wait, paused, wait_armed, links, pauses>>
Spec == Init /\ [][Next]_vars

TypeOK ==
  /\ seen \in [node -> Nat]
  /\ whom \in [node -> ({none} \cup node)]
  /\ elapsed_wait \in [node -> (-1 .. 4)]
  /\ paused \in [node -> BOOLEAN]
  /\ wait_armed \in [node -> BOOLEAN]

\* safety holds: true
holds == TRUE

\* reachable met: forall n in node: n.whom != none
\* As an invariant it is violated: the trace is the witness.
never_met == ~(\A n \in node : whom[n] # none)
==============================================================================
