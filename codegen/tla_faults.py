"""The beginning of a TLA+ export, and the actions of faults, which begin anew."""

from __future__ import annotations

from collections.abc import Iterable

from codegen.instance import starts
from codegen.tla_actions import Action, TlaModule, able, camel, define_action, effects_of, paused_of, up_of
from codegen.tla_effects import Effects, run
from codegen.tla_expressions import FALSE, TRUE, Text, binary, constant
from spec.protocol import Arm, FaultKind, If, ProcessKind, Variable
from spec.source import NOWHERE
from spec.types import MapType


def initial_text(variable: Variable, effects: Effects) -> Text:
    """A variable's declared value."""
    if isinstance(variable.type, MapType):
        key = effects.known.kinds[variable.type.key.kind]
        return Text(f"[k \\in {key} |-> {constant(variable.initial).text}]")
    return constant(variable.initial)


def started(module: TlaModule, kind: ProcessKind, effects: Effects, lost: Iterable[str]) -> None:
    """Resets the lost variables and all timers, and runs `on start`."""
    for variable in kind.variables:
        if variable.name in set(lost):
            effects.values[variable.name] = initial_text(variable, effects)
    for timer in kind.timers:
        effects.armed[timer.name] = FALSE
    start(module, kind, effects)


def start(module: TlaModule, kind: ProcessKind, effects: Effects) -> None:
    """Runs the first `on start` whose guard holds."""
    handlers = starts(module.instance.protocol, kind.name)
    if handlers:
        run((If(tuple(Arm(h.guard, h.body, h.point, h.span) for h in handlers), NOWHERE),), effects)


def faults(module: TlaModule) -> None:
    """The actions of the faults that may happen."""
    known, instance = module.known, module.instance
    for fault in instance.steps_of_faults:
        counter = module.counters.get(fault)
        guards, changes = [], {}
        if counter is not None:
            assert fault.up_to is not None
            limit = known.limit(fault, counter, fault.up_to)
            guards = [binary(Text(counter), "<", limit)]
            changes = {counter: f"{counter} + 1"}
        if fault.kind is FaultKind.PARTITION:
            _partition(module, guards, changes)
            continue
        for kind in (kind for kind in instance.protocol.kinds if fault.happens_to(kind.name)):
            if fault.kind is FaultKind.PAUSE:
                _pausing(module, kind, guards, changes)
                continue
            title = _titled(module, fault.kind.value.replace(" ", "_"), kind)
            effects = effects_of(module, kind.name)
            lost = [v.name for v in kind.variables if not v.durable or fault.kind is FaultKind.DISK_LOSS]
            action = Action(title, ("self",), [*up_of(module, kind.name), *guards], effects, (fault.span,))
            action.changes = dict(changes)
            if fault.kind is FaultKind.CRASH:
                for variable in kind.variables:
                    if variable.name in lost:
                        effects.values[variable.name] = initial_text(variable, effects)
                for timer in kind.timers:
                    effects.armed[timer.name] = FALSE
                action.changes[known.up[kind.name]] = f"[{known.up[kind.name]} EXCEPT ![self] = FALSE]"
                action.handled = False
            else:
                started(module, kind, effects, lost)
                action.unless_idle = counter or ""
            define_action(module, action, f"self \\in {known.kinds[kind.name]}")
    for kind in instance.protocol.kinds:
        if paused_of(module, kind.name):
            title, paused = _titled(module, "resume", kind), Text(f"{paused_of(module, kind.name)}[self]")
            resume = Action(title, ("self",), [paused], effects_of(module, kind.name), handled=False)
            _set_paused(module, kind, resume.effects, FALSE)
            define_action(module, resume, f"self \\in {known.kinds[kind.name]}")
        if kind.name not in known.up:
            continue
        effects = effects_of(module, kind.name)
        start(module, kind, effects)
        up = known.up[kind.name]
        title = _titled(module, "recover", kind)
        action = Action(title, ("self",), [Text(f"~{up}[self]")], effects)
        action.changes = {up: f"[{up} EXCEPT ![self] = TRUE]"}
        define_action(module, action, f"self \\in {known.kinds[kind.name]}")


def _titled(module: TlaModule, what: str, kind: ProcessKind) -> str:
    return camel(what, *([kind.name] if len(module.instance.sizes) > 1 else []))


def _pausing(module: TlaModule, kind: ProcessKind, guards: list[Text], changes: dict[str, str]) -> None:
    """That a process of a kind pauses."""
    title = _titled(module, FaultKind.PAUSE.value, kind)
    action = Action(title, ("self",), [*able(module, kind.name), *guards], effects_of(module, kind.name), handled=False)
    action.changes = dict(changes)
    _set_paused(module, kind, action.effects, TRUE)
    define_action(module, action, f"self \\in {module.known.kinds[kind.name]}")


def _set_paused(module: TlaModule, kind: ProcessKind, effects: Effects, paused: Text) -> None:
    clocks = module.instance.protocol.clocks
    pause = clocks.pause(kind.name) if clocks is not None else None
    assert pause is not None
    effects.values[pause.variable] = paused
    if pause.lasted is not None:
        effects.values[pause.lasted] = constant(0)


def _partition(module: TlaModule, guards: list[Text], changes: dict[str, str]) -> None:
    sides = module.sides
    kinds = module.instance.protocol.kinds
    effects = effects_of(module, kinds[0].name)
    cut = [Text("side # {}"), Text("side # Processes"), *guards]
    cut.append(Text(f"{sides} # {{side, Processes \\ side}}"))
    action = Action("Partition", ("side",), cut, effects, handled=False)
    action.changes = {**changes, sides: "{side, Processes \\ side}"}
    define_action(module, action, "side \\in SUBSET Processes")
    heal = Action("Heal", (), [Text(f"{sides} # {{}}")], effects, handled=False)
    heal.changes = {sides: "{}"}
    define_action(module, heal, "")
