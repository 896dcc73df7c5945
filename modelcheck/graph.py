"""The graph of all reachable states of a small model, for analysis with networkx and for drawing."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, TypeAlias

import networkx as nx

from modelcheck.explore import Graph, within
from modelcheck.model import Model, Name, Packet, ProcessState, State, Successor
from modelcheck.properties import checked, found_in_state, found_in_step
from modelcheck.semantics import initial, is_paused, leads, process_state, steps
from modelcheck.story import describe_packet, describe_step, title
from spec.clocks import hidden_variables
from spec.protocol import Clocks
from spec.show import show_duration, show_value

StateGraph: TypeAlias = "nx.DiGraph[int]"
"""States are numbered from 0, the initial one, in breadth-first order.

A node has `state` (the `State`), `depth` (steps from the start), `label` (what differs from the start, a line for each
process), `leaders` (who leads, a text), `violates` (the names of the properties that are false in it), `fails` (what
its failing steps fail with) and `cut` (whether a bound stops a step from it). An edge has `steps` (the steps that lead
from one state to the other, as `Successor`s), `label` (the same in words) and `violates` (the step properties that are
false of it). The graph has `name` and `model`."""


class TooManyStatesError(Exception):
    """The model has more states than were asked for at most."""

    def __init__(self, model: Model, limit: int) -> None:
        super().__init__(
            f"{title(model)}: more than {limit} states; take fewer processes or tighter bounds, or raise the limit"
        )
        self.limit = limit


def materialise(model: Model, limit: int = 2000) -> StateGraph:
    """The whole reachable graph. Raises TooManyStatesError where it has more than `limit` states, and ValueError where
    the initial state cannot be made."""
    start = initial(model)
    if start.state is None:
        reason = start.failure.reason if start.failure is not None else ""
        raise ValueError(f"the initial state cannot be made: {reason}")
    levels: list[tuple[State, ...]] = []
    successors: dict[State, tuple[Successor, ...]] = {}
    known = {start.state}
    level = [start.state]
    while level:
        levels.append(tuple(level))
        following: list[State] = []
        for state in level:
            successors[state] = tuple(steps(model, state))
            new = [after for after in dict.fromkeys(within(successors[state])) if after not in known]
            known.update(new)
            following += new
            # As soon as it is certain: a level may well be larger than all before it.
            if len(known) > limit:
                raise TooManyStatesError(model, limit)
        level = following
    return of_explored(model, Graph(tuple(levels), successors))


def of_explored(model: Model, explored: Graph) -> StateGraph:
    """The graph of what has been explored to its end."""
    graph: StateGraph = nx.DiGraph(name=title(model), model=model)
    numbers: dict[State, int] = {}
    start = explored.levels[0][0]
    for depth, level in enumerate(explored.levels):
        for state in level:
            numbers[state] = len(numbers)
            graph.add_node(numbers[state], **_node(model, start, state, explored.successors[state]), depth=depth)
    for state, successors in explored.successors.items():
        for successor in successors:
            if successor.state is None or successor.beyond is not None:
                continue
            ends = numbers[state], numbers[successor.state]
            if graph.has_edge(*ends):
                graph.edges[ends]["steps"] += (successor,)
            else:
                graph.add_edge(*ends, steps=(successor,), violates=_violated_by(model, state, successor.state))
    for _, _, edge in graph.edges(data=True):
        edge["label"] = " or ".join(describe_step(model, successor.step) for successor in edge["steps"])
    return graph


def _node(model: Model, start: State, state: State, successors: tuple[Successor, ...]) -> dict[str, Any]:
    names = [name for names in model.names for name in names]
    leading = ((name, leads(model, state, name)) for name in names)
    violated = (item.name for item in checked(model) if item.is_violation and not item.in_step)
    items = {item.name: item for item in checked(model)}
    return {
        "state": state,
        "label": "\n".join(_lines(model, start, state)) or "the start",
        "leaders": ", ".join(f"{name} with token {token}" for name, token in leading if token is not None),
        "violates": tuple(name for name in violated if found_in_state(model, items[name], state)),
        "fails": tuple(
            f"{describe_step(model, successor.step)}: {successor.failure.reason}"
            for successor in successors
            if successor.failure is not None
        ),
        "cut": any(successor.beyond is not None for successor in successors),
    }


def _violated_by(model: Model, before: State, after: State) -> tuple[str, ...]:
    items = (item for item in checked(model) if item.is_violation and item.in_step)
    return tuple(item.name for item in items if found_in_step(model, item, before, after))


# Words ---------------------------------------------------------------------------------------------------------------


def _lines(model: Model, start: State, state: State) -> Iterator[str]:
    """What differs from the initial state."""
    for name in (name for names in model.names for name in names):
        parts = list(_process(model, start, state, name))
        if parts:
            yield f"{name}: {', '.join(parts)}"
    new = sorted(state.packets - start.packets, key=repr)
    queued = [(link, packet) for link in sorted(state.links - start.links, key=repr) for packet in link.queue]
    under_way = [*new, *(packet for _, packet in queued)]
    if under_way:
        together: dict[str, list[str]] = {}
        for packet in under_way:
            what = f"{describe_packet(model, packet)}{_age(model, packet)} {packet.sender}"
            together.setdefault(what, []).append(str(packet.receiver))
        yield "; ".join(f"{message} -> {', '.join(receivers)}" for message, receivers in together.items())
    if state.sides:
        off = [
            str(name)
            for names, cut in zip(model.names, state.sides, strict=True)
            for name, is_off in zip(names, cut, strict=True)
            if is_off
        ]
        yield f"cut off: {', '.join(off)}"
    spent = zip(model.bounded_faults, state.spent, strict=True)
    counted = [f"{fault.kind.value} {times}" for fault, times in spent if times]
    if counted:
        yield f"so far: {', '.join(counted)}"
    leader = model.protocol.leader
    earlier = [
        f"{name} {token}"
        for name, token in ((Name(leader.kind, number), token) for number, token in sorted(state.led) if leader)
        if leads(model, state, name) != token
    ]
    if earlier:
        yield f"led before: {', '.join(earlier)}"


def _process(model: Model, start: State, state: State, name: Name) -> Iterator[str]:
    kind = model.protocol.kind(name.kind)
    old, new = process_state(model, start, name), process_state(model, state, name)
    if not new.up:
        yield "down"
    hidden = hidden_variables(kind) if model.protocol.clocks is not None else ()
    for variable, was, now in zip(kind.variables, old.values, new.values, strict=True):
        if was != now and variable.name not in hidden:
            yield f"{variable.name} {show_value(now, variable.type)}"
    for timer, was_armed, is_armed in zip(kind.timers, old.armed, new.armed, strict=True):
        if was_armed != is_armed:
            yield f"{timer.name} {'armed' if is_armed else 'not armed'}"
    if model.protocol.clocks is not None:
        yield from _time(model, model.protocol.clocks, state, name, old)


def _time(model: Model, clocks: Clocks, state: State, name: Name, at_first: ProcessState) -> Iterator[str]:
    """For how long timers have run and a process has been paused."""
    tick, pause = clocks.timing.tick, clocks.pause(name.kind)
    kept, started = process_state(model, state, name).values, at_first.values
    for clock in (clock for clock in clocks.timers if clock.kind == name.kind):
        place = model.variable_index[name.kind, clock.variable]
        if kept[place] >= 0 and kept[place] != started[place]:
            longer = kept[place] == clock.top and (pause is not None or clock.longest > clock.top)
            yield f"{clock.timer} for {show_duration(kept[place] * tick)}{' or more' * longer}"
    if pause is not None and is_paused(model, state, name):
        lasted = 0 if pause.lasted is None else kept[model.variable_index[name.kind, pause.lasted]]
        yield f"paused for {show_duration(lasted * tick)}" if lasted else "paused"


def _age(model: Model, packet: Packet) -> str:
    """How long a message has been under way, where that is counted; the eldest may have been so for longer."""
    clocks = model.protocol.clocks
    if clocks is None or clocks.delay is None:
        return ""
    age = packet.arguments[-1]
    return f" ({show_duration(age * clocks.timing.tick)}{' or more' * (age == clocks.delay)})"


# Files ---------------------------------------------------------------------------------------------------------------


def graphml(graph: StateGraph) -> str:
    """GraphML: nodes and edges with their texts and numbers (`violates` and `fails` joined with `; `)."""
    plain: StateGraph = nx.DiGraph(name=graph.graph["name"])
    for number, node in graph.nodes(data=True):
        plain.add_node(
            number,
            label=node["label"],
            depth=node["depth"],
            leaders=node["leaders"],
            violates="; ".join(node["violates"]),
            fails="; ".join(node["fails"]),
            cut=node["cut"],
        )
    for one, other, edge in graph.edges(data=True):
        plain.add_edge(one, other, label=edge["label"], violates="; ".join(edge["violates"]))
    written = io.BytesIO()
    nx.write_graphml_xml(plain, written)
    return written.getvalue().decode()


def dot(graph: StateGraph) -> str:
    """Graphviz's language: states where somebody leads are green, those where a property is false red; a dashed border
    means that a bound stops a step."""
    lines = [
        f"digraph {_quoted(graph.graph['name'])} {{",
        "    rankdir=TB;",
        '    node [shape=box, style="rounded,filled", fillcolor=white, fontname="monospace", fontsize=10];',
        '    edge [fontname="monospace", fontsize=9, color="#52606d"];',
    ]
    for number, node in graph.nodes(data=True):
        settings = {"label": f"{number}\n{node['label']}"}
        wrong = [*node["violates"], *node["fails"]]
        if wrong:
            settings |= {"fillcolor": "#fbd5d0", "tooltip": "; ".join(wrong)}
        elif node["leaders"]:
            settings |= {"fillcolor": "#d3f0dd", "tooltip": node["leaders"]}
        if node["cut"]:
            settings["style"] = "rounded,filled,dashed"
        lines.append(f"    {number} [{_settings(settings)}];")
    for one, other, edge in graph.edges(data=True):
        settings = {"label": edge["label"].replace(" or ", "\n")}
        if edge["violates"]:
            settings |= {"color": "#b42318", "penwidth": "2", "tooltip": "; ".join(edge["violates"])}
        lines.append(f"    {one} -> {other} [{_settings(settings)}];")
    return "\n".join([*lines, "}"]) + "\n"


def _settings(settings: dict[str, str]) -> str:
    return ", ".join(f"{name}={_quoted(value)}" for name, value in settings.items())


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\l")
    # `\l` ends a line that stands at the left.
    return f'"{escaped}\\l"' if "\\l" in escaped else f'"{escaped}"'
