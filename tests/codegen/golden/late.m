-- The protocol `late` as a Murphi model for Rumur, made by Oneleader from test.elect
--
-- processes: 2 node
-- network: loss, at most 2 messages on a link
-- bounds: none
-- faults: pause up to 1, crash up to 1, partition up to 1
-- time: ticks of 1 s; clocks are true, a pause lasts any time, a message takes at most 2 s
--       by true time, timers take: wait 2 s
--
-- Run: rumur --deadlock-detection off --symmetry-reduction exhaustive --output model.c FILE
--      cc -O3 model.c -lpthread

type
  number: -1..2;
  node: scalarset(2);
  node_state: record
    last: node;  -- durable; undefined: none
    far: boolean;
    elapsed_wait: -1..2;
    paused: boolean;
    wait_armed: boolean;
    up: boolean;
  end;
  all_nodes: array [node] of node_state;
  message_node_node: enum { is_first, is_second };
  packet_node_node: record
    message: message_node_node;
    first_of_who: node;
    first_of_far: boolean;
    first_of_age: 0..2;
    second_of_far: boolean;
    second_of_age: 0..2;
  end;
  queue_node_node: record
    length: 0..2;
    slot: array [1..2] of packet_node_node;
  end;
  all_link_node_node: array [node] of array [node] of queue_node_node;
  all_apart_node_node: array [node] of array [node] of boolean;
  pause_counter: 0..1;
  crash_counter: 0..1;
  partition_counter: 0..1;

var
  nodes: all_nodes;
  link_node_node: all_link_node_node;
  apart_node_node: all_apart_node_node;
  pause_count: pause_counter;
  crash_count: crash_counter;
  partition_count: partition_counter;
  beyond: boolean;  -- while a step runs: it passes a bound; false in every state

procedure send_first(self: node; target: node; var who: node; far: boolean; age: number);
begin
  if link_node_node[self][target].length = 2 then
    beyond := true;
  else
    link_node_node[self][target].length := link_node_node[self][target].length + 1;
    link_node_node[self][target].slot[link_node_node[self][target].length].message := is_first;
    if !isundefined(who) then
      link_node_node[self][target].slot[link_node_node[self][target].length].first_of_who := who;
    else
      undefine link_node_node[self][target].slot[link_node_node[self][target].length].first_of_who;
    end;
    link_node_node[self][target].slot[link_node_node[self][target].length].first_of_far := far;
    link_node_node[self][target].slot[link_node_node[self][target].length].first_of_age := age;
  end;
end;

procedure send_second(self: node; target: node; far: boolean; age: number);
begin
  if link_node_node[self][target].length = 2 then
    beyond := true;
  else
    link_node_node[self][target].length := link_node_node[self][target].length + 1;
    link_node_node[self][target].slot[link_node_node[self][target].length].message := is_second;
    link_node_node[self][target].slot[link_node_node[self][target].length].second_of_far := far;
    link_node_node[self][target].slot[link_node_node[self][target].length].second_of_age := age;
  end;
end;

procedure drop_node_node(origin: node; target: node; position: 1..2);
begin
  for place: 1..1 do
    if place >= position & place < link_node_node[origin][target].length then
      link_node_node[origin][target].slot[place] := link_node_node[origin][target].slot[place + 1];
    end;
  end;
  undefine link_node_node[origin][target].slot[link_node_node[origin][target].length];
  link_node_node[origin][target].length := link_node_node[origin][target].length - 1;
end;

-- on start:
--     reset wait
procedure start_node(self: node);
begin
  nodes[self].elapsed_wait := 0;
  nodes[self].wait_armed := true;
end;

procedure crash_node(self: node);
begin
  nodes[self].far := false;
  nodes[self].elapsed_wait := -1;
  nodes[self].paused := false;
  nodes[self].wait_armed := false;
end;

procedure check_step(var before_nodes: all_nodes);
begin
  -- step keeps: next(last) != none or last == none
  if (exists n: node do !((isundefined(before_nodes[n].last) & isundefined(nodes[n].last)) | (!isundefined(before_nodes[n].last) & !isundefined(nodes[n].last) & before_nodes[n].last = nodes[n].last)) end) then
    assert forall self: node do !isundefined(nodes[self].last) | isundefined(before_nodes[self].last) end "keeps";
  end;
end;

startstate "start"
begin
  for self: node do
    undefine nodes[self].last;
    nodes[self].far := false;
    nodes[self].elapsed_wait := -1;
    nodes[self].paused := false;
    nodes[self].wait_armed := false;
    nodes[self].up := true;
  end;
  for origin: node do
    for target: node do
      link_node_node[origin][target].length := 0;
      undefine link_node_node[origin][target].slot;
    end;
  end;
  for origin: node do
    for target: node do
      apart_node_node[origin][target] := false;
    end;
  end;
  pause_count := 0;
  crash_count := 0;
  partition_count := 0;
  for self: node do
    start_node(self);
  end;
  beyond := false;
end;

-- on first(who, f) from other:
--     last := if who == none then other else who
ruleset self: node; other_2: node do
  rule "deliver first"
    link_node_node[other_2][self].length > 0 & link_node_node[other_2][self].slot[1].message = is_first & nodes[self].up & !nodes[self].paused & !apart_node_node[other_2][self]
  ==>
  var
    before_nodes: all_nodes;
    who: node;
    f: boolean;
    age: number;
  begin
    before_nodes := nodes;
    if !isundefined(link_node_node[other_2][self].slot[1].first_of_who) then
      who := link_node_node[other_2][self].slot[1].first_of_who;
    else
      undefine who;
    end;
    f := link_node_node[other_2][self].slot[1].first_of_far;
    age := link_node_node[other_2][self].slot[1].first_of_age;
    drop_node_node(other_2, self, 1);
    if (isundefined(who) ? true : !isundefined(who)) then
      nodes[self].last := (isundefined(who) ? other_2 : who);
    else
      undefine nodes[self].last;
    end;
    check_step(before_nodes);
  end;
end;

-- on second(f) from other if f and last == none:
--     reset wait
ruleset self: node; other_2: node do
  rule "deliver second"
    link_node_node[other_2][self].length > 0 & link_node_node[other_2][self].slot[1].message = is_second & nodes[self].up & !nodes[self].paused & !apart_node_node[other_2][self]
  ==>
  var
    before_nodes: all_nodes;
    f: boolean;
    age: number;
  begin
    before_nodes := nodes;
    f := link_node_node[other_2][self].slot[1].second_of_far;
    age := link_node_node[other_2][self].slot[1].second_of_age;
    drop_node_node(other_2, self, 1);
    if f & isundefined(nodes[self].last) then
      nodes[self].elapsed_wait := 0;
      nodes[self].wait_armed := true;
    end;
    check_step(before_nodes);
  end;
end;

-- on timeout wait if not far:
--     far := true
--     broadcast first(last, far)
--     broadcast second(far)
ruleset self: node do
  rule "timeout wait"
    nodes[self].wait_armed & nodes[self].elapsed_wait >= 2 & nodes[self].up & !nodes[self].paused
  ==>
  var
    before_nodes: all_nodes;
    who: node;
  begin
    before_nodes := nodes;
    nodes[self].wait_armed := false;
    if !nodes[self].far then
      nodes[self].elapsed_wait := -1;
      nodes[self].far := true;
      if !isundefined(nodes[self].last) then
        who := nodes[self].last;
      else
        undefine who;
      end;
      for receiver: node do
        if receiver != self then
          send_first(self, receiver, who, nodes[self].far, 0);
        end;
      end;
      for receiver_2: node do
        if receiver_2 != self then
          send_second(self, receiver_2, nodes[self].far, 0);
        end;
      end;
    else
      nodes[self].elapsed_wait := -1;
    end;
    assume !beyond;
    check_step(before_nodes);
  end;
end;

ruleset self: node do
  rule "pause"
    nodes[self].up & !nodes[self].paused & pause_count < 1
  ==>
  var
    before_nodes: all_nodes;
  begin
    before_nodes := nodes;
    pause_count := pause_count + 1;
    nodes[self].paused := true;
    check_step(before_nodes);
  end;
end;

ruleset self: node do
  rule "crash"
    nodes[self].up & crash_count < 1
  ==>
  var
    before_nodes: all_nodes;
    before_link_node_node: all_link_node_node;
    before_apart_node_node: all_apart_node_node;
    before_pause_count: pause_counter;
    before_crash_count: crash_counter;
    before_partition_count: partition_counter;
  begin
    before_nodes := nodes;
    before_link_node_node := link_node_node;
    before_apart_node_node := apart_node_node;
    before_pause_count := pause_count;
    before_crash_count := crash_count;
    before_partition_count := partition_count;
    crash_count := crash_count + 1;
    crash_node(self);
    nodes[self].up := false;
    check_step(before_nodes);
  end;
end;

ruleset cut_off_1: node do
  rule "partition"
    partition_count < 1
  ==>
  var
    before_nodes: all_nodes;
    old_apart_node_node: all_apart_node_node;
  begin
    before_nodes := nodes;
    old_apart_node_node := apart_node_node;
    partition_count := partition_count + 1;
    for origin: node do
      for target: node do
        apart_node_node[origin][target] := (origin = cut_off_1) != (target = cut_off_1);
      end;
    end;
    assume apart_node_node != old_apart_node_node;
    check_step(before_nodes);
  end;
end;

rule "heal"
  (exists origin: node do exists target: node do apart_node_node[origin][target] end end)
==>
var
  before_nodes: all_nodes;
begin
  before_nodes := nodes;
  for origin: node do
    for target: node do
      apart_node_node[origin][target] := false;
    end;
  end;
  check_step(before_nodes);
end;

ruleset self: node do
  rule "recover"
    !nodes[self].up
  ==>
  var
    before_nodes: all_nodes;
  begin
    before_nodes := nodes;
    nodes[self].up := true;
    start_node(self);
    check_step(before_nodes);
  end;
end;

ruleset self: node do
  rule "resume"
    nodes[self].paused
  ==>
  var
    before_nodes: all_nodes;
  begin
    before_nodes := nodes;
    nodes[self].paused := false;
    check_step(before_nodes);
  end;
end;

rule "tick"
  (forall self: node do nodes[self].elapsed_wait < 2 | nodes[self].paused end)
  & (forall origin: node do (forall target: node do (forall place: 1..2 do !(nodes[target].up & !nodes[target].paused & !apart_node_node[origin][target]) | !(place <= link_node_node[origin][target].length & link_node_node[origin][target].slot[place].message = is_first & link_node_node[origin][target].slot[place].first_of_age = 2) end) end) end)
  & (forall origin: node do (forall target: node do (forall place: 1..2 do !(nodes[target].up & !nodes[target].paused & !apart_node_node[origin][target]) | !(place <= link_node_node[origin][target].length & link_node_node[origin][target].slot[place].message = is_second & link_node_node[origin][target].slot[place].second_of_age = 2) end) end) end)
==>
var
  before_nodes: all_nodes;
begin
  before_nodes := nodes;
  for self: node do
    if nodes[self].elapsed_wait >= 0 & nodes[self].elapsed_wait < 2 then
      nodes[self].elapsed_wait := nodes[self].elapsed_wait + 1;
    end;
  end;
  for origin: node do
    for target: node do
      for place: 1..2 do
        if place <= link_node_node[origin][target].length then
          if link_node_node[origin][target].slot[place].message = is_first then
            if link_node_node[origin][target].slot[place].first_of_age < 2 then
              link_node_node[origin][target].slot[place].first_of_age := link_node_node[origin][target].slot[place].first_of_age + 1;
            end;
          elsif link_node_node[origin][target].slot[place].message = is_second then
            if link_node_node[origin][target].slot[place].second_of_age < 2 then
              link_node_node[origin][target].slot[place].second_of_age := link_node_node[origin][target].slot[place].second_of_age + 1;
            end;
          end;
        end;
      end;
    end;
  end;
  check_step(before_nodes);
end;

ruleset origin: node; target: node; position: 1..2 do
  rule "lose a message to node" position <= link_node_node[origin][target].length ==>
    var
      before_nodes: all_nodes;
    begin
      before_nodes := nodes;
      drop_node_node(origin, target, position);
      check_step(before_nodes);
    end;
end;

-- safety holds: true
invariant "holds"
  true;

-- reachable both: exists n in node: n.last != none and n.far
cover "both"
  exists n: node do !isundefined(nodes[n].last) & nodes[n].far end;
