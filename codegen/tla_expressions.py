"""Expressions as TLA+ text. Values of the language are values of TLA+: sets are sets, maps are functions, an option
is the thing itself or `none`, an enumeration's value is a string."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from codegen.inline import inlined, kind_of, walk
from codegen.instance import Instance, Names
from spec.protocol import (
    Apply,
    Arithmetic,
    Armed,
    Compare,
    Comparison,
    Conditional,
    Connected,
    Connective,
    Constant,
    Entry,
    Everyone,
    Expression,
    Filtered,
    Led,
    Local,
    Member,
    Message,
    Neighbour,
    Next,
    Not,
    OneOf,
    Operator,
    Quantified,
    Quantifier,
    Read,
    Self,
    SetOf,
    SetOperation,
    SetOperator,
    Size,
    Subset,
    Underway,
    Up,
)
from spec.types import Value

ATOM, SUM, COMPARISON, OTHER = range(4)
OPPOSITE = {"=": "#", "#": "=", "\\in": "\\notin", "\\notin": "\\in", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}

KEYWORDS = """ACTION ASSUME ASSUMPTION AXIOM BOOLEAN BY CASE CHOOSE CONSTANT CONSTANTS COROLLARY DEF DEFINE DEFS DOMAIN
    ELSE ENABLED EXCEPT EXTENDS FALSE HAVE HIDE IF IN INSTANCE LAMBDA LEMMA LET LOCAL MODULE NEW OBVIOUS OMITTED ONLY
    OTHER PICK PROOF PROPOSITION PROVE QED RECURSIVE SF_ STATE STEP STRING SUBSET SUFFICES TAKE TEMPORAL THEN THEOREM
    TRUE UNCHANGED UNION USE VARIABLE VARIABLES WF_ WITH WITNESS
    Nat Int Seq Len Head Tail Append SubSeq SelectSeq Cardinality IsFiniteSet Assert Print PrintT Permutations SortSeq
    JavaTime TLCGet TLCSet RandomElement Any ToString TLCEval
    IsABag BagToSet SetToBag BagIn EmptyBag CopiesIn BagUnion SubBag BagOfAll BagCardinality Sum
    Init Next Spec vars Symmetry TypeOK Leaders Remember Connected Processes Minimum Maximum
    self msg l r k at type from to none side rest"""
"""Words that TLA+ and its modules use, and names that every export has."""


@dataclass(frozen=True)
class Text:
    """`branches` are the condition and the two values of an IF; `sides` are those of a comparison, about its sign."""

    text: str
    level: int = ATOM
    branches: tuple[Text, Text, Text] | None = None
    sides: tuple[str, str, str] | None = None

    def tight(self) -> str:
        """The text, fit to be any operand."""
        return self.text if self.level == ATOM else f"({self.text})"


TRUE, FALSE, NONE = Text("TRUE"), Text("FALSE"), Text("none")


@dataclass
class TlaNames:
    """What things are called. `bases` are the first numbers of ordered kinds, whose processes are numbers; no two
    such kinds have a number in common."""

    instance: Instance
    names: Names
    kinds: dict[str, str] = field(default_factory=dict)
    variables: dict[tuple[str, str], str] = field(default_factory=dict)
    armed: dict[tuple[str, str], str] = field(default_factory=dict)
    up: dict[str, str] = field(default_factory=dict)
    definitions: dict[str, str] = field(default_factory=dict)
    bases: dict[str, int] = field(default_factory=dict)
    links: dict[tuple[str, str], str] = field(default_factory=dict)
    """By sender and receiver kind, what holds the messages under way, where they are no growing set."""
    messages: str = ""
    """What holds them where they are."""
    led: str = ""
    """What holds who has ever led with which token."""
    fields: dict[tuple[str, str], str] = field(default_factory=dict)
    """By message and parameter."""
    broadcast_only: frozenset[str] = frozenset()
    """Messages of a growing set that name no receiver: they are for all others."""
    bounds: dict[str, int] = field(default_factory=dict)
    """The constants that bound the exploration, as far as they are used, with their values."""
    bound_names: dict[object, str] = field(default_factory=dict)
    uses: set[str] = field(default_factory=set)
    """Operators of the export that are only defined where they are used."""
    types: dict[str, str] = field(default_factory=dict)
    """For Apalache, the types of the state's variables and of constants; empty where it is told of none."""
    padding: dict[str, str] = field(default_factory=dict)
    """For Apalache, which wants all messages to have the same fields: every field, with a value for those messages
    that have no such field. An empty value stands for the sender."""

    def limit(self, what: object, wanted: str, number: int) -> Text:
        """The constant that bounds something."""
        if what not in self.bound_names:
            self.bound_names[what] = self.names.new(f"max_{wanted}")
            self.bounds[self.bound_names[what]] = number
        return Text(self.bound_names[what])


@dataclass(frozen=True)
class Place:
    """Where an expression stands: what `self` is, the locals, and how a process's own variable is read while a
    handler runs (None: as it is in the state)."""

    known: TlaNames
    me: Text | None
    locals: Mapping[int, Text]
    names: Names
    own: Callable[[str], Text | None] = lambda variable: None


# Operators -----------------------------------------------------------------------------------------------------------


def all_of(parts: Iterable[Text]) -> Text:
    return _chain(parts, "/\\", TRUE, FALSE)


def any_of(parts: Iterable[Text]) -> Text:
    return _chain(parts, "\\/", FALSE, TRUE)


def _chain(parts: Iterable[Text], sign: str, neutral: Text, settled: Text) -> Text:
    kept = [part for part in parts if part != neutral]
    if settled in kept:
        return settled
    if len(kept) < 2:
        return kept[0] if kept else neutral
    return Text(f" {sign} ".join(p.text if p.level in (ATOM, COMPARISON) else f"({p.text})" for p in kept), OTHER)


def negated(part: Text) -> Text:
    if part in (TRUE, FALSE):
        return FALSE if part == TRUE else TRUE
    if part.sides is not None and part.sides[1] in OPPOSITE:
        left, sign, right = part.sides
        return Text(f"{left} {OPPOSITE[sign]} {right}", COMPARISON, None, (left, OPPOSITE[sign], right))
    return Text(part.text[1:]) if part.text.startswith("~") and part.level == ATOM else Text(f"~{part.tight()}")


def implies(left: Text, right: Text) -> Text:
    if TRUE in (left, right):
        return right
    if left == FALSE:
        return TRUE
    return Text(f"{_side(left)} => {_side(right)}", OTHER)


def _side(part: Text) -> str:
    return part.text if part.level in (ATOM, COMPARISON) else f"({part.text})"


def either(condition: Text, yes: Text, no: Text) -> Text:
    if condition in (TRUE, FALSE):
        return yes if condition == TRUE else no
    if yes == no:
        return yes
    if yes.branches is not None and yes.branches[2] == no:
        return either(all_of((condition, yes.branches[0])), yes.branches[1], no)
    return Text(f"IF {condition.text} THEN {_branch(yes)} ELSE {_branch(no)}", OTHER, (condition, yes, no))


def _branch(part: Text) -> str:
    return f"({part.text})" if part.branches is not None else part.text


def binary(left: Text, sign: str, right: Text, level: int = COMPARISON) -> Text:
    def side(part: Text) -> str:
        return part.text if part.level == SUM and level == COMPARISON else part.tight()

    sides = (side(left), sign, side(right))
    return Text(" ".join(sides), level, None, sides if level == COMPARISON else None)


def equal(left: Text, right: Text) -> Text:
    if left == right:
        return TRUE
    if TRUE in (left, right):
        return right if left == TRUE else left
    if FALSE in (left, right):
        return negated(right if left == FALSE else left)
    return binary(left, "=", right)


def lines_of(what: Text, width: int) -> list[str]:
    """The text on one line if it fits, else with each branch of an IF on its own."""
    if len(what.text) <= width or what.branches is None:
        return [what.text]
    condition, yes, no = what.branches
    lines = [f"IF {condition.text}"]
    for word, branch in (("THEN", yes), ("ELSE", no)):
        first, *rest = lines_of(branch, width - 5)
        lines += [f"{word} {first}", *(f"     {line}" for line in rest)]
    return lines


# Expressions ---------------------------------------------------------------------------------------------------------


def constant(value: Value) -> Text:
    """A boolean, a number, a string, `none` or the empty set."""
    match value:
        case None:
            return NONE
        case bool():
            return TRUE if value else FALSE
        case int():
            return Text(str(value), SUM if value < 0 else ATOM)
        case str():
            return Text(f'"{value}"')
        case _:
            return Text("{}")


def text(expression: Expression, place: Place) -> Text:
    """The TLA+ text of an expression."""
    known = place.known

    def of(part: Expression) -> Text:
        return text(part, place)

    match expression:
        case Constant():
            return constant(expression.value)
        case Local():
            return place.locals[expression.identity]
        case Self():
            assert place.me is not None
            return place.me
        case Read():
            changed = place.own(expression.variable) if isinstance(expression.process, Self) else None
            if changed is not None:
                return changed
            variable = known.variables[kind_of(expression.process.type), expression.variable]
            return Text(f"{variable}[{of(expression.process).text}]")
        case Entry():
            return Text(f"{_applied(of(expression.map))}[{of(expression.key).text}]")
        case Not():
            return negated(of(expression.operand))
        case Connected():
            left, right = of(expression.left), of(expression.right)
            match expression.connective:
                case Connective.AND:
                    return all_of((left, right))
                case Connective.OR:
                    return any_of((left, right))
                case Connective.IMPLIES:
                    return implies(left, right)
        case Compare():
            left, right = of(expression.left), of(expression.right)
            if expression.comparison is Comparison.EQUAL:
                return equal(left, right)
            signs = {Comparison.DIFFERENT: "#", Comparison.LESS_EQUAL: "<=", Comparison.GREATER_EQUAL: ">="}
            return binary(left, signs.get(expression.comparison, expression.comparison.value), right)
        case Arithmetic():
            return _arithmetic(expression.operator, of(expression.left), of(expression.right), known)
        case OneOf():
            alternatives = ", ".join(of(alternative).text for alternative in expression.alternatives)
            return binary(of(expression.value), "\\in", Text(f"{{{alternatives}}}"))
        case Member():
            return binary(of(expression.element), "\\in", of(expression.set))
        case Subset():
            return binary(of(expression.left), "\\subseteq", of(expression.right))
        case SetOf():
            return Text("{" + ", ".join(of(element).text for element in expression.elements) + "}")
        case Everyone():
            return Text(known.kinds[expression.type.of.kind])
        case Filtered():
            name, inner = bound(expression.variable, place)
            return Text(f"{{{name} \\in {of(expression.domain).text} : {text(expression.condition, inner).text}}}")
        case SetOperation():
            signs_of = {SetOperator.UNION: "\\cup", SetOperator.DIFFERENCE: "\\", SetOperator.INTERSECTION: "\\cap"}
            return binary(of(expression.left), signs_of[expression.operator], of(expression.right), SUM)
        case Size():
            return Text(f"Cardinality({of(expression.set).text})")
        case Quantified():
            name, inner = bound(expression.variable, place)
            every = _every(expression.quantifier)
            inside = text(expression.body, inner).text
            return Text(f"{every} {name} \\in {of(expression.domain).tight()} : {inside}", OTHER)
        case Underway():
            return _underway(expression, place)
        case Led():
            name = place.names.new("past")
            bound_to = {expression.process.identity: Text(f"{name}[1]"), expression.token.identity: Text(f"{name}[2]")}
            body = text(expression.body, _also(place, bound_to))
            return _over(expression.quantifier, f"{name} \\in {known.led}", [], body)
        case Conditional():
            return either(of(expression.condition), of(expression.yes), of(expression.no))
        case Neighbour():
            return _neighbour(expression, of(expression.process), known)
        case Apply():
            return _definition(expression, place)
        case Armed():
            variable = known.armed[kind_of(expression.process.type), expression.timer]
            return Text(f"{variable}[{of(expression.process).text}]")
        case Up():
            up = known.up.get(kind_of(expression.process.type))
            return TRUE if up is None else Text(f"{up}[{of(expression.process).text}]")
        case Next():
            now = of(expression.operand)
            simple = re.fullmatch(r"(\w+)(\[\w+\])", now.text)
            return Text(f"{simple[1]}'{simple[2]}" if simple is not None else f"({now.text})'")
    raise TypeError(f"no expression: {expression}")


def _applied(function: Text) -> str:
    return function.tight()


def bound(variable: Local, place: Place) -> tuple[str, Place]:
    """A name for a bound variable, and the place where it is known."""
    name = place.names.new(variable.name)
    return name, _also(place, {variable.identity: Text(name)})


def _also(place: Place, locals_of: Mapping[int, Text]) -> Place:
    return replace(place, locals={**place.locals, **locals_of})


def _underway(expression: Underway, place: Place) -> Text:
    """An expression over what is under way: over a set of messages, or over links and what waits on each."""
    known = place.known
    growing = known.instance.network.is_growing_set
    if expression.later is not None and (growing or known.instance.network.reordering):
        return TRUE if expression.quantifier is Quantifier.FORALL else FALSE
    declared = known.instance.protocol.message(expression.message)
    present: list[Text] = []
    found: dict[int, Text] = {}

    def found_in(message: Message, parameters: tuple[Local, ...], what: str) -> None:
        present.append(binary(Text(f"{what}.type"), "=", constant(message.name)))
        for parameter, (name, _) in zip(parameters, message.parameters, strict=True):
            found[parameter.identity] = Text(f"{what}.{known.fields[message.name, name]}")

    if growing:
        name = place.names.new("m")
        binders = f"{name} \\in {known.messages}"
        found_in(declared, expression.parameters, name)
        sender = found[expression.sender.identity] = Text(f"{name}.from")
        found[expression.receiver.identity] = Text(f"{name}.to")
        if declared.name in known.broadcast_only:
            receiver, place = bound(expression.receiver, place)
            del found[expression.receiver.identity]
            binders += f", {receiver} \\in {known.kinds[declared.receiver]}"
            if declared.sender == declared.receiver:
                present.append(binary(Text(receiver), "#", sender))
    else:
        sender_name, place = bound(expression.sender, place)
        receiver, place = bound(expression.receiver, place)
        link = f"{known.links[declared.sender, declared.receiver]}[<<{sender_name}, {receiver}>>]"
        binders = f"{sender_name} \\in {known.kinds[declared.sender]}, {receiver} \\in {known.kinds[declared.receiver]}"
        wanted = [(declared, expression.parameters)]
        if expression.later is not None:
            wanted.append((known.instance.protocol.message(expression.later[0]), expression.later[1]))
        bag = known.instance.network.reordering
        names = [place.names.new("m" if bag else "i") for _ in wanted]
        binders += f" : {_every(expression.quantifier)} {', '.join(names)} \\in "
        binders += f"BagToSet({link})" if bag else f"1 .. Len({link})"
        present += [binary(Text(names[0]), "<", Text(names[1]))] if len(names) > 1 else []
        for name, (message, parameters) in zip(names, wanted, strict=True):
            found_in(message, parameters, name if bag else f"{link}[{name}]")
    return _over(expression.quantifier, binders, present, text(expression.body, _also(place, found)))


def _every(quantifier: Quantifier) -> str:
    return "\\E" if quantifier is Quantifier.EXISTS else "\\A"


def _over(quantifier: Quantifier, binders: str, present: list[Text], body: Text) -> Text:
    """Whether a body is true of some, or of all, that is bound and present."""
    exists = quantifier is Quantifier.EXISTS
    inside = all_of((*present, body)) if exists else implies(all_of(present), body)
    return Text(f"{_every(quantifier)} {binders} : {inside.text}", OTHER)


def _arithmetic(operator: Operator, left: Text, right: Text, known: TlaNames) -> Text:
    match operator:
        case Operator.MINIMUM | Operator.MAXIMUM:
            name = "Minimum" if operator is Operator.MINIMUM else "Maximum"
            known.uses.add(name)
            return Text(f"{name}({left.text}, {right.text})")
        case _:
            return binary(left, operator.value, right, SUM)


def _neighbour(expression: Neighbour, process: Text, known: TlaNames) -> Text:
    kind = expression.type.kind
    count, base = known.instance.size(kind), known.bases[kind]
    offset = expression.offset % count
    if base == 0:
        return Text(f"({process.tight()} + {offset}) % {count}", SUM)
    return Text(f"{base} + ((({process.tight()} - {base}) + {offset}) % {count})", SUM)


def _definition(expression: Apply, place: Place) -> Text:
    """The definition's operator applied; where it reads what the handler has changed already, its body."""
    protocol = place.known.instance.protocol
    body = inlined(expression, protocol)
    own = [part.variable for part in walk(body) if isinstance(part, Read) and isinstance(part.process, Self)]
    if any(place.own(variable) is not None for variable in own):
        return text(body, place)
    process = [] if expression.process is None else [text(expression.process, place).text]
    arguments = [*process, *(text(argument, place).text for argument in expression.arguments)]
    name = place.known.definitions[expression.definition]
    return Text(f"{name}({', '.join(arguments)})" if arguments else name)
