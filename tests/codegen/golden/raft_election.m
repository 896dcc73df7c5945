-- The protocol `raft_election` as a Murphi model for Rumur, made by Oneleader from oracles/raft_election.elect
-- "RaftElection.tla, word for word: a model whose reachable states have been counted with TLC."
--
-- processes: 3 node
-- network: loss, duplication, reordering
-- bounds: term <= 2
-- faults: restart
--
-- Run: rumur --deadlock-detection off --symmetry-reduction exhaustive --output model.c FILE
--      cc -O3 model.c -lpthread

type
  number: 0..6;
  node: scalarset(3);
  role_type: enum { follower, candidate, leader };
  node_set: array [node] of boolean;
  node_state: record
    term: 0..3;  -- durable
    voted_for: node;  -- durable; undefined: none
    role: role_type;
    votes: node_set;
    led: array [0..2] of boolean;  -- with which tokens it has ever led
  end;
  all_nodes: array [node] of node_state;
  all_sent_request_vote: array [node] of array [0..2] of boolean;
  all_sent_vote: array [node] of array [node] of array [0..2] of boolean;
  all_sent_heartbeat: array [node] of array [0..2] of boolean;

var
  nodes: all_nodes;
  sent_request_vote: all_sent_request_vote;
  sent_vote: all_sent_vote;
  sent_heartbeat: all_sent_heartbeat;
  beyond: boolean;  -- while a step runs: it passes a bound; false in every state

-- leader if role == leader with token term
function leads_node(self: node): boolean;
begin
  return nodes[self].role = leader;
end;

function token_of_node(self: node): number;
begin
  return nodes[self].term;
end;

function size_of_node_set(members: node_set): number;
var found: number;
begin
  found := 0;
  for member: node do
    if members[member] then
      found := found + 1;
    end;
  end;
  return found;
end;

function quorum(s: node_set): boolean;
begin
  return 2 * size_of_node_set(s) > 3;
end;

procedure broadcast_request_vote(self: node; term: number);
begin
  if term > 2 then
    beyond := true;
  else
    sent_request_vote[self][term] := true;
  end;
end;

procedure send_vote(self: node; target: node; term: number);
begin
  sent_vote[self][target][term] := true;
end;

procedure broadcast_heartbeat(self: node; term: number);
begin
  sent_heartbeat[self][term] := true;
end;

procedure judge_node(self: node);
begin
  if nodes[self].term > 2 then
    beyond := true;
  end;
end;

procedure crash_node(self: node);
begin
  nodes[self].role := follower;
  for n: node do
    nodes[self].votes[n] := false;
  end;
end;

procedure remember_leader(self: node);
begin
  if leads_node(self) then
    nodes[self].led[token_of_node(self)] := true;
  end;
end;

startstate "start"
begin
  for self: node do
    nodes[self].term := 0;
    undefine nodes[self].voted_for;
    nodes[self].role := follower;
    for n: node do
      nodes[self].votes[n] := false;
    end;
    for any_token: 0..2 do
      nodes[self].led[any_token] := false;
    end;
  end;
  for i_1: node do
    for i_2: 0..2 do
      sent_request_vote[i_1][i_2] := false;
    end;
  end;
  for i_1: node do
    for i_2: node do
      for i_3: 0..2 do
        sent_vote[i_1][i_2][i_3] := false;
      end;
    end;
  end;
  for i_1: node do
    for i_2: 0..2 do
      sent_heartbeat[i_1][i_2] := false;
    end;
  end;
  beyond := false;
  for self: node do
    remember_leader(self);
  end;
end;

-- on request_vote(t) from candidate if t >= term:
--     if t > term:
--         term := t
--         role := follower
--         votes := {}
--         voted_for := candidate
--         send vote(t) to candidate
--     elif voted_for in {none, candidate}:
--         voted_for := candidate
--         send vote(t) to candidate
ruleset self: node; candidate_2: node; t: 0..2 do
  rule "deliver request_vote"
    sent_request_vote[candidate_2][t] & self != candidate_2 & t >= nodes[self].term
  ==>
  begin
    if t > nodes[self].term then
      nodes[self].term := t;
      nodes[self].role := follower;
      for n: node do
        nodes[self].votes[n] := false;
      end;
      nodes[self].voted_for := candidate_2;
      send_vote(self, candidate_2, t);
    elsif isundefined(nodes[self].voted_for) | nodes[self].voted_for = candidate_2 then
      nodes[self].voted_for := candidate_2;
      send_vote(self, candidate_2, t);
    end;
    judge_node(self);
    assume !beyond;
    remember_leader(self);
  end;
end;

-- on vote(t) from voter if t == term and role == candidate:
--     votes := votes + {voter}
ruleset self: node; voter: node; t: 0..2 do
  rule "deliver vote"
    sent_vote[voter][self][t] & t = nodes[self].term & nodes[self].role = candidate
  ==>
  begin
    nodes[self].votes[voter] := true;
    remember_leader(self);
  end;
end;

-- on heartbeat(t) from sender if t > term or t == term and role == candidate:
--     if t > term:
--         term := t
--         voted_for := none
--     role := follower
--     votes := {}
ruleset self: node; sender: node; t: 0..2 do
  rule "deliver heartbeat"
    sent_heartbeat[sender][t] & self != sender & (t > nodes[self].term | (t = nodes[self].term & nodes[self].role = candidate))
  ==>
  begin
    if t > nodes[self].term then
      nodes[self].term := t;
      undefine nodes[self].voted_for;
    end;
    nodes[self].role := follower;
    for n: node do
      nodes[self].votes[n] := false;
    end;
    judge_node(self);
    assume !beyond;
    remember_leader(self);
  end;
end;

-- action time_out if role != leader:
--     term := term + 1
--     role := candidate
--     voted_for := self
--     votes := {self}
--     broadcast request_vote(term)
ruleset self: node do
  rule "time_out"
    nodes[self].role != leader
  ==>
  begin
    nodes[self].term := nodes[self].term + 1;
    nodes[self].role := candidate;
    nodes[self].voted_for := self;
    for n: node do
      nodes[self].votes[n] := n = self;
    end;
    broadcast_request_vote(self, nodes[self].term);
    judge_node(self);
    assume !beyond;
    remember_leader(self);
  end;
end;

-- action become_leader if role == candidate and quorum(votes):
--     role := leader
--     broadcast heartbeat(term)
ruleset self: node do
  rule "become_leader"
    nodes[self].role = candidate & quorum(nodes[self].votes)
  ==>
  begin
    nodes[self].role := leader;
    broadcast_heartbeat(self, nodes[self].term);
    remember_leader(self);
  end;
end;

ruleset self: node do
  rule "restart"
    true
  ==>
  begin
    crash_node(self);
    remember_leader(self);
  end;
end;

-- safety one_leader_now "no two nodes lead in one term at the same time":
--     forall n, m in node: n.role == leader and m.role == leader and n.term == m.term implies n == m
invariant "one_leader_now"
  forall n: node do forall m: node do (nodes[n].role = leader & nodes[m].role = leader & nodes[n].term = nodes[m].term) -> (n = m) end end;

-- Over the whole history, no two processes have led with one token.
invariant "one_leader_per_token"
  forall one: node do forall other: node do forall t: 0..2 do
    nodes[one].led[t] & nodes[other].led[t] -> one = other
  end end end;

-- No process leads with a token lower than one it has led with before.
invariant "token_never_goes_backwards"
  forall one: node do
    leads_node(one) -> forall t: 0..2 do nodes[one].led[t] -> t <= token_of_node(one) end
  end;
