---------------------------- MODULE raft_election ----------------------------
\* The protocol `raft_election`, made by Oneleader from oracles/raft_election.elect.
\* "RaftElection.tla, word for word: a model whose reachable states have been counted with TLC."
\*
\* network: loss, duplication, reordering
\* faults: restart
EXTENDS Integers, FiniteSets, Sequences, TLC

CONSTANTS node, none, max_term, max_request_vote_term

VARIABLES term, voted_for, role, votes, messages, led

quorum(s) == 2 * Cardinality(s) > Cardinality(node)

\* leader if role == leader with token term
Leads(self) == role[self] = "leader"
Token(self) == term[self]

\* Who leads with which token in this state; `led` keeps all that ever were.
Leaders == {<<l, Token(l)>> : l \in {k \in node : Leads(k)}}
Remember == led' = led \cup Leaders'

Init ==
  /\ term = [self \in node |-> 0]
  /\ voted_for = [self \in node |-> none]
  /\ role = [self \in node |-> "follower"]
  /\ votes = [self \in node |-> {}]
  /\ messages = {}
  /\ led = Leaders

\* on request_vote(t) from candidate if t >= term:
\*     if t > term:
\*         term := t
\*         role := follower
\*         votes := {}
\*         voted_for := candidate
\*         send vote(t) to candidate
\*     elif voted_for in {none, candidate}:
\*         voted_for := candidate
\*         send vote(t) to candidate
OnRequestVote(self, msg) ==
  /\ msg.type = "request_vote"
  /\ msg.from # self
  /\ msg.term >= term[self]
  /\ term' = [term EXCEPT ![self] = IF msg.term > term[self] THEN msg.term ELSE term[self]]
  /\ voted_for' = [voted_for EXCEPT ![self] =
            IF msg.term > term[self]
            THEN msg.from
            ELSE IF voted_for[self] \in {none, msg.from} THEN msg.from ELSE voted_for[self]]
  /\ role' = [role EXCEPT ![self] = IF msg.term > term[self] THEN "follower" ELSE role[self]]
  /\ votes' = [votes EXCEPT ![self] = IF msg.term > term[self] THEN {} ELSE votes[self]]
  /\ messages' = messages \cup
            (IF msg.term > term[self]
             THEN {[type |-> "vote", from |-> self, to |-> msg.from, term |-> msg.term]}
             ELSE IF voted_for[self] \in {none, msg.from}
                  THEN {[type |-> "vote", from |-> self, to |-> msg.from, term |-> msg.term]}
                  ELSE {})
  /\ term'[self] <= max_term
  /\ Remember

\* on vote(t) from voter if t == term and role == candidate:
\*     votes := votes + {voter}
OnVote(self, msg) ==
  /\ msg.type = "vote"
  /\ msg.to = self
  /\ msg.term = term[self]
  /\ role[self] = "candidate"
  /\ votes' = [votes EXCEPT ![self] = votes[self] \cup {msg.from}]
  /\ UNCHANGED <<term, voted_for, role, messages>>
  /\ Remember

\* on heartbeat(t) from sender if t > term or t == term and role == candidate:
\*     if t > term:
\*         term := t
\*         voted_for := none
\*     role := follower
\*     votes := {}
OnHeartbeat(self, msg) ==
  /\ msg.type = "heartbeat"
  /\ msg.from # self
  /\ (msg.term > term[self] \/ (msg.term = term[self] /\ role[self] = "candidate"))
  /\ term' = [term EXCEPT ![self] = IF msg.term > term[self] THEN msg.term ELSE term[self]]
  /\ voted_for' = [voted_for EXCEPT ![self] = IF msg.term > term[self] THEN none ELSE voted_for[self]]
  /\ role' = [role EXCEPT ![self] = "follower"]
  /\ votes' = [votes EXCEPT ![self] = {}]
  /\ UNCHANGED <<messages>>
  /\ term'[self] <= max_term
  /\ Remember

\* action time_out if role != leader:
\*     term := term + 1
\*     role := candidate
\*     voted_for := self
\*     votes := {self}
\*     broadcast request_vote(term)
TimeOut(self) ==
  /\ role[self] # "leader"
  /\ LET new_term == term[self] + 1
     IN  /\ term' = [term EXCEPT ![self] = new_term]
         /\ voted_for' = [voted_for EXCEPT ![self] = self]
         /\ role' = [role EXCEPT ![self] = "candidate"]
         /\ votes' = [votes EXCEPT ![self] = {self}]
         /\ messages' = messages \cup {[type |-> "request_vote", from |-> self, term |-> new_term]}
         /\ new_term <= max_request_vote_term
         /\ term'[self] <= max_term
         /\ Remember

\* action become_leader if role == candidate and quorum(votes):
\*     role := leader
\*     broadcast heartbeat(term)
BecomeLeader(self) ==
  /\ role[self] = "candidate"
  /\ quorum(votes[self])
  /\ role' = [role EXCEPT ![self] = "leader"]
  /\ messages' = messages \cup {[type |-> "heartbeat", from |-> self, term |-> term[self]]}
  /\ UNCHANGED <<term, voted_for, votes>>
  /\ Remember

\* faults: restart
Restart(self) ==
  /\ role' = [role EXCEPT ![self] = "follower"]
  /\ votes' = [votes EXCEPT ![self] = {}]
  /\ UNCHANGED <<term, voted_for, messages>>
  /\ Remember

Next ==
  \/ \E msg \in messages : \E self \in node :
       \/ OnRequestVote(self, msg)
       \/ OnVote(self, msg)
       \/ OnHeartbeat(self, msg)
  \/ \E self \in node :
       \/ TimeOut(self)
       \/ BecomeLeader(self)
       \/ Restart(self)

vars == <<term, voted_for, role, votes, messages, led>>
Spec == Init /\ [][Next]_vars

TypeOK ==
  /\ term \in [node -> Nat]
  /\ voted_for \in [node -> ({none} \cup node)]
  /\ role \in [node -> {"follower", "candidate", "leader"}]
  /\ votes \in [node -> (SUBSET node)]

\* safety one_leader_now "no two nodes lead in one term at the same time":
\*     forall n, m in node: n.role == leader and m.role == leader and n.term == m.term implies n == m
one_leader_now == \A n \in node : \A m \in node : ((role[n] = "leader" /\ role[m] = "leader") /\ term[n] = term[m]) => n = m

\* Over the whole history, no two processes have led with one token.
one_leader_per_token ==
  \A k, l \in led : k[2] = l[2] => k[1] = l[1]

\* No process leads with a token lower than one it has led with before.
token_never_goes_backwards ==
  \A k \in node : Leads(k) => \A l \in led : l[1] = k => l[2] <= Token(k)

Symmetry == Permutations(node)
==============================================================================
