--------------------------- MODULE duel_inductive ----------------------------
\* The protocol `duel`, made by Oneleader from duel.elect.
\* "An election so small that TLC goes through all states of its invariant: of two, one has the other's vote."
\*
\* network: loss, duplication, reordering
\* faults: restart
\*
\* Is IndInv an inductive invariant? Within the bounds it is, if both of these hold:
\*   1. Init => IndInv
\*   2. IndInv /\ Next => IndInv'
\*
\* TLC:
\*   tlc -config duel_inductive_init.cfg duel_inductive.tla
\*   tlc -config duel_inductive_step.cfg duel_inductive.tla
\* For the second it goes through all states with the invariant, reachable or not, so the instance has to be
\* tiny. It names the clause that a step breaks. The two states that it shows are no run, but a counterexample
\* to induction: the first need not be reachable.
\*
\* Apalache, which does not go through the states one by one. It takes no notice of Assert: what may fail
\* (an assertion, a value out of its range) is for TLC alone.
\*   apalache-mc check --cinit=ConstInit --init=Init --inv=IndInv --length=0 duel_inductive.tla
\*   apalache-mc check --cinit=ConstInit --init=IndInv --inv=IndInv --length=1 duel_inductive.tla
\*
\* What this shows: in this instance, no step from a state with the invariant to a state within the bounds
\* breaks it. What it does not show: anything of a step that ends beyond a bound, for the actions demand the
\* bounds of the next state, and such a step is not taken; of states beyond the bounds; of other sizes. What a
\* counterexample shows holds without the bounds, too: the step is one of the protocol, whatever they are.
\*
\* Only ever broadcast: request_vote. One record of it stands for one to each of the others,
\* so that it is under way to all of them or to none is taken for granted here, and is no clause.
EXTENDS Integers, FiniteSets, Sequences, TLC

CONSTANTS
  \* @type: Set(PROCESS);
  node,
  \* @type: PROCESS;
  none,
  \* @type: Int;
  max_term,
  \* @type: Int;
  max_request_vote_term,
  \* @type: Int;
  max_vote_term

VARIABLES
  \* @type: PROCESS -> Int;
  term,
  \* @type: PROCESS -> PROCESS;
  voted_for,
  \* @type: PROCESS -> Str;
  role,
  \* @type: Set({ type: Str, from: PROCESS, term: Int, to: PROCESS });
  messages,
  \* @type: Set(<<PROCESS, Int>>);
  led

quorum(s) == 2 * Cardinality(s) > Cardinality(node)

\* leader if role == leader with token term,
\*     elected by {n in node if n.term > term or n.voted_for == self}
Leads(self) == role[self] = "leader"
Token(self) == term[self]

\* Who leads with which token in this state; `led` keeps all that ever were.
\* @type: () => Set(<<PROCESS, Int>>);
Leaders == {<<l, Token(l)>> : l \in {k \in node : Leads(k)}}
Remember == led' = led \cup Leaders'

Init ==
  /\ term = [self \in node |-> 0]
  /\ voted_for = [self \in node |-> none]
  /\ role = [self \in node |-> "follower"]
  /\ messages = {}
  /\ led = Leaders

\* on request_vote(t) from candidate if t >= term:
\*     if t > term:
\*         term := t
\*         voted_for := none
\*         role := follower
\*     if voted_for in {none, candidate}:
\*         voted_for := candidate
\*         send vote(term) to candidate
OnRequestVote(self, msg) ==
  /\ msg.type = "request_vote"
  /\ msg.from # self
  /\ msg.term >= term[self]
  /\ LET new_voted_for == IF msg.term > term[self] THEN none ELSE voted_for[self]
         new_term == IF msg.term > term[self] THEN msg.term ELSE term[self]
     IN  /\ term' = [term EXCEPT ![self] = new_term]
         /\ voted_for' = [voted_for EXCEPT ![self] = IF new_voted_for \in {none, msg.from} THEN msg.from ELSE new_voted_for]
         /\ role' = [role EXCEPT ![self] = IF msg.term > term[self] THEN "follower" ELSE role[self]]
         /\ messages' = messages \cup
                   (IF new_voted_for \in {none, msg.from}
                    THEN {[type |-> "vote", from |-> self, to |-> msg.from, term |-> new_term]}
                    ELSE {})
         /\ term'[self] <= max_term
         /\ Remember

\* on vote(t) from voter if role == candidate and t == term:
\*     if quorum({self, voter}):
\*         role := leader
OnVote(self, msg) ==
  /\ msg.type = "vote"
  /\ msg.to = self
  /\ role[self] = "candidate"
  /\ msg.term = term[self]
  /\ role' = [role EXCEPT ![self] = IF quorum({self, msg.from}) THEN "leader" ELSE role[self]]
  /\ UNCHANGED <<term, voted_for, messages>>
  /\ Remember

\* action stand if role != leader:
\*     term := term + 1
\*     role := candidate
\*     voted_for := self
\*     broadcast request_vote(term)
Stand(self) ==
  /\ role[self] # "leader"
  /\ LET new_term == term[self] + 1
     IN  /\ term' = [term EXCEPT ![self] = new_term]
         /\ voted_for' = [voted_for EXCEPT ![self] = self]
         /\ role' = [role EXCEPT ![self] = "candidate"]
         /\ messages' = messages \cup {[type |-> "request_vote", from |-> self, term |-> new_term, to |-> self]}
         /\ new_term <= max_request_vote_term
         /\ term'[self] <= max_term
         /\ Remember

\* faults: restart
Restart(self) ==
  /\ role' = [role EXCEPT ![self] = "follower"]
  /\ UNCHANGED <<term, voted_for, messages>>
  /\ Remember

Next ==
  \/ \E msg \in messages : \E self \in node :
       \/ OnRequestVote(self, msg)
       \/ OnVote(self, msg)
  \/ \E self \in node :
       \/ Stand(self)
       \/ Restart(self)

\* @type: <<PROCESS -> Int, PROCESS -> PROCESS, PROCESS -> Str, Set({ type: Str, from: PROCESS, term: Int, to: PROCESS }), Set(<<PROCESS, Int>>)>>;
vars == <<term, voted_for, role, messages, led>>
Spec == Init /\ [][Next]_vars

\* All messages that can be under way.
Message ==
  {[type |-> "request_vote", from |-> sender, term |-> term_2, to |-> sender] : sender \in node, term_2 \in (0 .. max_request_vote_term)} \cup
  {[type |-> "vote", from |-> sender, to |-> receiver, term |-> term_2] : sender \in node, receiver \in node, term_2 \in (0 .. max_vote_term)}

\* The values that variables can have within the bounds.
TypeOK ==
  /\ term \in [node -> (0 .. max_term)]
  /\ voted_for \in [node -> ({none} \cup node)]
  /\ role \in [node -> {"follower", "candidate", "leader"}]
  /\ messages \in SUBSET Message
  /\ led \in SUBSET (node \X (0 .. 1))

\* invariant who_stands_has_voted_for_itself: role != follower implies voted_for == self
who_stands_has_voted_for_itself == \A self \in node : role[self] # "follower" => voted_for[self] = self

\* invariant nobody_asks_itself: forall request_vote(t) from c to v: c != v
nobody_asks_itself == \A m \in messages, v \in node : (m.type = "request_vote" /\ v # m.from) => m.from # v

\* invariant nobody_answers_itself: forall vote(t) from v to c: v != c
nobody_answers_itself == \A m \in messages : m.type = "vote" => m.from # m.to

\* invariant votes_are_of_the_past: forall vote(t) from v to c: t <= v.term
votes_are_of_the_past == \A m \in messages : m.type = "vote" => m.term <= term[m.from]

\* invariant votes_are_remembered: forall vote(t) from v to c: t == v.term implies v.voted_for == c
votes_are_remembered == \A m \in messages : m.type = "vote" => (m.term = term[m.from] => voted_for[m.from] = m.to)

\* invariant one_vote_a_term:
\*     forall vote(t) from v to c: forall vote(u) from w to d: v == w and t == u implies c == d
one_vote_a_term == \A m \in messages : m.type = "vote" => (\A m_2 \in messages : m_2.type = "vote" => ((m.from = m_2.from /\ m.term = m_2.term) => m.to = m_2.to))

\* invariant leaders_do_not_vote_for_others: forall n led with t: n.term == t implies n.voted_for == n
leaders_do_not_vote_for_others == \A past \in led : term[past[1]] = past[2] => voted_for[past[1]] = past[1]

\* invariant leaders_have_not_voted_for_others:
\*     forall n led with t: forall vote(u) from v to c: u == t implies v != n
leaders_have_not_voted_for_others == \A past \in led : \A m \in messages : m.type = "vote" => (m.term = past[2] => m.from # past[1])

\* invariant tokens_are_terms: forall n led with t: t <= n.term
tokens_are_terms == \A past \in led : past[2] <= term[past[1]]

\* invariant leaders_were_elected:
\*     forall n led with t:
\*         quorum({v in node if v == n or exists vote(u) from w to c: w == v and c == n and u == t})
leaders_were_elected == \A past \in led : quorum({v \in node : v = past[1] \/ (\E m \in messages : m.type = "vote" /\ ((m.from = v /\ m.to = past[1]) /\ m.term = past[2]))})

\* Over the whole history, no two processes have led with one token.
one_leader_per_token ==
  \A k, l \in led : k[2] = l[2] => k[1] = l[1]

\* No process leads with a token lower than one it has led with before.
token_never_goes_backwards ==
  \A k \in node : Leads(k) => \A l \in led : l[1] = k => l[2] <= Token(k)

\* Whoever leads is backed by a quorum of durable votes.
leader_holds_quorum ==
  \A self \in node : Leads(self) => quorum({n \in node : term[n] > term[self] \/ voted_for[n] = self})

\* Whoever leads is among those who have led: the model itself sees to it.
leaders_are_recorded == Leaders \subseteq led

\* @type: <<PROCESS -> Int>>;
read_by_terms_grow == <<term>>
\* step terms_grow: next(term) >= term
terms_grow == [][\A self \in node : term'[self] >= term[self]]_read_by_terms_grow

\* Whether one message may be under way, by what is said of each alone: TLC need not try sets with others.
MayBeUnderWay(one) ==
  /\ \A m \in {one}, v \in node : (m.type = "request_vote" /\ v # m.from) => m.from # v
  /\ \A m \in {one} : m.type = "vote" => m.from # m.to
  /\ \A m \in {one} : m.type = "vote" => m.term <= term[m.from]
  /\ \A m \in {one} : m.type = "vote" => (m.term = term[m.from] => voted_for[m.from] = m.to)

\* Whether one may have led with a token, by what is said of each alone: TLC need not try sets with others.
MayHaveLed(one) ==
  /\ \A past \in {one} : term[past[1]] = past[2] => voted_for[past[1]] = past[1]
  /\ \A past \in {one} : \A m \in messages : m.type = "vote" => (m.term = past[2] => m.from # past[1])
  /\ \A past \in {one} : past[2] <= term[past[1]]
  /\ \A past \in {one} : quorum({v \in node : v = past[1] \/ (\E m \in messages : m.type = "vote" /\ ((m.from = v /\ m.to = past[1]) /\ m.term = past[2]))})

\* TypeOK and all that is to be kept, in an order in which TLC finds the states with it soonest.
IndInv ==
  /\ term \in [node -> (0 .. max_term)]
  /\ voted_for \in [node -> ({none} \cup node)]
  /\ role \in [node -> {"follower", "candidate", "leader"}]
  /\ who_stands_has_voted_for_itself
  /\ leader_holds_quorum
  /\ messages \in SUBSET {one \in Message : MayBeUnderWay(one)}
  /\ nobody_asks_itself
  /\ nobody_answers_itself
  /\ votes_are_of_the_past
  /\ votes_are_remembered
  /\ one_vote_a_term
  /\ led \in SUBSET {one \in node \X (0 .. 1) : MayHaveLed(one)}
  /\ leaders_do_not_vote_for_others
  /\ leaders_have_not_voted_for_others
  /\ tokens_are_terms
  /\ leaders_were_elected
  /\ one_leader_per_token
  /\ token_never_goes_backwards
  /\ leaders_are_recorded

\* No step at all, to look at the initial states alone.
Stay == UNCHANGED vars

\* The instance, for Apalache.
ConstInit ==
  /\ none = "none_OF_PROCESS"
  /\ node = {"node1_OF_PROCESS", "node2_OF_PROCESS"}
  /\ max_term = 1
  /\ max_request_vote_term = 1
  /\ max_vote_term = 1
==============================================================================
