-------------------------- MODULE queues_inductive ---------------------------
\* The protocol `queues`, made by Oneleader from test.elect.
\*
\* network: reordering
\* faults: none
\*
\* Is IndInv an inductive invariant? Within the bounds it is, if both of these hold:
\*   1. Init => IndInv
\*   2. IndInv /\ Next => IndInv'
\*
\* TLC:
\*   tlc -config queues_inductive_init.cfg queues_inductive.tla
\*   tlc -config queues_inductive_step.cfg queues_inductive.tla
\* For the second it goes through all states with the invariant, reachable or not, so the instance has to be
\* tiny. It names the clause that a step breaks. The two states that it shows are no run, but a counterexample
\* to induction: the first need not be reachable.
\*
\* Not for Apalache: messages wait on links, in queues or bags.
\*
\* What this shows: in this instance, no step from a state with the invariant to a state within the bounds
\* breaks it. What it does not show: anything of a step that ends beyond a bound, for the actions demand the
\* bounds of the next state, and such a step is not taken; of states beyond the bounds; of other sizes. What a
\* counterexample shows holds without the bounds, too: the step is one of the protocol, whatever they are.
EXTENDS Integers, FiniteSets, Sequences, TLC, Bags

CONSTANTS node, none, max_item_number, max_next_number, max_channel

VARIABLES next_number, got, count, links

Maximum(r, l) == IF r > l THEN r ELSE l

\* on start:
\*     broadcast stop_it(none)
Init ==
  /\ next_number = [self \in node |-> 0]
  /\ got = [self \in node |-> {}]
  /\ count = [self \in node |-> 0]
  /\ links = [l \in node \X node |-> IF l[2] # l[1] THEN SetToBag({[type |-> "stop_it", who |-> none]}) ELSE EmptyBag]

\* on item(k, s) from other if k <= next_number:
\*     next_number := max(next_number, k + 1)
\*     got := got + s + {other}
\*     if size(s & {self, other}) < 2:
\*         send item(next_number, got - {self}) to other
OnItem(self, from, msg, rest) ==
  /\ msg.type = "item"
  /\ msg.number <= next_number[self]
  /\ LET condition == Cardinality(msg.seen \cap {self, from}) < 2
         new_next_number == Maximum(next_number[self], msg.number + 1)
         new_got == (got[self] \cup msg.seen) \cup {from}
         without_it == [links EXCEPT ![<<from, self>>] = rest]
     IN  /\ next_number' = [next_number EXCEPT ![self] = new_next_number]
         /\ got' = [got EXCEPT ![self] = new_got]
         /\ links' = [l \in DOMAIN links |->
                      without_it[l] (+) (IF l[1] = self /\ (condition /\ l[2] = from)
                                        THEN SetToBag({[type |-> "item", number |-> new_next_number, seen |-> new_got \ {self}]})
                                        ELSE EmptyBag)]
         /\ (condition => new_next_number <= max_item_number)
         /\ UNCHANGED <<count>>
         /\ next_number'[self] <= max_next_number
         /\ \A l \in DOMAIN links : BagCardinality(links'[l]) <= max_channel

\* No guard holds: the message is taken, and that is all.
IgnoreItem(self, from, msg, rest) ==
  /\ msg.type = "item"
  /\ msg.number > next_number[self]
  /\ links' = [links EXCEPT ![<<from, self>>] = rest]
  /\ UNCHANGED <<next_number, got, count>>

\* on stop_it(w) from other if w == none and count < 3:
\*     count := count + 1
\*     send stop_it(self) to other
OnStopIt(self, from, msg, rest) ==
  /\ msg.type = "stop_it"
  /\ msg.who = none
  /\ count[self] < 3
  /\ Assert(count[self] + 1 \in 0 .. 3, "count is out of its range (line 22)")
  /\ count' = [count EXCEPT ![self] = count[self] + 1]
  /\ links' = [links EXCEPT ![<<from, self>>] = rest, ![<<self, from>>] = @ (+) SetToBag({[type |-> "stop_it", who |-> self]})]
  /\ UNCHANGED <<next_number, got>>
  /\ \A l \in DOMAIN links : BagCardinality(links'[l]) <= max_channel

\* No guard holds: the message is taken, and that is all.
IgnoreStopIt(self, from, msg, rest) ==
  /\ msg.type = "stop_it"
  /\ ~(msg.who = none /\ count[self] < 3)
  /\ links' = [links EXCEPT ![<<from, self>>] = rest]
  /\ UNCHANGED <<next_number, got, count>>

\* action open if got == {}:
\*     got := {self}
\*     send item(0, {}) to self
\*     broadcast item(0, {})
Open(self) ==
  /\ got[self] = {}
  /\ got' = [got EXCEPT ![self] = {self}]
  /\ links' = [l \in DOMAIN links |->
               links[l] (+) (IF l[1] = self
                            THEN (IF l[2] = self THEN SetToBag({[type |-> "item", number |-> 0, seen |-> {}]}) ELSE EmptyBag) (+) (IF l[2] # self THEN SetToBag({[type |-> "item", number |-> 0, seen |-> {}]}) ELSE EmptyBag)
                            ELSE EmptyBag)]
  /\ UNCHANGED <<next_number, count>>
  /\ \A l \in DOMAIN links : BagCardinality(links'[l]) <= max_channel

Next ==
  \/ \E from \in node, self \in node : \E msg \in BagToSet(links[<<from, self>>]) :
       \/ OnItem(self, from, msg, links[<<from, self>>] (-) SetToBag({msg}))
       \/ IgnoreItem(self, from, msg, links[<<from, self>>] (-) SetToBag({msg}))
       \/ OnStopIt(self, from, msg, links[<<from, self>>] (-) SetToBag({msg}))
       \/ IgnoreStopIt(self, from, msg, links[<<from, self>>] (-) SetToBag({msg}))
  \/ \E self \in node :
       \/ Open(self)

vars == <<next_number, got, count, links>>
Spec == Init /\ [][Next]_vars

\* All messages that can wait on a link from a node to a node.
Message_on_links ==
  {[type |-> "item", number |-> number, seen |-> seen] : number \in (0 .. max_item_number), seen \in (SUBSET node)} \cup
  {[type |-> "stop_it", who |-> who] : who \in ({none} \cup node)}

\* The values that variables can have within the bounds.
TypeOK ==
  /\ next_number \in [node -> (0 .. max_next_number)]
  /\ got \in [node -> (SUBSET node)]
  /\ count \in [node -> (0 .. 3)]
  /\ links \in [node \X node -> ({EmptyBag} \cup {SetToBag({m}) : m \in Message_on_links} \cup {SetToBag({m}) (+) SetToBag({m_2}) : m, m_2 \in Message_on_links})]

\* step numbers_grow: next(next_number) >= next_number
numbers_grow == [][\A self \in node : next_number'[self] >= next_number[self]]_<<next_number>>

\* TypeOK and all that is to be kept, in an order in which TLC finds the states with it soonest.
IndInv ==
  /\ links \in [node \X node -> ({EmptyBag} \cup {SetToBag({m}) : m \in Message_on_links} \cup {SetToBag({m}) (+) SetToBag({m_2}) : m, m_2 \in Message_on_links})]
  /\ next_number \in [node -> (0 .. max_next_number)]
  /\ got \in [node -> (SUBSET node)]
  /\ count \in [node -> (0 .. 3)]

\* No step at all, to look at the initial states alone.
Stay == UNCHANGED vars
==============================================================================
