"""Time as a TLA+ action: a tick, in which all clocks count on at once. See `spec.clocks`."""

from __future__ import annotations

from collections.abc import Iterator

from codegen.tla_actions import Action, TlaModule, able, define_action, effects_of, paused_of
from codegen.tla_expressions import COMPARISON, OTHER, Text, all_of, implies
from spec.clocks import AGE
from spec.protocol import Clocks


def tick(module: TlaModule) -> None:
    """The action of a tick, where there is time. It is there where nobody who is able to must act first, no message
    must arrive or be lost, and no pause must end."""
    clocks = module.instance.protocol.clocks
    if clocks is None:
        return
    guards = [*_pauses_may_last(module, clocks), *_timers_may_wait(module, clocks)]
    changes = {**_pauses_last(module, clocks), **_timers_go_on(module, clocks)}
    if clocks.delay is not None:
        guards += _messages_may_wait(module, clocks.delay)
        changes |= _messages_age(module, clocks.delay)
    kind = module.instance.protocol.kinds[0].name
    action = Action("Tick", (), guards, effects_of(module, kind), handled=False)
    action.changes = changes
    action.remark = "Time goes on, and with it all clocks."
    define_action(module, action, "")


# Pauses and timers ---------------------------------------------------------------------------------------------------


def _for_all(module: TlaModule, kind: str, condition: Text) -> Text:
    return Text(f"\\A self \\in {module.known.kinds[kind]} : {condition.text}", OTHER)


def _counted(module: TlaModule, kind: str, variable: str, more: str) -> tuple[str, str]:
    """A variable of the state, and what it is later: of each process, `more`."""
    of = module.known.variables[kind, variable]
    return of, f"[self \\in {module.known.kinds[kind]} |-> {more.replace('COUNT', f'{of}[self]')}]"


def _pauses_may_last(module: TlaModule, clocks: Clocks) -> Iterator[Text]:
    for pause in clocks.pauses:
        if pause.lasted is not None:
            lasted = module.known.variables[pause.kind, pause.lasted]
            paused = Text(f"{paused_of(module, pause.kind)}[self]")
            yield _for_all(module, pause.kind, implies(paused, Text(f"{lasted}[self] < {pause.longest}", COMPARISON)))


def _pauses_last(module: TlaModule, clocks: Clocks) -> dict[str, str]:
    """Of who is not paused, the length stays 0."""
    lasting = [(pause.kind, pause.lasted) for pause in clocks.pauses if pause.lasted is not None]
    return dict(
        _counted(module, kind, lasted, f"IF {paused_of(module, kind)}[self] THEN COUNT + 1 ELSE COUNT")
        for kind, lasted in lasting
    )


def _timers_may_wait(module: TlaModule, clocks: Clocks) -> Iterator[Text]:
    for clock in clocks.timers:
        if clock.longest <= clock.top:
            count = module.known.variables[clock.kind, clock.variable]
            early = Text(f"{count}[self] < {clock.longest}", COMPARISON)
            paused = paused_of(module, clock.kind)
            either = Text(f"{early.text} \\/ {paused}[self]", OTHER) if paused else early
            yield _for_all(module, clock.kind, either)


def _timers_go_on(module: TlaModule, clocks: Clocks) -> dict[str, str]:
    return dict(
        _counted(module, clock.kind, clock.variable, f"IF COUNT \\in 0 .. {clock.top - 1} THEN COUNT + 1 ELSE COUNT")
        for clock in clocks.timers
    )


# Messages ------------------------------------------------------------------------------------------------------------


def _messages_may_wait(module: TlaModule, delay: int) -> Iterator[Text]:
    """That no message has to arrive now."""
    for (_, receiver), link in module.links.items():
        reached = [Text("Connected(l[1], l[2])")] if module.sides else []
        ready = all_of((*able(module, receiver, "l[2]"), *reached))
        waiting = f"\\A m \\in BagToSet({link}[l]) : m.{AGE}"
        if not module.instance.network.reordering:
            waiting = f"\\A k \\in 1 .. Len({link}[l]) : {link}[l][k].{AGE}"
        young = implies(ready, Text(f"{waiting} < {delay}", OTHER))
        yield Text(f"\\A l \\in DOMAIN {link} : {young.text}", OTHER)


def _messages_age(module: TlaModule, delay: int) -> dict[str, str]:
    """Each message under way is a tick older. The eldest grow no older; they have nobody to arrive at."""
    older = module.known.names.new("Older")
    module.definitions.append(
        f"{older}(m) == [m EXCEPT !.{AGE} = IF @ < {delay} THEN @ + 1 ELSE @]  \\* a tick later\n"
    )
    found = {}
    for link in module.links.values():
        after = f"BagOfAll({older}, {link}[l])"
        if not module.instance.network.reordering:
            after = f"[k \\in 1 .. Len({link}[l]) |-> {older}({link}[l][k])]"
        found[link] = f"[l \\in DOMAIN {link} |-> {after}]"
    return found


# What is always so ---------------------------------------------------------------------------------------------------


def counts_agree(module: TlaModule) -> Iterator[tuple[str, str, frozenset[str]]]:
    """What holds of the variables of time whatever the protocol does: a timer is counted while it is armed, who is
    paused is up, and who is not paused has not been so for any time. Each with a name and the variables that it
    reads."""
    known, clocks = module.known, module.instance.protocol.clocks
    if clocks is None:
        return
    for timer in clocks.timers:
        armed, count = known.armed[timer.kind, timer.timer], known.variables[timer.kind, timer.variable]
        text = f"\\A self \\in {known.kinds[timer.kind]} : {armed}[self] <=> {count}[self] >= 0"
        yield f"{timer.timer}_is_counted", text, frozenset({armed, count})
    for pause in clocks.pauses:
        paused, up = known.variables[pause.kind, pause.variable], known.up.get(pause.kind)
        lasted = None if pause.lasted is None else known.variables[pause.kind, pause.lasted]
        parts = [] if up is None else [f"({paused}[self] => {up}[self])"]
        parts += [] if lasted is None else [f"({paused}[self] \\/ {lasted}[self] = 0)"]
        if parts:
            both = " /\\ ".join(parts)
            text = f"\\A self \\in {known.kinds[pause.kind]} : {both}"
            yield f"pauses_of_{pause.kind}", text, frozenset(name for name in (paused, up, lasted) if name)
