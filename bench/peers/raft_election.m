-- Raft's election, exactly the state space of RaftElection.tla: the network is a set of messages that
-- only grows, restart keeps term and vote. Guards leave out steps that change nothing.
-- "Voted for nobody" is the undefined value.

const
  NODES: 3;
  TERMS: 3;

type
  Node: scalarset(NODES);
  Term: 0..TERMS;
  Sent_term: 1..TERMS;
  Role: enum { follower, candidate, leader };

var
  term: array [Node] of Term;
  voted_for: array [Node] of Node;
  role: array [Node] of Role;
  votes: array [Node] of array [Node] of boolean;
  -- the messages: by sender, term and (a vote) receiver
  request_vote: array [Node] of array [Sent_term] of boolean;
  heartbeat: array [Node] of array [Sent_term] of boolean;
  vote: array [Node] of array [Node] of array [Sent_term] of boolean;

procedure forget_votes(i: Node);
begin
  for j: Node do
    votes[i][j] := false;
  end;
end;

function is_quorum(i: Node): boolean;
var count: 0..NODES;
begin
  count := 0;
  for j: Node do
    if votes[i][j] then
      count := count + 1;
    end;
  end;
  return 2 * count > NODES;
end;

startstate begin
  for i: Node do
    term[i] := 0;
    undefine voted_for[i];
    role[i] := follower;
    for j: Node do
      votes[i][j] := false;
      for t: Sent_term do
        vote[i][j][t] := false;
      end;
    end;
    for t: Sent_term do
      request_vote[i][t] := false;
      heartbeat[i][t] := false;
    end;
  end;
end;

ruleset i: Node do
  rule "timeout" role[i] != leader & term[i] < TERMS ==> begin
    term[i] := term[i] + 1;
    role[i] := candidate;
    voted_for[i] := i;
    forget_votes(i);
    votes[i][i] := true;
    request_vote[i][term[i]] := true;
  end;

  rule "become leader" role[i] = candidate & is_quorum(i) ==> begin
    role[i] := leader;
    heartbeat[i][term[i]] := true;
  end;

  rule "restart" role[i] != follower ==> begin
    role[i] := follower;
    forget_votes(i);
  end;
end;

ruleset i: Node; sender: Node do
  rule "receive vote"
    role[i] = candidate & vote[sender][i][term[i]] & !votes[i][sender]
  ==> begin
    votes[i][sender] := true;
  end;
end;

ruleset i: Node; sender: Node; t: Sent_term do
  rule "receive request"
    request_vote[sender][t] & t >= term[i] & i != sender & !vote[i][sender][t]
    & (t > term[i] | isundefined(voted_for[i]) | voted_for[i] = sender)
  ==> begin
    if t > term[i] then
      term[i] := t;
      role[i] := follower;
      forget_votes(i);
    end;
    voted_for[i] := sender;
    vote[i][sender][t] := true;
  end;

  rule "receive heartbeat"
    heartbeat[sender][t] & (t > term[i] | t = term[i] & role[i] = candidate & i != sender)
  ==> begin
    if t > term[i] then
      term[i] := t;
      undefine voted_for[i];
    end;
    role[i] := follower;
    forget_votes(i);
  end;
end;

invariant "one leader per term"
  forall i: Node do forall j: Node do
    role[i] = leader & role[j] = leader & term[i] = term[j] -> i = j
  end end;
