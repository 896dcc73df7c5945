"""Lark's parse tree to the syntax tree."""

from __future__ import annotations

from typing import Any, NamedTuple

from lark import Token
from lark.tree import Meta
from lark.visitors import Transformer_NonRecursive, v_args

from spec import syntax
from spec.diagnostics import Diagnostic, SpecError
from spec.source import Source, Span
from spec.syntax import Expression, Word

RESERVED = frozenset(
    ("if", "then", "else", "and", "or", "not", "implies", "in", "exists", "forall", "true", "false", "none", "self")
)
"""Words that mean the same wherever an expression stands, so that no name of theirs could ever be used."""

MAXIMUM_DIGITS = 9


class Part(NamedTuple):
    """An optional part of an item, by the name of its rule."""

    rule: str
    content: Any


@v_args(meta=True)
class Builder(Transformer_NonRecursive[Token, Any]):
    """Builds the items of a text whose first line is `offset` lines below the file's first."""

    def __init__(self, offset: int) -> None:
        super().__init__(visit_tokens=True)
        self.offset = offset

    def _span(self, meta: Meta) -> Span:
        if meta.empty:
            return Span(self.offset + 1, 1, self.offset + 1, 1)
        return Span(meta.line + self.offset, meta.column, meta.end_line + self.offset, meta.end_column)

    def _token_span(self, token: Token) -> Span:
        line, column = (token.line or 1) + self.offset, token.column or 1
        return Span(line, column, (token.end_line or 1) + self.offset, token.end_column or column + 1)

    def NAME(self, token: Token) -> Word:
        if token in RESERVED:
            message = f"`{token}` is a word of the language"
            raise _refused(Diagnostic("E0108", message, self._token_span(token), "expected another name"))
        return Word(str(token), self._token_span(token))

    def NUMBER(self, token: Token) -> syntax.Number:
        if len(token) > MAXIMUM_DIGITS:
            label = f"expected at most {MAXIMUM_DIGITS} digits"
            raise _refused(Diagnostic("E0109", "a number too large", self._token_span(token), label))
        return syntax.Number(int(token), self._token_span(token))

    def STRING(self, token: Token) -> syntax.DescriptionItem:
        return syntax.DescriptionItem(str(token)[1:-1], self._token_span(token))

    # Parts

    def start(self, _: Meta, children: list[Any]) -> Any:
        return children[0]

    def ordered(self, _: Meta, __: list[Any]) -> Part:
        return Part("ordered", True)

    def durable(self, _: Meta, __: list[Any]) -> Part:
        return Part("durable", True)

    def at(self, _: Meta, children: list[Any]) -> Part:
        return Part("at", children[0])

    def guard(self, _: Meta, children: list[Any]) -> Part:
        return Part("guard", children[0])

    def endpoint_from(self, _: Meta, children: list[Any]) -> Part:
        return Part("from", children[0])

    def endpoint_to(self, _: Meta, children: list[Any]) -> Part:
        return Part("to", children[0])

    def description_of(self, _: Meta, children: list[Any]) -> Part:
        return Part("description", children[0].text)

    def until(self, _: Meta, children: list[Any]) -> Part:
        return Part("until", children[0])

    def elected_by(self, _: Meta, children: list[Any]) -> Part:
        return Part("elected_by", children[0])

    def confirmed_by(self, _: Meta, children: list[Any]) -> Part:
        return Part("confirmed_by", (children[0], children[1]))

    def parameters(self, _: Meta, children: list[Any]) -> Part:
        return Part("parameters", tuple(children))

    def names(self, _: Meta, children: list[Any]) -> Part:
        return Part("names", tuple(children))

    def arguments(self, _: Meta, children: list[Any]) -> tuple[Expression, ...]:
        return tuple(children)

    def block(self, _: Meta, children: list[Any]) -> Part:
        return Part("block", tuple(children))

    def with_quorum(self, meta: Meta, children: list[Any]) -> Part:
        return Part("with_quorum", syntax.QuorumPart(children[0] if children else None, self._span(meta)))

    def body(self, _: Meta, children: list[Any]) -> Part:
        return Part("body", children[0])

    def leads_to_body(self, _: Meta, children: list[Any]) -> Part:
        return Part("leads_to_body", (children[0], children[1]))

    def parameter(self, meta: Meta, children: list[Any]) -> syntax.Parameter:
        return syntax.Parameter(children[0], children[1], self._span(meta))

    # Items

    def protocol(self, meta: Meta, children: list[Any]) -> syntax.ProtocolItem:
        return syntax.ProtocolItem(children[0], self._span(meta))

    def description(self, _: Meta, children: list[Any]) -> Any:
        return children[0]

    def type_declaration(self, meta: Meta, children: list[Any]) -> syntax.TypeItem:
        return syntax.TypeItem(children[0], tuple(children[1:]), self._span(meta))

    def process(self, meta: Meta, children: list[Any]) -> syntax.ProcessItem:
        members = tuple(c for c in children[1:] if not isinstance(c, Part))
        return syntax.ProcessItem(children[0], _part(children, "ordered", False), members, self._span(meta))

    def variable(self, meta: Meta, children: list[Any]) -> syntax.VariableMember:
        name, of, initial = (c for c in children if not isinstance(c, Part))
        return syntax.VariableMember(name, _part(children, "durable", False), of, initial, self._span(meta))

    def timer(self, meta: Meta, children: list[Any]) -> syntax.TimerMember:
        high = children[2] if len(children) > 2 else None
        return syntax.TimerMember(children[0], children[1], high, self._span(meta))

    def duration(self, meta: Meta, children: list[Any]) -> syntax.Duration:
        return syntax.Duration(children[0].value, children[1], self._span(meta))

    def message(self, meta: Meta, children: list[Any]) -> syntax.MessageItem:
        return syntax.MessageItem(
            children[0],
            _part(children, "parameters", ()),
            _part(children, "from", None),
            _part(children, "to", None),
            self._span(meta),
        )

    def _handler(self, event: str, meta: Meta, children: list[Any]) -> syntax.HandlerItem:
        words = [c for c in children if isinstance(c, Word)]
        span = self._span(meta)
        parameters = _part(children, "names", None)
        if parameters is None:
            parameters = _part(children, "parameters", ())
        guard = _part(children, "guard", None)
        ends = [w.span for w in words] + [c.content.span for c in children if isinstance(c, Part) and c.rule == "at"]
        ends += [guard.span] if guard else []
        last = max(ends, key=lambda s: (s.end_line, s.end_column), default=Span(*(span.line, span.column) * 2))
        head = Span(span.line, span.column, last.end_line, last.end_column)
        if not ends:
            head = Span(span.line, span.column, span.line, span.column + len("on start"))
        return syntax.HandlerItem(
            event,
            words[0] if words else None,
            parameters,
            words[1] if len(words) > 1 else None,
            _part(children, "at", None),
            guard,
            _part(children, "block", ()),
            head,
            span,
        )

    def on_start(self, meta: Meta, children: list[Any]) -> syntax.HandlerItem:
        return self._handler("start", meta, children)

    def on_timeout(self, meta: Meta, children: list[Any]) -> syntax.HandlerItem:
        return self._handler("timeout", meta, children)

    def on_message(self, meta: Meta, children: list[Any]) -> syntax.HandlerItem:
        return self._handler("message", meta, children)

    def on_action(self, meta: Meta, children: list[Any]) -> syntax.HandlerItem:
        return self._handler("action", meta, children)

    def on_input(self, meta: Meta, children: list[Any]) -> syntax.HandlerItem:
        return self._handler("input", meta, children)

    def procedure(self, meta: Meta, children: list[Any]) -> syntax.ProcedureItem:
        parameters, kind = _part(children, "parameters", ()), _part(children, "at", None)
        return syntax.ProcedureItem(children[0], parameters, kind, _part(children, "block", ()), self._span(meta))

    def definition(self, meta: Meta, children: list[Any]) -> syntax.DefinitionItem:
        parameters, kind = _part(children, "parameters", ()), _part(children, "at", None)
        return syntax.DefinitionItem(children[0], parameters, kind, _part(children, "body", None), self._span(meta))

    def leader(self, meta: Meta, children: list[Any]) -> syntax.LeaderItem:
        condition, token = (c for c in children if not isinstance(c, Part))
        return syntax.LeaderItem(
            _part(children, "at", None),
            condition,
            token,
            _part(children, "elected_by", None),
            _part(children, "confirmed_by", None),
            self._span(meta),
            _part(children, "until", None),
        )

    def writes(self, meta: Meta, children: list[Any]) -> syntax.WritesItem:
        variable = next(c for c in children if isinstance(c, Word))
        return syntax.WritesItem(_part(children, "at", None), variable, self._span(meta))

    def without(self, _: Meta, children: list[Any]) -> Part:
        """The faults, each as one word, however many words the spec writes it with."""
        words: list[Word] = []
        for child in children:
            last = words[-1] if words else None
            if last is not None and last.span.end_line == child.span.line and last.text == "disk":
                words[-1] = Word(f"{last} {child}", last.span.to(child.span))
            else:
                words.append(child)
        return Part("without", tuple(words))

    def property(self, meta: Meta, children: list[Any]) -> syntax.PropertyItem:
        description, kind = _part(children, "description", ""), _part(children, "at", None)
        body = _part(children, "body", None)
        without = _part(children, "without", ())
        span = self._span(meta)
        return syntax.PropertyItem(str(children[0]), children[1], description, kind, body, None, span, None, without)

    def recovers(self, meta: Meta, children: list[Any]) -> syntax.PropertyItem:
        description, kind = _part(children, "description", ""), _part(children, "at", None)
        body, quorum = _part(children, "body", None), _part(children, "with_quorum", None)
        return syntax.PropertyItem("recovers", children[0], description, kind, body, None, self._span(meta), quorum)

    def leads_to(self, meta: Meta, children: list[Any]) -> syntax.PropertyItem:
        description, kind = _part(children, "description", ""), _part(children, "at", None)
        body, then = _part(children, "leads_to_body", None)
        return syntax.PropertyItem("leads_to", children[0], description, kind, body, then, self._span(meta))

    def network(self, meta: Meta, children: list[Any]) -> syntax.NetworkItem:
        return syntax.NetworkItem(tuple(children), self._span(meta))

    def no_faults(self, meta: Meta, _: list[Any]) -> syntax.FaultsItem:
        return syntax.FaultsItem((), self._span(meta))

    def faults(self, meta: Meta, children: list[Any]) -> syntax.FaultsItem:
        return syntax.FaultsItem(tuple(children), self._span(meta))

    def no_fairness(self, meta: Meta, _: list[Any]) -> syntax.FairnessItem:
        return syntax.FairnessItem((), self._span(meta))

    def fairness(self, meta: Meta, children: list[Any]) -> syntax.FairnessItem:
        return syntax.FairnessItem(tuple(children), self._span(meta))

    def assumption(self, meta: Meta, children: list[Any]) -> syntax.AssumptionPart:
        return syntax.AssumptionPart(tuple(children), self._span(meta))

    def fault(self, meta: Meta, children: list[Any]) -> syntax.FaultPart:
        words = tuple(c for c in children if isinstance(c, Word))
        limits = [c.value for c in children if isinstance(c, syntax.Number)]
        kind = _part(children, "fault_of", None)
        return syntax.FaultPart(words, limits[0] if limits else None, self._span(meta), kind)

    def fault_of(self, _: Meta, children: list[Any]) -> Part:
        return Part("fault_of", children[0])

    def check(self, meta: Meta, children: list[Any]) -> syntax.CheckItem:
        rows = tuple(children[1:])
        block = rows[0].span.line > children[0].span.line
        return syntax.CheckItem(children[0], rows, block, self._span(meta))

    def another_size(self, meta: Meta, children: list[Any]) -> syntax.SizePart:
        return syntax.SizePart((children[0].value,), None, self._span(meta))

    def size(self, meta: Meta, children: list[Any]) -> syntax.SizePart:
        return syntax.SizePart((children[0].value,), children[1], self._span(meta))

    def bound(self, meta: Meta, children: list[Any]) -> syntax.BoundPart:
        words = [c for c in children if isinstance(c, Word)]
        limit = next(c for c in children if isinstance(c, syntax.Number))
        return syntax.BoundPart(words[0] if len(words) > 1 else None, words[-1], limit.value, self._span(meta))

    def left_out(self, meta: Meta, children: list[Any]) -> syntax.LeftOutPart:
        words = [c for c in children if isinstance(c, Word)]
        span = words[0].span.to(words[-1].span)
        return syntax.LeftOutPart(Word(" ".join(word.text for word in words), span), self._span(meta))

    def row(self, meta: Meta, children: list[Any]) -> syntax.CheckRow:
        """Joins `3`, `4`, `5 nodes` into one part."""
        parts: list[syntax.SizePart | syntax.BoundPart | syntax.LeftOutPart] = []
        for child in children:
            last = parts[-1] if parts else None
            if isinstance(child, syntax.SizePart) and isinstance(last, syntax.SizePart) and last.kind is None:
                span = last.span.to(child.span)
                parts[-1] = syntax.SizePart(last.counts + child.counts, child.kind, span)
            else:
                parts.append(child)
        return syntax.CheckRow(tuple(parts), self._span(meta))

    def timed(self, meta: Meta, children: list[Any]) -> syntax.TimedItem:
        return syntax.TimedItem(tuple(children), self._span(meta))

    def clock_duration(self, meta: Meta, children: list[Any]) -> syntax.ClockPart:
        high = children[2] if len(children) > 2 else None
        return syntax.ClockPart(children[0], children[1], self._span(meta), high)

    def clock_timer(self, meta: Meta, children: list[Any]) -> syntax.ClockPart:
        return syntax.ClockPart(children[0], children[1], self._span(meta))

    def clock_rate(self, meta: Meta, children: list[Any]) -> syntax.ClockPart:
        return syntax.ClockPart(children[0], (children[1].value, children[-1].value), self._span(meta))

    # Types

    def named_type(self, meta: Meta, children: list[Any]) -> syntax.NamedType:
        return syntax.NamedType(children[0], self._span(meta))

    def signed(self, _: Meta, children: list[Any]) -> int:
        return int(children[-1].value) * (-1 if len(children) > 1 else 1)

    def range_type(self, meta: Meta, children: list[Any]) -> syntax.RangeType:
        return syntax.RangeType(children[0], children[1], self._span(meta))

    def option(self, meta: Meta, children: list[Any]) -> syntax.OptionOf:
        return syntax.OptionOf(children[0], self._span(meta))

    def set_type(self, meta: Meta, children: list[Any]) -> syntax.SetOfType:
        return syntax.SetOfType(children[0], self._span(meta))

    def map_type(self, meta: Meta, children: list[Any]) -> syntax.MapFrom:
        return syntax.MapFrom(children[0], children[1], self._span(meta))

    def enumeration(self, meta: Meta, children: list[Any]) -> syntax.Enumeration:
        return syntax.Enumeration(tuple(children), self._span(meta))

    # Statements

    def assign(self, meta: Meta, children: list[Any]) -> syntax.AssignStatement:
        return syntax.AssignStatement(children[0], None, children[1], self._span(meta))

    def assign_entry(self, meta: Meta, children: list[Any]) -> syntax.AssignStatement:
        return syntax.AssignStatement(children[0], children[1], children[2], self._span(meta))

    def if_statement(self, meta: Meta, children: list[Any]) -> syntax.IfStatement:
        span = self._span(meta)
        condition, block = children[0], children[1]
        head = Span(span.line, span.column, condition.span.end_line, condition.span.end_column)
        first = syntax.ConditionalArm(condition, block.content, head)
        return syntax.IfStatement((first, *children[2:]), span)

    def elif_arm(self, meta: Meta, children: list[Any]) -> syntax.ConditionalArm:
        span, condition = self._span(meta), children[0]
        head = Span(span.line, span.column, condition.span.end_line, condition.span.end_column)
        return syntax.ConditionalArm(condition, children[1].content, head)

    def otherwise(self, meta: Meta, children: list[Any]) -> syntax.ConditionalArm:
        span = self._span(meta)
        head = Span(span.line, span.column, span.line, span.column + len("else"))
        return syntax.ConditionalArm(None, children[0].content, head)

    def for_statement(self, meta: Meta, children: list[Any]) -> syntax.ForStatement:
        return syntax.ForStatement(children[0], children[1], children[2].content, self._span(meta))

    def while_statement(self, meta: Meta, children: list[Any]) -> syntax.WhileStatement:
        return syntax.WhileStatement(children[0], children[1].content, self._span(meta))

    def send(self, meta: Meta, children: list[Any]) -> syntax.SendStatement:
        return syntax.SendStatement(children[0], children[1], children[2], self._span(meta))

    def broadcast(self, meta: Meta, children: list[Any]) -> syntax.BroadcastStatement:
        return syntax.BroadcastStatement(children[0], children[1], self._span(meta))

    def reset(self, meta: Meta, children: list[Any]) -> syntax.TimerStatement:
        since = children[1] if len(children) > 1 else None
        return syntax.TimerStatement("reset", children[0], self._span(meta), since)

    def stop(self, meta: Meta, children: list[Any]) -> syntax.TimerStatement:
        return syntax.TimerStatement("stop", children[0], self._span(meta))

    def let(self, meta: Meta, children: list[Any]) -> syntax.LetStatement:
        return syntax.LetStatement(children[0], children[1], self._span(meta))

    def call_statement(self, meta: Meta, children: list[Any]) -> syntax.CallStatement:
        return syntax.CallStatement(children[0], children[1], self._span(meta))

    def pass_statement(self, meta: Meta, _: list[Any]) -> syntax.PassStatement:
        return syntax.PassStatement(self._span(meta))

    def assert_statement(self, meta: Meta, children: list[Any]) -> syntax.AssertStatement:
        return syntax.AssertStatement(children[0], self._span(meta))

    def unreachable(self, meta: Meta, _: list[Any]) -> syntax.UnreachableStatement:
        return syntax.UnreachableStatement(self._span(meta))

    # Expressions

    def name(self, meta: Meta, children: list[Any]) -> syntax.NameOf:
        return syntax.NameOf(children[0], self._span(meta))

    def call(self, meta: Meta, children: list[Any]) -> syntax.CallOf:
        return syntax.CallOf(children[0], children[1], self._span(meta))

    def number(self, _: Meta, children: list[Any]) -> Any:
        return children[0]

    def boolean(self, meta: Meta, children: list[Any]) -> syntax.Boolean:
        return syntax.Boolean(str(children[0]) == "true", self._span(meta))

    def none(self, meta: Meta, _: list[Any]) -> syntax.NoneLiteral:
        return syntax.NoneLiteral(self._span(meta))

    def myself(self, meta: Meta, _: list[Any]) -> syntax.SelfLiteral:
        return syntax.SelfLiteral(self._span(meta))

    def group(self, meta: Meta, children: list[Any]) -> syntax.Group:
        return syntax.Group(children[0], self._span(meta))

    def empty_set(self, meta: Meta, _: list[Any]) -> syntax.SetLiteral:
        return syntax.SetLiteral((), self._span(meta))

    def set_literal(self, meta: Meta, children: list[Any]) -> syntax.SetLiteral:
        return syntax.SetLiteral(tuple(children), self._span(meta))

    def set_filter(self, meta: Meta, children: list[Any]) -> syntax.SetFilter:
        drawn, condition = children
        match drawn:
            case syntax.Binary("in", syntax.NameOf(word, _), domain, _):
                return syntax.SetFilter(word, domain, condition, self._span(meta))
        said = "as in `{n in node if ...}`"
        raise _refused(Diagnostic("E0104", "not a part of a set", drawn.span, "expected `NAME in SET`", said))

    def quantified(self, meta: Meta, children: list[Any]) -> syntax.QuantifiedOver:
        words = tuple(c for c in children if isinstance(c, Word))
        domain, body = children[1 + len(words) :]
        return syntax.QuantifiedOver(str(children[0]), words, domain, body, self._span(meta))

    def later(self, _: Meta, children: list[Any]) -> Part:
        return Part("later", (children[0], _part(children, "names", ())))

    def underway(self, meta: Meta, children: list[Any]) -> syntax.UnderwayOver:
        message, sender, receiver = (c for c in children[1:-1] if isinstance(c, Word))
        names, later = _part(children, "names", ()), _part(children, "later", None)
        span = self._span(meta)
        return syntax.UnderwayOver(str(children[0]), message, names, sender, receiver, later, children[-1], span)

    def led(self, meta: Meta, children: list[Any]) -> syntax.LedOver:
        quantifier, process, token, body = children
        return syntax.LedOver(str(quantifier), process, token, body, self._span(meta))

    def conditional(self, meta: Meta, children: list[Any]) -> syntax.IfThenElse:
        return syntax.IfThenElse(children[0], children[1], children[2], self._span(meta))

    def unary(self, meta: Meta, children: list[Any]) -> syntax.Unary:
        return syntax.Unary(str(children[0]), children[1], self._span(meta))

    def binary(self, meta: Meta, children: list[Any]) -> syntax.Binary:
        return syntax.Binary(str(children[1]), children[0], children[2], self._span(meta))

    def not_in(self, meta: Meta, children: list[Any]) -> syntax.Binary:
        return syntax.Binary("not in", children[0], children[3], self._span(meta))

    def field(self, meta: Meta, children: list[Any]) -> syntax.FieldOf:
        return syntax.FieldOf(children[0], children[1], None, self._span(meta))

    def method(self, meta: Meta, children: list[Any]) -> syntax.FieldOf:
        return syntax.FieldOf(children[0], children[1], children[2], self._span(meta))

    def index(self, meta: Meta, children: list[Any]) -> syntax.IndexOf:
        return syntax.IndexOf(children[0], children[1], self._span(meta))


def _refused(problem: Diagnostic) -> SpecError:
    """Of an item alone; the parser, which knows the whole source, raises it again."""
    return SpecError(Source("", ""), (problem,))


def _part(children: list[Any], rule: str, default: Any) -> Any:
    return next((c.content for c in children if isinstance(c, Part) and c.rule == rule), default)
