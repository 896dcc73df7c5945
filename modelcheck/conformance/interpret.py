"""The meaning of emitted Python, for a state that is not known: all paths at once.

A value is one of those of `modelcheck.proof.values` (a process and a number are terms, a set of processes or an
optional process says who is in it), or one of the few that only Python has. What is assigned, sent or raised is so
where the path to it is taken.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from modelcheck.conformance.source import (
    NotRead,
    Source,
    fields_of,
    imported_from,
    is_taken,
    method_of,
    parameters_of,
)
from modelcheck.conformance.values import (
    All,
    Counted,
    Either,
    Listed,
    Moved,
    Nothing,
    Said,
    Spread,
    Thing,
    Timers,
    Value,
    Word,
    are_equal,
    at_most_of,
    counted,
    either,
    everyone_of,
    fitted_to,
    frozen_set_of,
    is_inside,
    is_process,
    joined,
    like,
    merged_values,
    moved,
    optional_of,
    set_of,
)
from modelcheck.proof.logic import (
    BOOL,
    FALSE,
    NUMBER,
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
from modelcheck.proof.setting import Setting, process_sort
from modelcheck.proof.values import Entries, Maybe, Members, Symbolic
from spec.types import Type

DEEPEST: Final = 20
"""Calls within calls."""


@dataclass(frozen=True)
class Sent:
    """A message on its way: where the path to it is taken, to whom."""

    path: Term
    kind: str
    to: Members
    message: Said


@dataclass
class Effects:
    """What has come of a run until now."""

    sent: list[Sent] = field(default_factory=list)
    fails: Term = FALSE
    timers: dict[str, tuple[Term, Term]] = field(default_factory=dict)
    """Of each timer whether it was reset last, and whether it was stopped last."""
    since: dict[str, dict[str, Term]] = field(default_factory=dict)
    """Of each timer that was reset, since when it counts: since now (the empty name), or since when a timer did before
    the run, by its name. What is not there is false."""
    changes: int = 0
    """How often something was changed, sent or found to be impossible: what must not be, where nothing says when or how
    often it would come to that."""
    begun: bool = False
    ended: bool = False

    def origin(self, timer: str) -> dict[str, Term]:
        return self.since.get(timer, {timer: TRUE})

    def counting(self, timer: str, timers: Sequence[str]) -> tuple[Term, ...]:
        """Since when a timer counts: since now, and then by each of the timers."""
        return tuple(self.origin(timer).get(origin, FALSE) for origin in ("", *timers))

    def change(self, node: ast.AST) -> None:
        if self.ended:
            raise NotRead("something after the step's end", node)
        self.changes += 1


@dataclass(frozen=True)
class Reader:
    """A module that is read for one setting, with what it is told of the protocol: the types of its kind's variables
    and of its messages' parameters, as they are called in Python, and the receivers of its messages."""

    setting: Setting
    kind: str
    source: Source
    variables: Mapping[str, Type]
    messages: Mapping[str, tuple[str, Mapping[str, Type]]]
    """By class: the message's name and its parameters."""

    def call(self, name: str, given: list[Value], effects: Effects, path: Term, depth: int = 0) -> Value:
        """What a function of the module returns, where the path is taken."""
        function = self.source.functions.get(name)
        if function is None:
            raise NotRead(f"there is no function `{name}`")
        names = parameters_of(function)
        if len(names) != len(given):
            raise NotRead(f"`{name}` is given {len(given)} arguments", function)
        if depth > DEEPEST:
            raise NotRead(f"`{name}` calls itself", function)
        frame = Frame(self, effects, dict(zip(names, given, strict=True)), path, depth)
        frame.run(function.body)
        return frame.result(function)


@dataclass
class Frame:
    """A call in progress. `live` is where it has not returned or raised yet."""

    reader: Reader
    effects: Effects
    locals: dict[str, Value]
    live: Term
    depth: int
    returned: list[tuple[Term, Value]] = field(default_factory=list)

    @property
    def setting(self) -> Setting:
        return self.reader.setting

    # Statements

    def run(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self._statement(statement)

    def result(self, function: ast.FunctionDef) -> Value:
        """What was returned; on no path there may be nothing, if there is something on any."""
        if not self.returned:
            return Nothing()
        if self.live is not FALSE:
            raise NotRead(f"`{function.name}` does not return what it says on every path", function)
        (_, found), *others = reversed(self.returned)
        for when, value in others:
            found = either(self.setting, when, value, found, function)
        return found

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Expr(ast.Constant(str())) | ast.Pass():
                pass
            case ast.Expr(
                ast.Call(ast.Attribute(ast.Call(ast.Name("super"), [], []), "__init__"), [me, ast.expr() as armed], [])
            ):
                thing = self._thing("self", node)
                if thing.of != "Now" or thing.attributes:
                    raise NotRead("a step that begins twice", node)
                thing.attributes.update(me=self.value(me), armed=self.value(armed))
            case ast.Expr(value) | ast.Assign([ast.Name("_")], value):
                self.value(value)
            case ast.Assign([ast.Name(name)], value):
                self._bind(name, self.value(value), node)
            case ast.Assign([ast.Attribute(ast.Name(name), attribute)], value) | ast.AnnAssign(
                ast.Attribute(ast.Name(name), attribute), _, ast.expr() as value
            ):
                self._assign(self._thing(name, node), attribute, self.value(value), node)
            case ast.AugAssign(ast.Attribute(ast.Name(name), "armed"), ast.Sub(), ast.Set(elements)):
                self._disarm(self._thing(name, node), elements, node)
            case ast.If(test, body, orelse):
                self._if(test, body, orelse)
            case ast.For(ast.Name(name), ast.Call(ast.Name("sorted"), [domain], []), body, []):
                self._for(name, domain, body, node)
            case ast.Return(value):
                self.returned.append((self.live, Nothing() if value is None else self.value(value)))
                self.live = FALSE
            case ast.Raise(ast.Call(ast.Name("Impossible" as name), [ast.Constant(str())], []), None):
                self._from_runtime(name, node)
                self._fail(TRUE, node)
                self.live = FALSE
            case ast.Match(subject, cases):
                self._match(self.value(subject), cases)
            case _:
                raise NotRead(f"a {type(node).__name__}", node)

    def _fail(self, when: Term, node: ast.AST) -> None:
        self.effects.change(node)
        self.effects.fails = disjunction((self.effects.fails, conjunction((self.live, when))))

    def _from_runtime(self, name: str, node: ast.AST) -> None:
        """That a name is what the runtime calls so; whence it is imported is looked at elsewhere."""
        imported_from(self.reader.source.imported, name, node)

    def _bind(self, name: str, value: Value, node: ast.AST) -> None:
        if is_taken(name):
            raise NotRead(f"`{name}`, as Python calls something", node)
        old = self.locals.get(name)
        self.locals[name] = (
            value if old is None or self.live is TRUE else either(self.setting, self.live, value, old, node)
        )

    def _thing(self, name: str, node: ast.AST) -> Thing:
        found = self.locals.get(name)
        if not isinstance(found, Thing):
            raise NotRead(f"an attribute of `{name}`", node)
        return found

    def _assign(self, thing: Thing, attribute: str, value: Value, node: ast.AST) -> None:
        of = self.reader.variables.get(attribute)
        old = thing.attributes.get(attribute)
        begins = attribute == "everyone" and old is None and isinstance(value, All)
        if thing.of != "Now" or "me" not in thing.attributes or (of is None and not begins):
            raise NotRead(f"a change of `{attribute}`", node)
        self.effects.change(node)
        if of is not None:
            value = fitted_to(self.setting, value, of, node)
        thing.attributes[attribute] = value if old is None else either(self.setting, self.live, value, old, node)

    def _disarm(self, thing: Thing, elements: list[ast.expr], node: ast.AST) -> None:
        """Takes the timer away that has fired: what a runtime knows already, so that it is not told."""
        timers = thing.attributes.get("armed")
        if not isinstance(timers, Timers) or thing.of != "Now":
            raise NotRead("a change of timers", node)
        self.effects.change(node)
        armed = dict(timers.armed)
        for element in elements:
            word = self.value(element)
            if not isinstance(word, Word) or word.text not in armed:
                raise NotRead("a timer that there is not", element)
            armed[word.text] = choice(self.live, FALSE, armed[word.text])
        thing.attributes["armed"] = Timers(armed)

    def _inner(self, bound: dict[str, Value], run: Callable[[], None]) -> None:
        """Runs something after which what is first bound within it is not known any more: it need not have been."""
        before = dict(self.locals)
        self.locals |= bound
        run()
        self.locals = {name: value for name, value in self.locals.items() if name in before}

    def _if(self, test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt]) -> None:
        holds = self.truth(test)
        before = self.live
        self.live = conjunction((before, holds))
        self._inner({}, lambda: self.run(body))
        after = self.live
        self.live = conjunction((before, negation(holds)))
        self._inner({}, lambda: self.run(orelse))
        self.live = disjunction((after, self.live))

    def _for(self, name: str, domain: ast.expr, body: list[ast.stmt], node: ast.AST) -> None:
        some = set_of(self.value(domain), domain)
        if name in self.locals:
            raise NotRead(f"`{name}`, which the loop changes", node)
        if any(True for _ in _leaving(body)):
            raise NotRead("a loop that is left early", node)
        for process in everyone_of(self.setting, some.kind):
            before = self.live
            self.live = conjunction((before, some.has(process)))
            self._inner({name: process}, lambda: self.run(body))
            self.live = before

    def _match(self, subject: Value, cases: list[ast.match_case]) -> None:
        match cases[-1]:
            case ast.match_case(ast.MatchAs(None, None), None, [ast.Raise(ast.Call(ast.Name("TypeError")), None)]):
                pass
            case _:
                raise NotRead("cases that do not end with an error for all others", cases[-1].pattern)
        for case in cases[:-1]:
            match case.pattern, case.guard:
                case ast.MatchClass(ast.Name(name), [], [], []), None:
                    known = self.reader.messages.get(name)
                    if not isinstance(subject, Said) or known is None:
                        raise NotRead(f"a case `{name}`", case.pattern)
                    imported_from(self.reader.source.imported, name, case.pattern)
                    chosen = known[0] == subject.name
                case ast.MatchValue(ast.Constant(str(text))), None:
                    if not isinstance(subject, Word):
                        raise NotRead(f"a case `{text}`", case.pattern)
                    chosen = text == subject.text
                case _:
                    raise NotRead("a case", case.pattern)
            if chosen:
                self.run(case.body)
                return
        raise NotRead("what no case is for")

    # Expressions

    def truth(self, node: ast.expr) -> Term:
        found = self.value(node)
        if isinstance(found, Term) and found.sort == BOOL:
            return found
        raise NotRead("something that is neither true nor false", node)

    def value(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant(bool(value)):
                return TRUE if value else FALSE
            case ast.Constant(int(value)):
                return number(value)
            case ast.Constant(str(value)):
                return Word(value)
            case ast.Constant(None):
                return Nothing()
            case ast.UnaryOp(ast.USub(), ast.Constant(int(value))) if not isinstance(value, bool):
                return number(-value)
            case ast.UnaryOp(ast.USub(), operand):
                negated = counted(self.setting, self.value(operand))
                if isinstance(negated, Term) and negated.sort == NUMBER:
                    return arithmetic("-", number(0), negated)
                raise NotRead("a negative of what is no number", node)
            case ast.UnaryOp(ast.Not(), operand):
                return negation(self.truth(operand))
            case ast.Name(name):
                if name in self.locals:
                    return self.locals[name]
                raise NotRead(f"`{name}`", node)
            case ast.Attribute(value, attribute):
                return self._attribute(self.value(value), attribute, node)
            case ast.Subscript(value, index):
                return self._entry(self.value(value), self.value(index), node)
            case ast.BoolOp(operator, operands):
                return self._bool(isinstance(operator, ast.And), operands)
            case ast.Compare(left, [operator], [right]):
                return self._compared(operator, self.value(left), self.value(right), node)
            case ast.BinOp(left, operator, right):
                return self._operated(operator, self.value(left), self.value(right), node)
            case ast.IfExp(test, body, orelse):
                return self._conditional(test, body, orelse, node)
            case ast.Set(elements) | ast.Tuple(elements):
                return Listed(tuple(map(self.value, elements)), isinstance(node, ast.Set))
            case ast.Call(function, given, keywords):
                return self._called(function, given, keywords, node)
            case _:
                raise NotRead(f"a {type(node).__name__}", node)

    def _within(self, path: Term, read: Callable[[], Value]) -> Value:
        """Something that is looked at on some paths only."""
        before = self.live
        self.live = conjunction((before, path))
        found = read()
        self.live = before
        return found

    def _bool(self, is_and: bool, operands: list[ast.expr]) -> Term:
        found: list[Term] = []
        for operand in operands:
            path = conjunction(found if is_and else map(negation, found))
            held = self._within(path, lambda operand=operand: self.truth(operand))  # type: ignore[misc]
            assert isinstance(held, Term)
            found.append(held)
        return conjunction(found) if is_and else disjunction(found)

    def _conditional(self, test: ast.expr, body: ast.expr, orelse: ast.expr, node: ast.AST) -> Value:
        holds = self.truth(test)
        yes = self._within(holds, lambda: self.value(body))
        no = self._within(negation(holds), lambda: self.value(orelse))
        return either(self.setting, holds, yes, no, node)

    def _attribute(self, value: Value, attribute: str, node: ast.AST) -> Value:
        if isinstance(value, Thing) and attribute in value.attributes:
            return value.attributes[attribute]
        if isinstance(value, Said) and attribute in value.given:
            return value.given[attribute]
        raise NotRead(f"an attribute `{attribute}`", node)

    def _entry(self, value: Value, index: Value, node: ast.AST) -> Value:
        match value, index:
            case All(), Word(kind) if kind in self.setting.processes:
                return Members(kind, lambda _: TRUE)
            case Entries(kind, at), Term() as key if key.sort == process_sort(kind):
                return at(key)
            case _:
                raise NotRead("an entry", node)

    def _operated(self, operator: ast.operator, left: Value, right: Value, node: ast.AST) -> Value:
        match operator, left, right:
            case ast.Add() | ast.Sub() | ast.Mult(), Term(sort="number") | Counted(), Term(sort="number") | Counted():
                one, other = counted(self.setting, left), counted(self.setting, right)
                assert isinstance(one, Term) and isinstance(other, Term)
                signs = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}
                return arithmetic(signs[type(operator)], one, other)
            case ast.Mult(), Listed((item,), False), Counted(kind):
                return Spread(kind, item)
            case ast.Add() | ast.Sub(), Term() as process, Term(operator="number") as by if is_process(process):
                return Moved(process, by.value if isinstance(operator, ast.Add) else -by.value)
            case ast.Mod(), Moved(process, by), Counted(kind) if process.sort == process_sort(kind):
                return moved(self.setting, process, by, kind)
            case ast.BitOr() | ast.BitAnd() | ast.Sub(), _, _:
                return joined(operator, frozen_set_of(left, node), set_of(right, node), node)
            case _:
                raise NotRead("an operation", node)

    def _compared(self, operator: ast.cmpop, left: Value, right: Value, node: ast.AST) -> Term:
        match operator:
            case ast.Is() | ast.IsNot() if not isinstance(left, Nothing) and not isinstance(right, Nothing):
                raise NotRead("whether two things are one", node)
            case ast.Eq() | ast.Is():
                return are_equal(self.setting, left, right, node)
            case ast.NotEq() | ast.IsNot():
                return negation(are_equal(self.setting, left, right, node))
            case ast.In() | ast.NotIn():
                found = is_inside(self.setting, left, right, node)
                return found if isinstance(operator, ast.In) else negation(found)
            case ast.Lt() | ast.Gt() if not isinstance(left, Term | Counted):
                raise NotRead("a comparison of sets that asks for a difference", node)
            case ast.Lt() | ast.GtE():
                found = at_most_of(self.setting, right, left, node)
                return negation(found) if isinstance(operator, ast.Lt) else found
            case ast.LtE() | ast.Gt():
                found = at_most_of(self.setting, left, right, node)
                return found if isinstance(operator, ast.LtE) else negation(found)
            case _:
                raise NotRead("a comparison", node)

    # Calls

    def _called(self, function: ast.expr, given: list[ast.expr], keywords: list[ast.keyword], node: ast.AST) -> Value:
        match function:
            case ast.Attribute(ast.Name(name), method) if isinstance(self.locals.get(name), Thing):
                return self._primitive(self._thing(name, node), method, given, keywords, node)
            case ast.Name("Now" | "State" | "Step" as name):
                return self._made(name, given, keywords, node)
            case ast.Name("frozenset") if not keywords:
                return self._frozenset(given, node)
            case ast.Name("any" | "all") if len(given) == 1 and not keywords:
                return self._quantified(function.id == "all", given[0], node)
            case ast.Name("tuple") if len(given) == 1 and not keywords:
                return self._tuple(given[0], node)
            case ast.Name(name) if name in self.locals:
                raise NotRead(f"a call of `{name}`", node)
            case ast.Name(name) if name in self.reader.source.functions and not keywords:
                values = [self.value(one) for one in given]
                before = self.effects.fails
                found = self.reader.call(name, values, self.effects, self.live, self.depth + 1)
                if self.effects.fails is not before:
                    self.live = conjunction((self.live, negation(self.effects.fails)))
                return found
            case ast.Name(name) if name in self.reader.messages and not given:
                message, parameters = self.reader.messages[name]
                imported_from(self.reader.source.imported, name, node)
                if {one.arg for one in keywords} != set(parameters):
                    raise NotRead(f"the arguments of `{name}`", node)
                said = {one.arg: self.value(one.value) for one in keywords if one.arg is not None}
                return Said(message, {k: fitted_to(self.setting, v, parameters[k], node) for k, v in said.items()})
            case ast.Name(name) if not keywords:
                return self._built_in(name, [self.value(one) for one in given], node)
            case _:
                raise NotRead("a call", node)

    def _built_in(self, name: str, given: list[Value], node: ast.AST) -> Value:
        """What Python has, and what the runtime adds to it."""
        given = [one if isinstance(one, Members) else counted(self.setting, one) for one in given]
        if name not in ("len", "min", "max"):
            self._from_runtime(name, node)
        match name, given:
            case "len", [Members() as some]:
                kind, has = frozen_set_of(some, node).kind, some.has
                everyone = everyone_of(self.setting, kind)
                if kind and all(has(one) is TRUE for one in everyone):
                    return Counted(kind)
                total = number(0)
                for one in everyone:
                    total = arithmetic("+", total, choice(has(one), number(1), number(0)))
                return total
            case "min" | "max", [Term(sort="number") as one, Term(sort="number") as other]:
                return choice(at_most(one, other) if name == "min" else at_most(other, one), one, other)
            case "natural", [Term(sort="number") as value]:
                self._fail(less(value, number(0)), node)
                return value
            case "within", [
                Term(sort="number") as value,
                Term(operator="number") as low,
                Term(operator="number") as high,
            ]:
                self._fail(negation(conjunction((at_most(low, value), at_most(value, high)))), node)
                return value
            case "optional_natural", [value]:
                return self._optional(value, lambda held: less(held, number(0)), node)
            case "optional_within", [value, Term(operator="number") as low, Term(operator="number") as high]:
                return self._optional(
                    value, lambda held: negation(conjunction((at_most(low, held), at_most(held, high)))), node
                )
            case "replaced", [Entries(kind, at), Term() as key, entry] if key.sort == process_sort(kind):
                first = at(self.setting.processes[kind][0])
                held = like(self.setting, entry, first, node)
                return Entries(kind, lambda other: merged_values(equal(other, key), held, at(other), node))
            case _:
                raise NotRead(f"a call of `{name}`", node)

    def _optional(self, value: Value, is_wrong: Callable[[Term], Term], node: ast.AST) -> Value:
        match value:
            case Nothing():
                return value
            case Term(sort="number") as held:
                self._fail(is_wrong(held), node)
                return value
            case Maybe(given, held) if held.sort == NUMBER:
                self._fail(conjunction((given, is_wrong(held))), node)
                return value
            case Either(when, yes, no):
                return either(
                    self.setting,
                    when,
                    self._within(when, lambda: self._optional(yes, is_wrong, node)),
                    self._within(negation(when), lambda: self._optional(no, is_wrong, node)),
                    node,
                )
            case _:
                raise NotRead("an optional number", node)

    def _primitive(
        self, thing: Thing, method: str, given: list[ast.expr], keywords: list[ast.keyword], node: ast.AST
    ) -> Value:
        """What a step can do: `runtime.steps.Turn`."""
        values = [self.value(one) for one in given]
        if keywords or thing.of != "Now":
            raise NotRead(f"a call of `{method}`", node)
        match method, values:
            case "done", []:
                function = method_of(self.reader.source.classes["Now"], "done")
                if parameters_of(function) != ["self"]:
                    raise NotRead("the parameters of `done`", function)
                found = self._method(function, {"self": thing})
                self.effects.change(node)
                self.effects.ended = True
                return found
            case "send", [Word(kind), to, Said() as message] if kind in self.setting.processes:
                self.effects.change(node)
                self.effects.sent.append(Sent(self.live, kind, optional_of(self.setting, to, kind, node), message))
            case "broadcast", [Word(kind), to, Said() as message] if kind in self.setting.processes:
                self.effects.change(node)
                receivers = set_of(to, node)
                if receivers.kind not in (kind, ""):
                    raise NotRead(f"a message to a {receivers.kind} as to a {kind}", node)
                self.effects.sent.append(Sent(self.live, kind, receivers, message))
            case "reset" | "stop", [Word(timer), *since] if method == "reset" or not since:
                timers = thing.attributes.get("armed")
                if not isinstance(timers, Timers) or timer not in timers.armed:
                    raise NotRead(f"a timer `{timer}`", node)
                self.effects.change(node)
                on = TRUE if method == "reset" else FALSE
                before = self.effects.timers.get(timer, (FALSE, FALSE))
                self.effects.timers[timer] = (
                    choice(self.live, on, before[0]),
                    choice(self.live, negation(on), before[1]),
                )
                armed = choice(self.live, on, timers.armed[timer])
                if method == "reset":
                    self._counts_since(timer, since, timers, node)
                thing.attributes["armed"] = Timers({**timers.armed, timer: armed})
            case _:
                raise NotRead(f"a call of `{method}`", node)
        return Nothing()

    def _counts_since(self, timer: str, since: list[Value], timers: Timers, node: ast.AST) -> None:
        """A timer that is reset counts from now, or from when another did, which must be armed."""
        origin: dict[str, Term] = {"": TRUE}
        match since:
            case []:
                pass
            case [Word(other)] if other in timers.armed:
                self.effects.fails = disjunction(
                    (self.effects.fails, conjunction((self.live, negation(timers.armed[other]))))
                )
                self.live = conjunction((self.live, timers.armed[other]))
                origin = self.effects.origin(other)
            case _:
                raise NotRead("a timer that another counts from", node)
        before = self.effects.origin(timer)
        self.effects.since[timer] = {
            name: choice(self.live, origin.get(name, FALSE), before.get(name, FALSE)) for name in {*origin, *before}
        }

    def _made(self, name: str, given: list[ast.expr], keywords: list[ast.keyword], node: ast.AST) -> Value:
        """An object of a class of the module."""
        declared = self.reader.source.classes.get(name)
        match name, given, keywords:
            case "Now", [_, _, _], [] if declared is not None:
                if self.effects.begun:
                    raise NotRead("a step that begins twice", node)
                self.effects.begun = True
                thing = Thing(name, {})
                function = method_of(declared, "__init__")
                values = [thing, *map(self.value, given)]
                parameters = parameters_of(function)
                if len(parameters) != len(values):
                    raise NotRead(f"a call of `{name}`", node)
                self._method(function, dict(zip(parameters, values, strict=True)))
                if set(thing.attributes) != {"me", "armed", "everyone", *self.reader.variables}:
                    raise NotRead("a step that begins without all of its state", node)
                return thing
            case "State", [], _ if declared is not None:
                fields = fields_of(declared)
                said = {one.arg: self.value(one.value) for one in keywords if one.arg is not None}
                if not set(said) <= set(fields) or len(said) < len(keywords):
                    raise NotRead("the fields of a state", node)
                for field_name, default in fields.items():
                    # Python looks at each default once, needed or not.
                    otherwise = None if default is None else self._alone().value(default)
                    if field_name not in said:
                        if otherwise is None:
                            raise NotRead(f"a state without `{field_name}`", node)
                        said[field_name] = otherwise
                kinds = self.reader.variables
                return Thing(
                    name,
                    {k: fitted_to(self.setting, v, kinds[k], node) if k in kinds else v for k, v in said.items()},
                )
            case "Step", [state, ast.Call(ast.Name("tuple"), [ast.Attribute(ast.Name("self"), "effects")], [])], []:
                self._from_runtime(name, node)
                if self._thing("self", node).of != "Now":
                    raise NotRead("the effects of what is no step", node)
                return Thing(name, {"state": self.value(state)})
            case _:
                raise NotRead(f"a call of `{name}`", node)

    def _alone(self) -> Frame:
        """Where nothing is known but what the module has: there a class is declared."""
        return Frame(self.reader, Effects(ended=True), {}, TRUE, self.depth + 1)

    def _method(self, function: ast.FunctionDef, given: dict[str, Value]) -> Value:
        frame = Frame(self.reader, self.effects, given, self.live, self.depth + 1)
        frame.run(function.body)
        return frame.result(function)

    # Sets

    def _frozenset(self, given: list[ast.expr], node: ast.AST) -> Value:
        match given:
            case []:
                return Members("", lambda _: FALSE)
            case [ast.Set() as written]:
                return set_of(self.value(written), node)
            case [ast.GeneratorExp(ast.Name(name), [ast.comprehension(ast.Name(target), domain, conditions, 0)])]:
                if name != target:
                    raise NotRead("a set of something else than it goes through", node)
                some = frozen_set_of(self.value(domain), node)
                held = {
                    process: conjunction((some.has(process), *(self._for_one(target, process, c) for c in conditions)))
                    for process in everyone_of(self.setting, some.kind)
                }

                def has(process: Term) -> Term:
                    found = FALSE
                    for one, inside in held.items():
                        found = choice(equal(process, one), inside, found)
                    return found

                return Members(some.kind, has)
            case _:
                raise NotRead("a set", node)

    def _for_one(self, name: str, process: Term, node: ast.expr) -> Term:
        before, changes = self.locals, self.effects.changes
        self.locals = {**before, name: process}
        found = self.truth(node)
        self.locals = before
        if self.effects.changes != changes:
            raise NotRead("something done while a set is gone through in no order", node)
        return found

    def _quantified(self, every: bool, given: ast.expr, node: ast.AST) -> Term:
        match given:
            case ast.GeneratorExp(body, [ast.comprehension(ast.Name(target), domain, [], 0)]):
                some = frozen_set_of(self.value(domain), node)
                everyone = everyone_of(self.setting, some.kind)
                parts = [(some.has(process), self._for_one(target, process, body)) for process in everyone]
                if every:
                    return conjunction(implication(inside, held) for inside, held in parts)
                return disjunction(conjunction(part) for part in parts)
            case _:
                raise NotRead("a quantifier", node)

    def _tuple(self, given: ast.expr, node: ast.AST) -> Value:
        """`tuple(check(entry) for entry in map)`: the map, with all its entries looked at."""
        match given:
            case ast.GeneratorExp(ast.Call(), [ast.comprehension(ast.Name(target), domain, [], 0)]):
                held = self.value(domain)
                if not isinstance(held, Entries):
                    raise NotRead("a map", node)
                kept: dict[Term, Symbolic] = {}
                before, sent = self.locals, len(self.effects.sent)
                for process in self.setting.processes[held.key]:
                    self.locals = {**before, target: held.at(process)}
                    entry = self.value(given.elt)
                    if not isinstance(entry, Term | Members | Maybe | Entries) or len(self.effects.sent) != sent:
                        raise NotRead("the entries of a map", node)
                    kept[process] = entry
                self.locals = before
                return Entries(held.key, lambda key: _looked_up(kept, key, node))
            case _:
                raise NotRead("a tuple", node)


def _looked_up(held: Mapping[Term, Symbolic], key: Term, node: ast.AST) -> Symbolic:
    found: Symbolic | None = None
    for one, entry in held.items():
        found = entry if found is None else merged_values(equal(key, one), entry, found, node)
    assert found is not None
    return found


def _leaving(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that end a loop's turn, or more."""
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Return | ast.Break | ast.Continue):
                yield node
