"""The typed, immutable `Protocol`: all that crosses from the language to its readers.

Names are resolved and types are checked. Spans do not take part in equality, so that two texts that differ in
layout alone give equal protocols. Every local name (a parameter, a `let`, a quantified variable) has an identity of
its own, unique within the protocol; nothing is shadowed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from spec.fairness import Fairness
from spec.source import NOWHERE, Source, Span
from spec.types import BOOL, EnumType, ProcessType, SetType, Type, Value


def _span() -> Span:
    return field(default=NOWHERE, compare=False, repr=False)


# Expressions ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal: a boolean, a number, an enumeration's value, `none` (None) or the empty set (frozenset())."""

    value: Value
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Local:
    """A parameter, a `let`, a quantified variable, the sender of a message."""

    identity: int
    name: str
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Self:
    type: ProcessType
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Read:
    """The variable of a process; `process` is `Self` in handlers, any process in properties."""

    process: Expression
    variable: str
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Entry:
    """`map[key]`."""

    map: Expression
    key: Expression
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Not:
    operand: Expression
    span: Span = _span()
    type: Type = BOOL


class Connective(Enum):
    AND = "and"
    OR = "or"
    IMPLIES = "implies"


@dataclass(frozen=True, slots=True)
class Connected:
    """`and`, `or`, `implies`. The right side is not evaluated where the left one settles it."""

    connective: Connective
    left: Expression
    right: Expression
    span: Span = _span()
    type: Type = BOOL


class Comparison(Enum):
    EQUAL = "=="
    DIFFERENT = "!="
    LESS = "<"
    LESS_EQUAL = "<="
    GREATER = ">"
    GREATER_EQUAL = ">="


@dataclass(frozen=True, slots=True)
class Compare:
    """Equality of any two values of comparable types (an option with what it may hold, too); order of two numbers,
    or of two processes of one `ordered` kind."""

    comparison: Comparison
    left: Expression
    right: Expression
    span: Span = _span()
    type: Type = BOOL


class Operator(Enum):
    PLUS = "+"
    MINUS = "-"
    TIMES = "*"
    MINIMUM = "min"
    MAXIMUM = "max"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    operator: Operator
    left: Expression
    right: Expression
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class OneOf:
    """`value in {a, b}`: equal to one of the alternatives; they need not be processes."""

    value: Expression
    alternatives: tuple[Expression, ...]
    span: Span = _span()
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Member:
    """`process in set`. The element may be an option; `none` is in no set."""

    element: Expression
    set: Expression
    span: Span = _span()
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Subset:
    left: Expression
    right: Expression
    span: Span = _span()
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class SetOf:
    """`{a, b}`; an element may not be an option."""

    elements: tuple[Expression, ...]
    type: SetType
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Everyone:
    """All processes of a kind."""

    type: SetType
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Filtered:
    """`{variable in domain if condition}`."""

    variable: Local
    domain: Expression
    condition: Expression
    type: SetType
    span: Span = _span()


class SetOperator(Enum):
    UNION = "+"
    DIFFERENCE = "-"
    INTERSECTION = "&"


@dataclass(frozen=True, slots=True)
class SetOperation:
    operator: SetOperator
    left: Expression
    right: Expression
    type: SetType
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Size:
    set: Expression
    type: Type
    span: Span = _span()


class Quantifier(Enum):
    EXISTS = "exists"
    FORALL = "forall"


@dataclass(frozen=True, slots=True)
class Quantified:
    quantifier: Quantifier
    variable: Local
    domain: Expression
    body: Expression
    span: Span = _span()
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Conditional:
    """`if condition then yes else no`."""

    condition: Expression
    yes: Expression
    no: Expression
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Neighbour:
    """`successor(p)` (`offset` 1) or `predecessor(p)` (-1) on the ring of an `ordered` kind."""

    process: Expression
    offset: int
    type: ProcessType
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Apply:
    """A definition applied. `process` is whose variables its body reads; None for one that reads none."""

    definition: str
    process: Expression | None
    arguments: tuple[Expression, ...]
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Armed:
    """Whether a timer of a process is armed; in properties only."""

    process: Expression
    timer: str
    span: Span = _span()
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Up:
    """Whether a process is up; in properties only."""

    process: Expression
    span: Span = _span()
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Elapsed:
    """For how many ticks a timer of a process has been armed, -1 where it is not; in properties of a `timed` spec only.
    None is left in a protocol whose clocks are variables, see `spec.clocks`."""

    process: Expression
    timer: str
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Paused:
    """Whether a process is paused; as `Elapsed`."""

    process: Expression
    span: Span = _span()
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Next:
    """The operand in the state after the step; in step properties only. Never nested."""

    operand: Expression
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Underway:
    """`forall vote(t) from v to c: body`: over all messages of a name that are under way; in properties only.

    With `later` it is over all pairs on one link of which the first is ahead of the second
    (`forall granted(t) from s to c before granted(u): body`), where the network keeps the order of messages: there are
    none where it does not. `later` is the second message and the locals that stand for what it carries."""

    quantifier: Quantifier
    message: str
    parameters: tuple[Local, ...]
    sender: Local
    receiver: Local
    body: Expression
    later: tuple[str, tuple[Local, ...]] | None = None
    span: Span = _span()
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Led:
    """`forall n led with t: body`: over all who have ever led, and with which token; in properties only."""

    quantifier: Quantifier
    process: Local
    token: Local
    body: Expression
    span: Span = _span()
    type: Type = BOOL


Expression = (
    Constant
    | Local
    | Self
    | Read
    | Entry
    | Not
    | Connected
    | Compare
    | Arithmetic
    | OneOf
    | Member
    | Subset
    | SetOf
    | Everyone
    | Filtered
    | SetOperation
    | Size
    | Quantified
    | Conditional
    | Neighbour
    | Apply
    | Armed
    | Up
    | Elapsed
    | Paused
    | Next
    | Underway
    | Led
)


# Statements ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Assign:
    """`variable := value`, or `variable[key] := value`. A whole map is assigned from a map, or from one value for
    all its keys (then `value`'s type is the map's value type)."""

    variable: str
    key: Expression | None
    value: Expression
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm of an `if`; `condition` is None for `else`. `point` is its coverage point."""

    condition: Expression | None
    body: tuple[Statement, ...]
    point: int
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class If:
    """The first arm whose condition holds runs; none, nothing does."""

    arms: tuple[Arm, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Send:
    """To one process; to nobody where the receiver is an option that is `none`."""

    message: str
    arguments: tuple[Expression, ...]
    receiver: Expression
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Broadcast:
    """To all processes of the message's receiving kind but oneself."""

    message: str
    arguments: tuple[Expression, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Reset:
    """The timer begins anew; with `since` it counts from when that timer was reset, which must be armed."""

    timer: str
    span: Span = _span()
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    timer: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Let:
    local: Local
    value: Expression
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class For:
    """The body runs once for each element; it only sends and sets map entries at the element, so that no order
    among the elements can be seen."""

    variable: Local
    domain: Expression
    body: tuple[Statement, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Call:
    procedure: str
    arguments: tuple[Expression, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Pass:
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Assert:
    condition: Expression
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Reaching this is a violation; the arm or handler that begins with it need not be taken."""

    span: Span = _span()


Statement = Assign | If | Send | Broadcast | Reset | Stop | Let | For | Call | Pass | Assert | Unreachable


# Declarations --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Variable:
    """`initial` is a value of the type; for a map, the tuple's entry for every key is the same, and `initial` is
    that one entry. An initial process can only be `none`: no process of a kind is special."""

    name: str
    type: Type
    initial: Value
    durable: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Timer:
    """Durations in milliseconds; a fixed one has `low == high`. They mean nothing to an untimed model."""

    name: str
    low: int
    high: int
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ProcessKind:
    name: str
    ordered: bool
    variables: tuple[Variable, ...]
    timers: tuple[Timer, ...]
    span: Span = _span()

    def variable(self, name: str) -> Variable:
        return next(v for v in self.variables if v.name == name)


@dataclass(frozen=True, slots=True)
class Message:
    name: str
    parameters: tuple[tuple[str, Type], ...]
    sender: str
    receiver: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class OnStart:
    pass


@dataclass(frozen=True, slots=True)
class OnTimeout:
    timer: str


@dataclass(frozen=True, slots=True)
class OnMessage:
    """`parameters` and `sender` are locals that guard and body may read."""

    message: str
    parameters: tuple[Local, ...]
    sender: Local


@dataclass(frozen=True, slots=True)
class OnInput:
    """A request by the application, at any moment, with any arguments (parameters have finite types)."""

    name: str
    parameters: tuple[Local, ...]


@dataclass(frozen=True, slots=True)
class OnAction:
    """A step that needs no message or timer."""

    name: str


Event = OnStart | OnTimeout | OnMessage | OnInput | OnAction


@dataclass(frozen=True, slots=True)
class Handler:
    """What a process of `kind` does at `event`, if `guard` holds (None: always). `point` is its coverage point.
    Of several handlers of one event the first (in the order of the protocol) whose guard holds runs."""

    kind: str
    event: Event
    guard: Expression | None
    body: tuple[Statement, ...]
    point: int
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Procedure:
    name: str
    kind: str
    parameters: tuple[Local, ...]
    body: tuple[Statement, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Definition:
    """A pure expression with parameters. `kind` is whose variables it reads (through `Self`), None for none.
    The built-in majority is the definition `quorum`, with `NOWHERE` as its span; there is one for each kind of
    whose sets the protocol asks it (`quorum`, or `quorum:KIND` where there are several kinds)."""

    name: str
    kind: str | None
    parameters: tuple[Local, ...]
    body: Expression
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Confirmation:
    """`confirmed by MESSAGE from a quorum within TIMER`: the node's concern; the model does not use it."""

    message: str
    timer: str


@dataclass(frozen=True, slots=True)
class Leader:
    """What the application of a process of `kind` may believe: that it leads, with `token`. Expressions over `Self`.
    `elected_by` is the set of processes whose durable state must hold its election: a quorum. `until` is a timer: the
    node believes nothing any more when that is due, before any handler has run; the model does not use it."""

    kind: str
    condition: Expression
    token: Expression
    elected_by: Expression | None = None
    confirmed_by: Confirmation | None = None
    span: Span = _span()
    until: str | None = None


class PropertyKind(Enum):
    SAFETY = "safety"
    INVARIANT = "invariant"
    STEP = "step"
    REACHABLE = "reachable"
    RECOVERS = "recovers"
    LEADS_TO = "leads_to"


CHECKED_BY_EXPLORATION = (PropertyKind.SAFETY, PropertyKind.INVARIANT, PropertyKind.STEP, PropertyKind.REACHABLE)


@dataclass(frozen=True, slots=True)
class Property:
    """A named statement about states or steps. `about` is the kind over all of whose processes `Self` ranges (for
    all of them; for `reachable`, for some), None for a closed expression. `then` is the second half of a `leads_to`.
    `quorum_of` is the kind of which, in a `recovers ... with a quorum`, all but a quorum may be gone for good."""

    kind: PropertyKind
    name: str
    description: str
    about: str | None
    expression: Expression
    then: Expression | None = None
    span: Span = _span()
    quorum_of: str | None = None
    without: frozenset[FaultKind] = frozenset()
    """Faults that it says nothing about: it is a statement on the runs in which none of them happens."""


@dataclass(frozen=True, slots=True)
class Network:
    loss: bool
    duplication: bool
    reordering: bool

    @property
    def is_growing_set(self) -> bool:
        """Whether what was sent is a set that only grows: nothing delivered or lost makes a difference to it."""
        return self.duplication and self.reordering


class FaultKind(Enum):
    RESTART = "restart"
    CRASH = "crash"
    DISK_LOSS = "disk loss"
    PARTITION = "partition"
    PAUSE = "pause"
    DRIFT = "drift"


@dataclass(frozen=True, slots=True)
class Fault:
    """`up_to` is how often it may happen in a run, None for any number of times. `of` is the kind of process that it
    happens to, None for all."""

    kind: FaultKind
    up_to: int | None = None
    span: Span = _span()
    of: str | None = None

    def happens_to(self, kind: str) -> bool:
        return self.of is None or self.of == kind

    def __str__(self) -> str:
        """As a spec would say it."""
        of = "" if self.of is None else f" of {self.of}"
        return f"{self.kind.value}{of}{'' if self.up_to is None else f' up to {self.up_to}'}"


@dataclass(frozen=True, slots=True)
class Timing:
    """What a `timed` spec says of time. Durations in milliseconds.

    `tick` is the unit in which time advances. A clock of a process that drifts runs at a rate between 1 - `drift` and
    1 + `drift` (a pair: so many in so many), and may be set forwards or backwards by `offset` in all while a timer
    runs. A message that is not lost arrives within `delay`, a pause lasts for `pause` at most; None: any time. The
    timers in `free` may fire at any moment once they are armed, and never have to, which covers every duration;
    `timers` have other durations than the spec says (a name, the shortest and the longest)."""

    tick: int
    drift: tuple[int, int] | None = None
    offset: int = 0
    delay: int | None = None
    pause: int | None = None
    free: tuple[str, ...] = ()
    timers: tuple[tuple[str, int, int], ...] = ()
    span: Span = _span()

    def duration(self, timer: Timer) -> tuple[int, int]:
        """The shortest and the longest duration of a timer, by its own clock."""
        return next(((low, high) for name, low, high in self.timers if name == timer.name), (timer.low, timer.high))

    def __str__(self) -> str:
        """As a spec would say it."""
        said = [f"tick {self.tick} ms"]
        if self.drift is not None:
            said.append(f"drift {self.drift[0]} in {self.drift[1]}")
        limits = {"offset": self.offset or None, "delay": self.delay, "pause": self.pause}
        said += [f"{word} {length} ms" for word, length in limits.items() if length is not None]
        said += [f"free {timer}" for timer in self.free]
        said += [f"{name} {low} ms" + (f" .. {high} ms" if high != low else "") for name, low, high in self.timers]
        return ", ".join(said)


@dataclass(frozen=True, slots=True)
class TimerClock:
    """`variable` counts the ticks of true time since the timer was reset, -1 where it is not armed. The timer cannot
    fire before `shortest`, and time does not go on beyond `longest` where its process could fire it. The count stops at
    `top`: nothing asks for more."""

    kind: str
    timer: str
    variable: str
    shortest: int
    longest: int
    top: int


@dataclass(frozen=True, slots=True)
class PauseClock:
    """`variable` says whether a process of the kind is paused; `lasted`, where pauses have a limit, for how many ticks
    it has been, at most `longest`."""

    kind: str
    variable: str
    lasted: str | None = None
    longest: int = 0


@dataclass(frozen=True, slots=True)
class Clocks:
    """What time does to a protocol whose clocks are variables, see `spec.clocks`. `delay`, in ticks, is the age at
    which a message must have arrived (its last argument is its age); None where it has none."""

    timing: Timing
    timers: tuple[TimerClock, ...]
    pauses: tuple[PauseClock, ...]
    delay: int | None = None

    def timer(self, kind: str, timer: str) -> TimerClock | None:
        """None for a timer that is free."""
        return next((clock for clock in self.timers if (clock.kind, clock.timer) == (kind, timer)), None)

    def pause(self, kind: str) -> PauseClock | None:
        return next((clock for clock in self.pauses if clock.kind == kind), None)


@dataclass(frozen=True, slots=True)
class Bound:
    """`variable <= limit` for every process of `kind`."""

    kind: str
    variable: str
    limit: int


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a check: each size (how many processes of each kind, in the order of the kinds) is explored under
    the bounds. `channel` is the capacity of a link, where messages are not a growing set; `without` are faults that are
    left out."""

    sizes: tuple[tuple[int, ...], ...]
    bounds: tuple[Bound, ...]
    channel: int | None
    span: Span = _span()
    without: frozenset[FaultKind] = frozenset()


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    rows: tuple[Row, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class CoveragePoint:
    """A handler or an arm of an `if` that must be taken somewhere; `unreachable` if the spec says it never is."""

    label: str
    unreachable: bool
    span: Span = _span()


@dataclass(frozen=True)
class Protocol:
    name: str
    description: str
    source: Source
    types: tuple[EnumType, ...]
    kinds: tuple[ProcessKind, ...]
    messages: tuple[Message, ...]
    definitions: tuple[Definition, ...]
    procedures: tuple[Procedure, ...]
    handlers: tuple[Handler, ...]
    leader: Leader | None
    properties: tuple[Property, ...]
    checks: tuple[Check, ...]
    network: Network
    faults: tuple[Fault, ...]
    timing: Timing | None
    points: tuple[CoveragePoint, ...]
    """Coverage points; `Handler.point` and `Arm.point` are indices into this."""
    fairness: Fairness | None = None
    clocks: Clocks | None = None
    """None for a protocol as it is written; see `spec.clocks`."""

    @property
    def timed(self) -> bool:
        return self.timing is not None

    def kind(self, name: str) -> ProcessKind:
        return next(k for k in self.kinds if k.name == name)

    def message(self, name: str) -> Message:
        return next(m for m in self.messages if m.name == name)

    def definition(self, name: str) -> Definition:
        return next(d for d in self.definitions if d.name == name)

    def procedure(self, name: str) -> Procedure:
        return next(p for p in self.procedures if p.name == name)
