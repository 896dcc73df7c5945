-- The protocol `bags` as a Murphi model for Rumur, made by Oneleader from test.elect
--
-- processes: 2 node
-- network: loss, reordering, at most 3 messages on a link
-- bounds: seen <= 1
-- faults: pause of node up to 1
-- time: ticks of 500 ms; clocks are true, a pause lasts any time, a message takes at most 1 s
--       by true time, timers take: wait 1 s to 2 s
--
-- Run: rumur --deadlock-detection off --symmetry-reduction exhaustive --output model.c FILE
--      cc -O3 model.c -lpthread

type
  number: -1..4;
  node: scalarset(2);
  node_state: record
    seen: 0..2;
    whom: node;  -- undefined: none
    elapsed_wait: -1..4;
    paused: boolean;
    wait_armed: boolean;
  end;
  all_nodes: array [node] of node_state;
  all_under_way_note: array [node] of array [node] of array [0..1] of array [boolean] of array [node] of array [boolean] of array [0..2] of 0..3;
  all_under_way_done: array [node] of array [node] of array [0..2] of 0..3;
  all_load_node_node: array [node] of array [node] of 0..3;
  pause_counter: 0..1;

var
  nodes: all_nodes;
  under_way_note: all_under_way_note;
  under_way_done: all_under_way_done;
  load_node_node: all_load_node_node;
  pause_count: pause_counter;
  beyond: boolean;  -- while a step runs: it passes a bound; false in every state

procedure send_note(self: node; target: node; seen: number; var about: node; loud: boolean; age: number);
begin
  if seen > 1 then
    beyond := true;
  else
    if load_node_node[self][target] = 3 then
      beyond := true;
    else
      load_node_node[self][target] := load_node_node[self][target] + 1;
      if !isundefined(about) then
        under_way_note[self][target][seen][true][about][loud][age] := under_way_note[self][target][seen][true][about][loud][age] + 1;
      else
        for any: node do
          under_way_note[self][target][seen][false][any][loud][age] := under_way_note[self][target][seen][false][any][loud][age] + 1;
        end;
      end;
    end;
  end;
end;

procedure send_done(self: node; target: node; age: number);
begin
  if load_node_node[self][target] = 3 then
    beyond := true;
  else
    load_node_node[self][target] := load_node_node[self][target] + 1;
    under_way_done[self][target][age] := under_way_done[self][target][age] + 1;
  end;
end;

procedure judge_node(self: node);
begin
  if nodes[self].seen > 1 then
    beyond := true;
  end;
end;

-- on start:
--     reset wait
procedure start_node(self: node);
begin
  nodes[self].elapsed_wait := 0;
  nodes[self].wait_armed := true;
end;

startstate "start"
begin
  for self: node do
    nodes[self].seen := 0;
    undefine nodes[self].whom;
    nodes[self].elapsed_wait := -1;
    nodes[self].paused := false;
    nodes[self].wait_armed := false;
  end;
  for i_1: node do
    for i_2: node do
      for i_3: 0..1 do
        for i_4: boolean do
          for i_5: node do
            for i_6: boolean do
              for i_7: 0..2 do
                under_way_note[i_1][i_2][i_3][i_4][i_5][i_6][i_7] := 0;
              end;
            end;
          end;
        end;
      end;
    end;
  end;
  for i_1: node do
    for i_2: node do
      for i_3: 0..2 do
        under_way_done[i_1][i_2][i_3] := 0;
      end;
    end;
  end;
  for origin: node do
    for target: node do
      load_node_node[origin][target] := 0;
    end;
  end;
  pause_count := 0;
  for self: node do
    start_node(self);
  end;
  beyond := false;
end;

-- on note(s, about, loud) from other if loud or s > seen:
--     whom := other
--     seen := max(seen, s)
--     send done() to other
ruleset self: node; other_2: node; s: 0..1; about_given: boolean; about: node; loud: boolean; age: 0..2 do
  rule "deliver note"
    under_way_note[other_2][self][s][about_given][about][loud][age] > 0 & !nodes[self].paused
  ==>
  begin
    load_node_node[other_2][self] := load_node_node[other_2][self] - 1;
    if about_given then
      under_way_note[other_2][self][s][true][about][loud][age] := under_way_note[other_2][self][s][true][about][loud][age] - 1;
    else
      for any: node do
        under_way_note[other_2][self][s][false][any][loud][age] := under_way_note[other_2][self][s][false][any][loud][age] - 1;
      end;
    end;
    if loud | s > nodes[self].seen then
      nodes[self].whom := other_2;
      nodes[self].seen := ((nodes[self].seen > s) ? nodes[self].seen : s);
      send_done(self, other_2, 0);
      judge_node(self);
    end;
    assume !beyond;
  end;
end;

ruleset self: node; sender: node; age: 0..2 do
  rule "deliver done"
    under_way_done[sender][self][age] > 0 & !nodes[self].paused
  ==>
  begin
    load_node_node[sender][self] := load_node_node[sender][self] - 1;
    under_way_done[sender][self][age] := under_way_done[sender][self][age] - 1;
  end;
end;

-- on timeout wait if seen < 1:
--     seen := seen + 1
--     broadcast note(seen, whom, whom == none)
--     broadcast note(seen, whom, whom == none)
ruleset self: node do
  rule "timeout wait"
    nodes[self].wait_armed & nodes[self].elapsed_wait >= 2 & !nodes[self].paused
  ==>
  var
    about: node;
    about_2: node;
  begin
    nodes[self].wait_armed := false;
    if nodes[self].seen < 1 then
      nodes[self].elapsed_wait := -1;
      nodes[self].seen := nodes[self].seen + 1;
      if !isundefined(nodes[self].whom) then
        about := nodes[self].whom;
      else
        undefine about;
      end;
      for receiver: node do
        if receiver != self then
          send_note(self, receiver, nodes[self].seen, about, isundefined(nodes[self].whom), 0);
        end;
      end;
      if !isundefined(nodes[self].whom) then
        about_2 := nodes[self].whom;
      else
        undefine about_2;
      end;
      for receiver_2: node do
        if receiver_2 != self then
          send_note(self, receiver_2, nodes[self].seen, about_2, isundefined(nodes[self].whom), 0);
        end;
      end;
      judge_node(self);
    else
      nodes[self].elapsed_wait := -1;
    end;
    assume !beyond;
  end;
end;

ruleset self: node do
  rule "pause"
    !nodes[self].paused & pause_count < 1
  ==>
  begin
    pause_count := pause_count + 1;
    nodes[self].paused := true;
  end;
end;

ruleset self: node do
  rule "resume"
    nodes[self].paused
  ==>
  begin
    nodes[self].paused := false;
  end;
end;

rule "tick"
  (forall self: node do nodes[self].elapsed_wait < 4 | nodes[self].paused end)
  & (forall origin: node do (forall target: node do (forall seen: 0..1 do (forall about_given: boolean do (forall about: node do (forall loud: boolean do nodes[target].paused | !(under_way_note[origin][target][seen][about_given][about][loud][2] > 0) end) end) end) end) end) end)
  & (forall origin: node do (forall target: node do nodes[target].paused | !(under_way_done[origin][target][2] > 0) end) end)
==>
begin
  for self: node do
    if nodes[self].elapsed_wait >= 0 & nodes[self].elapsed_wait < 4 then
      nodes[self].elapsed_wait := nodes[self].elapsed_wait + 1;
    end;
  end;
  for origin: node do
    for target: node do
      for seen: 0..1 do
        for about_given: boolean do
          for about: node do
            for loud: boolean do
              under_way_note[origin][target][seen][about_given][about][loud][2] := under_way_note[origin][target][seen][about_given][about][loud][2] + under_way_note[origin][target][seen][about_given][about][loud][1];
              under_way_note[origin][target][seen][about_given][about][loud][1] := under_way_note[origin][target][seen][about_given][about][loud][0];
              under_way_note[origin][target][seen][about_given][about][loud][0] := 0;
            end;
          end;
        end;
      end;
    end;
  end;
  for origin: node do
    for target: node do
      under_way_done[origin][target][2] := under_way_done[origin][target][2] + under_way_done[origin][target][1];
      under_way_done[origin][target][1] := under_way_done[origin][target][0];
      under_way_done[origin][target][0] := 0;
    end;
  end;
end;

ruleset origin: node; self: node; seen: 0..1; about_given: boolean; about: node; loud: boolean; age: 0..2 do
  rule "lose note" under_way_note[origin][self][seen][about_given][about][loud][age] > 0 ==>
    begin
      load_node_node[origin][self] := load_node_node[origin][self] - 1;
      if about_given then
        under_way_note[origin][self][seen][true][about][loud][age] := under_way_note[origin][self][seen][true][about][loud][age] - 1;
      else
        for any: node do
          under_way_note[origin][self][seen][false][any][loud][age] := under_way_note[origin][self][seen][false][any][loud][age] - 1;
        end;
      end;
    end;
end;

ruleset origin: node; self: node; age: 0..2 do
  rule "lose done" under_way_done[origin][self][age] > 0 ==>
    begin
      load_node_node[origin][self] := load_node_node[origin][self] - 1;
      under_way_done[origin][self][age] := under_way_done[origin][self][age] - 1;
    end;
end;

-- safety holds: true
invariant "holds"
  true;

-- reachable met: forall n in node: n.whom != none
cover "met"
  forall n: node do !isundefined(nodes[n].whom) end;
