"""Time in formulas: who is able to act, when a timer may fire, and what a tick does. See `spec.clocks`."""

from __future__ import annotations

from collections.abc import Callable

from modelcheck.proof.expressions import expanded, is_up
from modelcheck.proof.logic import (
    FALSE,
    POSITION,
    TRUE,
    Term,
    arithmetic,
    at_most,
    choice,
    conjunction,
    disjunction,
    equal,
    implication,
    less,
    negation,
    number,
)
from modelcheck.proof.setting import Setting, Unprovable, View, cut_symbol, fresh
from spec.protocol import Clocks, Message, PauseClock, TimerClock

Changes = dict[str, Callable[[tuple[Term, ...]], Term]]
"""Symbols by name, as functions of their arguments. Each is written over the state before."""


# Who is able to act --------------------------------------------------------------------------------------------------


def connected(setting: Setting, view: View, sender: str, one: Term, receiver: str, other: Term) -> Term:
    if not setting.splits:
        return TRUE
    return equal(view(cut_symbol(sender), (one,)), view(cut_symbol(receiver), (other,)))


def may_receive(setting: Setting, view: View, message: Message, sender: Term, receiver: Term) -> Term:
    """Whether the receiver of a message, which is under way, is able to take it."""
    return conjunction(
        (
            is_able(setting, view, message.receiver, receiver),
            connected(setting, view, message.sender, sender, message.receiver, receiver),
        )
    )


def is_able(setting: Setting, view: View, kind: str, process: Term) -> Term:
    """Whether a process is up and not paused."""
    return conjunction((is_up(setting, view, kind, process), negation(is_paused(setting, view, kind, process))))


def is_paused(setting: Setting, view: View, kind: str, process: Term) -> Term:
    clocks = setting.protocol.clocks
    pause = clocks.pause(kind) if clocks is not None else None
    return FALSE if pause is None else view(f"{kind}.{pause.variable}", (process,))


def has_run_long_enough(setting: Setting, view: View, kind: str, timer: str, process: Term) -> Term:
    """Whether a timer has been armed for its shortest duration, where it has one."""
    clocks = setting.protocol.clocks
    clock = clocks.timer(kind, timer) if clocks is not None else None
    if clock is None:
        return TRUE
    count = _count(view, clock, process)
    return at_most(number(clock.shortest, count.sort), count)


def _count(view: View, clock: TimerClock, process: Term) -> Term:
    return view(f"{clock.kind}.{clock.variable}", (process,))


def counted_where_armed(view: View, clock: TimerClock, process: Term) -> Term:
    """Whether a timer's count says that it is armed where it is."""
    count = _count(view, clock, process)
    return equal(view(f"{clock.kind}/armed/{clock.timer}", (process,)), at_most(_zero(count), count))


def clock_symbols(setting: Setting) -> frozenset[str]:
    """The symbols that count how long something lasts."""
    clocks = setting.protocol.clocks
    if clocks is None:
        return frozenset()
    timers = {f"{clock.kind}.{clock.variable}" for clock in clocks.timers}
    return frozenset(timers | {f"{pause.kind}.{pause.lasted}" for pause in clocks.pauses})


# Pauses --------------------------------------------------------------------------------------------------------------


def paused_now(before: View, pause: PauseClock, me: Term, *, paused: bool) -> Changes:
    """What changes where a process is paused, or goes on."""
    variable, lasted = f"{pause.kind}.{pause.variable}", f"{pause.kind}.{pause.lasted}"

    def now(arguments: tuple[Term, ...]) -> Term:
        same, mine = before(variable, arguments), equal(arguments[0], me)
        return disjunction((same, mine)) if paused else conjunction((same, negation(mine)))

    changes: Changes = {variable: now}
    if pause.lasted is not None:
        changes[lasted] = lambda a: choice(equal(a[0], me), _zero(before(lasted, a)), before(lasted, a))
    return changes


def _zero(like: Term) -> Term:
    return number(0, like.sort)


# Ticks ---------------------------------------------------------------------------------------------------------------


def tick(setting: Setting, before: View, clocks: Clocks) -> tuple[Term, Changes]:
    """When a tick may pass, and what it changes: all clocks count on at once, where nobody who is able to has to act
    first, no message has to arrive, and no pause has to end. A count stops at its top: nothing asks for more. Raises
    Unprovable."""
    may: list[Term] = []
    changes = Changes()
    for pause in clocks.pauses:
        if pause.lasted is not None:
            may.append(setting.every(pause.kind, lambda p, c=pause: _may_last(setting, before, c, p)))  # type: ignore[misc]
            changes[f"{pause.kind}.{pause.lasted}"] = lambda a, c=pause: _lasted(setting, before, c, a[0])  # type: ignore[misc]
    for clock in clocks.timers:
        may.append(setting.every(clock.kind, lambda p, c=clock: _may_wait(setting, before, c, p)))  # type: ignore[misc]
        changes[f"{clock.kind}.{clock.variable}"] = lambda a, c=clock: _counted_on(before, c, a[0])  # type: ignore[misc]
    if clocks.delay is not None:
        if setting.any_number:
            raise Unprovable("the limit of a message's delay, for any number of processes", clocks.timing.span)
        for message in setting.protocol.messages:
            may.append(_may_stay(setting, before, message, clocks.delay))
            changes[f"sent/{message.name}"] = lambda a, m=message: _aged(before, m, clocks.delay, a)  # type: ignore[misc]
    return conjunction(may), changes


def _may_last(setting: Setting, view: View, pause: PauseClock, process: Term) -> Term:
    lasted = view(f"{pause.kind}.{pause.lasted}", (process,))
    over = at_most(number(pause.longest, lasted.sort), lasted)
    return negation(conjunction((is_paused(setting, view, pause.kind, process), over)))


def _lasted(setting: Setting, view: View, pause: PauseClock, process: Term) -> Term:
    lasted = view(f"{pause.kind}.{pause.lasted}", (process,))
    more = arithmetic("+", lasted, number(1, lasted.sort))
    return choice(is_paused(setting, view, pause.kind, process), more, lasted)


def _may_wait(setting: Setting, view: View, clock: TimerClock, process: Term) -> Term:
    count = _count(view, clock, process)
    due = at_most(number(clock.longest, count.sort), count)
    return disjunction((negation(due), is_paused(setting, view, clock.kind, process)))


def _counted_on(view: View, clock: TimerClock, process: Term) -> Term:
    count = _count(view, clock, process)
    counts = conjunction((at_most(_zero(count), count), less(count, number(clock.top, count.sort))))
    return choice(counts, arithmetic("+", count, number(1, count.sort)), count)


def _may_stay(setting: Setting, view: View, message: Message, delay: int) -> Term:
    """Whether no message of a name has reached its age and could be received now."""

    def between(sender: Term, receiver: Term) -> Term:
        place = (fresh("k", POSITION),)
        given = tuple(fresh("x", sort) for _, of in message.parameters[:-1] for sort in setting.columns(of))
        sent = view(f"sent/{message.name}", (sender, receiver, *place, *given, number(delay)))
        cannot = negation(may_receive(setting, view, message, sender, receiver))
        return expanded(setting, (*place, *given), implication(sent, cannot), True)

    return setting.every(
        message.sender, lambda s: setting.every(message.receiver, lambda r: between(s, r), "receiver"), "sender"
    )


def _aged(view: View, message: Message, delay: int, arguments: tuple[Term, ...]) -> Term:
    """Whether a message is under way a tick later: one that was a tick younger, or had reached the largest age."""
    *others, age = arguments
    symbol = f"sent/{message.name}"
    younger = view(symbol, (*others, arithmetic("-", age, number(1))))
    as_old = view(symbol, (*others, age))
    return disjunction(
        (
            conjunction((at_most(number(1), age), younger)),
            conjunction((equal(age, number(delay)), as_old)),
        )
    )
