"""The syntax tree: what the text says, before names and types are known. Every node keeps its span."""

from __future__ import annotations

from dataclasses import dataclass

from spec.source import Source, Span


@dataclass(frozen=True, slots=True)
class Word:
    """A name as written."""

    text: str
    span: Span

    def __str__(self) -> str:
        return self.text


# Expressions ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NameOf:
    word: Word
    span: Span


@dataclass(frozen=True, slots=True)
class Number:
    value: int
    span: Span


@dataclass(frozen=True, slots=True)
class Boolean:
    value: bool
    span: Span


@dataclass(frozen=True, slots=True)
class NoneLiteral:
    span: Span


@dataclass(frozen=True, slots=True)
class SelfLiteral:
    span: Span


@dataclass(frozen=True, slots=True)
class Group:
    """An expression in parentheses."""

    inner: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class CallOf:
    function: Word
    arguments: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class FieldOf:
    """`object.name`, or `object.name(arguments)`."""

    object: Expression
    name: Word
    arguments: tuple[Expression, ...] | None
    span: Span


@dataclass(frozen=True, slots=True)
class IndexOf:
    object: Expression
    key: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Unary:
    """`not x` or `-x`."""

    operator: str
    operand: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: Expression
    right: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class SetLiteral:
    elements: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class SetFilter:
    variable: Word
    domain: Expression
    condition: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class QuantifiedOver:
    quantifier: str
    variables: tuple[Word, ...]
    domain: Expression
    body: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class UnderwayOver:
    """`forall MESSAGE(a, b) from p to q: body`, with `before MESSAGE(c)` where `later` is given."""

    quantifier: str
    message: Word
    names: tuple[Word, ...]
    sender: Word
    receiver: Word
    later: tuple[Word, tuple[Word, ...]] | None
    body: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class LedOver:
    """`forall p led with t: body`."""

    quantifier: str
    process: Word
    token: Word
    body: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class IfThenElse:
    condition: Expression
    yes: Expression
    no: Expression
    span: Span


Expression = (
    NameOf
    | Number
    | Boolean
    | NoneLiteral
    | SelfLiteral
    | Group
    | CallOf
    | FieldOf
    | IndexOf
    | Unary
    | Binary
    | SetLiteral
    | SetFilter
    | QuantifiedOver
    | UnderwayOver
    | LedOver
    | IfThenElse
)

# Types ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NamedType:
    word: Word
    span: Span


@dataclass(frozen=True, slots=True)
class RangeType:
    low: int
    high: int
    span: Span


@dataclass(frozen=True, slots=True)
class OptionOf:
    of: TypeExpression
    span: Span


@dataclass(frozen=True, slots=True)
class SetOfType:
    of: TypeExpression
    span: Span


@dataclass(frozen=True, slots=True)
class MapFrom:
    key: Word
    value: TypeExpression
    span: Span


@dataclass(frozen=True, slots=True)
class Enumeration:
    values: tuple[Word, ...]
    span: Span


TypeExpression = NamedType | RangeType | OptionOf | SetOfType | MapFrom | Enumeration

# Statements ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AssignStatement:
    target: Word
    key: Expression | None
    value: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class ConditionalArm:
    """`condition` is None for `else`. The span is the head's, from the keyword to the condition's end."""

    condition: Expression | None
    body: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class IfStatement:
    arms: tuple[ConditionalArm, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class SendStatement:
    message: Word
    arguments: tuple[Expression, ...]
    receiver: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class BroadcastStatement:
    message: Word
    arguments: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class TimerStatement:
    """`reset timer`, `reset timer since other` or `stop timer`."""

    verb: str
    timer: Word
    span: Span
    since: Word | None = None


@dataclass(frozen=True, slots=True)
class LetStatement:
    name: Word
    value: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class ForStatement:
    variable: Word
    domain: Expression
    body: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class WhileStatement:
    """Parsed in order to be refused with a reason."""

    condition: Expression
    body: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class CallStatement:
    procedure: Word
    arguments: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class PassStatement:
    span: Span


@dataclass(frozen=True, slots=True)
class AssertStatement:
    condition: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class UnreachableStatement:
    span: Span


Statement = (
    AssignStatement
    | IfStatement
    | SendStatement
    | BroadcastStatement
    | TimerStatement
    | LetStatement
    | ForStatement
    | WhileStatement
    | CallStatement
    | PassStatement
    | AssertStatement
    | UnreachableStatement
)

# Items ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProtocolItem:
    name: Word
    span: Span


@dataclass(frozen=True, slots=True)
class DescriptionItem:
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class TypeItem:
    name: Word
    values: tuple[Word, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class VariableMember:
    name: Word
    durable: bool
    type: TypeExpression
    initial: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Duration:
    amount: int
    unit: Word
    span: Span


@dataclass(frozen=True, slots=True)
class TimerMember:
    name: Word
    low: Duration
    high: Duration | None
    span: Span


@dataclass(frozen=True, slots=True)
class ProcessItem:
    name: Word
    ordered: bool
    members: tuple[VariableMember | TimerMember, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Parameter:
    name: Word
    type: TypeExpression
    span: Span


@dataclass(frozen=True, slots=True)
class MessageItem:
    name: Word
    parameters: tuple[Parameter, ...]
    sender: Word | None
    receiver: Word | None
    span: Span


@dataclass(frozen=True, slots=True)
class HandlerItem:
    """`event` is one of start, timeout, message, action, input; `name` is the timer's, message's, ... name.
    `parameters` have types for an input only. `head` is the span of the line that introduces the handler."""

    event: str
    name: Word | None
    parameters: tuple[Word, ...] | tuple[Parameter, ...]
    sender: Word | None
    kind: Word | None
    guard: Expression | None
    body: tuple[Statement, ...]
    head: Span
    span: Span


@dataclass(frozen=True, slots=True)
class ProcedureItem:
    name: Word
    parameters: tuple[Parameter, ...]
    kind: Word | None
    body: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class DefinitionItem:
    name: Word
    parameters: tuple[Parameter, ...]
    kind: Word | None
    body: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class LeaderItem:
    kind: Word | None
    condition: Expression
    token: Expression
    elected_by: Expression | None
    confirmed_by: tuple[Word, Word] | None
    span: Span
    until: Word | None = None


@dataclass(frozen=True, slots=True)
class WritesItem:
    """`writes at storage with token newest`."""

    kind: Word | None
    variable: Word
    span: Span


@dataclass(frozen=True, slots=True)
class QuorumPart:
    """`with a quorum of node`; `kind` is None where it is not said."""

    kind: Word | None
    span: Span


@dataclass(frozen=True, slots=True)
class PropertyItem:
    """`keyword` is safety, invariant, step, reachable, recovers or leads_to; `then` is the latter's second half;
    `quorum` is a `recovers`' own."""

    keyword: str
    name: Word
    description: str
    kind: Word | None
    body: Expression
    then: Expression | None
    span: Span
    quorum: QuorumPart | None = None
    without: tuple[Word, ...] = ()
    """Faults, each as one word: `disk loss` is one."""


@dataclass(frozen=True, slots=True)
class NetworkItem:
    words: tuple[Word, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class FaultPart:
    """`words` are the fault's name; `kind` is of which processes, where that is said."""

    words: tuple[Word, ...]
    up_to: int | None
    span: Span
    kind: Word | None = None


@dataclass(frozen=True, slots=True)
class FaultsItem:
    faults: tuple[FaultPart, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class AssumptionPart:
    """`eventually calm`, `weak timeout election`."""

    words: tuple[Word, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class FairnessItem:
    assumptions: tuple[AssumptionPart, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class SizePart:
    """`3, 4, 5 nodes`: numbers, then the kind's name in singular or plural (None where it is missing)."""

    counts: tuple[int, ...]
    kind: Word | None
    span: Span


@dataclass(frozen=True, slots=True)
class BoundPart:
    """`term <= 3` or `node.term <= 3`."""

    kind: Word | None
    variable: Word
    limit: int
    span: Span


@dataclass(frozen=True, slots=True)
class LeftOutPart:
    """`without disk loss`: the fault, as one word."""

    fault: Word
    span: Span


@dataclass(frozen=True, slots=True)
class CheckRow:
    parts: tuple[SizePart | BoundPart | LeftOutPart, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class CheckItem:
    name: Word
    rows: tuple[CheckRow, ...]
    block: bool
    span: Span


@dataclass(frozen=True, slots=True)
class ClockPart:
    """`tick 1 s`, `drift 1 in 10` (then `value` is that pair), or `free pace` (then it is that timer). On the command
    line also a timer and its durations, up to `high`."""

    word: Word
    value: Duration | tuple[int, int] | Word
    span: Span
    high: Duration | None = None


@dataclass(frozen=True, slots=True)
class TimedItem:
    parts: tuple[ClockPart, ...]
    span: Span


Item = (
    ProtocolItem
    | DescriptionItem
    | TypeItem
    | ProcessItem
    | MessageItem
    | HandlerItem
    | ProcedureItem
    | DefinitionItem
    | LeaderItem
    | WritesItem
    | PropertyItem
    | NetworkItem
    | FaultsItem
    | FairnessItem
    | CheckItem
    | TimedItem
)


@dataclass(frozen=True)
class Comment:
    """`alone` if nothing but the comment stands on its line. The text begins with `#`."""

    text: str
    alone: bool
    span: Span


@dataclass(frozen=True)
class File:
    """All of a file: its items in order, and its comments, which belong to no item."""

    source: Source
    items: tuple[Item, ...]
    comments: tuple[Comment, ...]
