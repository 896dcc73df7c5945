"""Changes of emitted text, each of which has to be found: `python -m tests.modelcheck.conformance.mutants` counts them.

Most are derived from the syntax tree of emitted modules, one change at a time; the others are written by hand, for what
no change of one node comes to.
"""

from __future__ import annotations

import ast
import copy
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from codegen.python.module import names_of
from modelcheck.conformance.translation import SIZES
from spec.lint import nodes
from spec.protocol import Protocol
from spec.types import EnumType
from tests.codegen.python.emitted import ROOT, found_in, protocol_at, protocol_of, texts_of

SMALL = """protocol small
process node:
    durable seen: map from node to int 0..3 = 0
    best: int 0..3? = none
    last: node? = none
    heard: set of node = {}
    mode: idle | busy | over = idle
    sure: bool = false
    timer tick: 1 s
    timer late: 2 s
message tell(level: int 0..3, about: node?)
message ask()
network: loss
on start:
    reset tick
on timeout tick if not sure or mode != over:
    heard := {n in heard if seen[n] >= 1} + {self}
    broadcast tell(min(size(heard), 3), last)
    reset late
    stop tick
on timeout late:
    seen := 0
    mode := if size(heard) * 2 > size(node) then busy else idle
    best := if mode == busy then seen[self] + 1 else none
on tell(level, about) from other if level > seen[other]:
    seen[other] := level
    last := other
    heard := heard - {other}
    if about == self and other not in heard:
        send ask() to other
    elif exists n in heard: seen[n] == level:
        sure := forall n in heard: n in {self, other}
    for n in heard & {self, other}:
        send tell(level, about) to n
on ask() from other if mode == idle:
    assert seen[other] < 3
    mode := busy
    stop late
input more(by: int 0..3) if by != 0:
    seen[self] := seen[self] + by
action end if mode == busy:
    mode := over
    if sure:
        unreachable
check small: 2 nodes, channel <= 1
"""
"""What the shipped specs have not: maps, options of numbers, ranges, definitions, assertions, inputs."""


@dataclass(frozen=True)
class Mutant:
    """A changed package. `where` is the file, the function and the change."""

    spec: str
    sort: str
    where: str
    texts: Mapping[str, str]


@dataclass(frozen=True)
class Change:
    """A change of one file, as its whole text."""

    sort: str
    where: str
    text: str


COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq, ast.Is),
    ast.NotEq: (ast.Eq, ast.IsNot),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
OPERATIONS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.BitOr, ast.BitAnd, ast.Add),
    ast.BitOr: (ast.Sub, ast.BitAnd),
    ast.BitAnd: (ast.BitOr, ast.Sub),
    ast.Mult: (ast.Add, ast.Sub),
    ast.Mod: (ast.Mult,),
}
CALLS = {"reset": "stop", "stop": "reset", "send": "broadcast", "broadcast": "send"}
FUNCTIONS = {"any": "all", "all": "any", "min": "max", "max": "min"}
CHECKS = ("natural", "within", "optional_natural", "optional_within", "frozenset", "len", "sorted")


SPECS = ("raft", "prevote", "lock_service", "ring", "small")


@cache
def subjects() -> dict[str, tuple[Protocol, dict[str, str]]]:
    """The protocols whose emitted packages are changed."""
    protocols = {name: protocol_at(ROOT / f"spec/protocols/{name}.elect") for name in SPECS if name != "small"}
    protocols["small"] = protocol_of(SMALL)
    return {name: (protocol, texts_of(protocol)) for name, protocol in protocols.items()}


def mutants(specs: tuple[str, ...] = SPECS) -> Iterator[Mutant]:
    """All mutants of some protocols' packages, in a fixed order."""
    for spec in specs:
        protocol, texts = subjects()[spec]
        for file, text in texts.items():
            if file != "__init__.py":
                for change in changes(protocol, text, file):
                    yield Mutant(spec, change.sort, f"{file}: {change.where}", {**texts, file: change.text})
    yield from by_hand()


def by_hand() -> Iterator[Mutant]:
    """Those that are written down."""
    _, texts = subjects()["raft"]
    for file, sort, old, new in BY_HAND:
        changed = texts[file].replace(old, new, 1)
        assert changed != texts[file], f"{old!r} is not in {file}"
        yield Mutant("raft", sort, f"{file}: {old!r} -> {new!r}", {**texts, file: changed})


def changes(protocol: Protocol, text: str, file: str) -> Iterator[Change]:
    """All changes of one node of a module's syntax tree that say something else."""
    tree = ast.parse(text)
    before = ast.unparse(tree)
    words = sorted({value for part in nodes(protocol) if isinstance(part, EnumType) for value in part.values})
    kinds = [kind for kind, given in names_of(protocol).items() if given["module"] == file]
    fields = sorted({name for kind in kinds for name in names_of(protocol)[kind]["variables"]})
    for place in tree.body:
        if isinstance(place, ast.ImportFrom | ast.Import):
            continue
        called = getattr(place, "name", "") or getattr(getattr(place, "target", None), "id", "") or "module"
        for node in _run(place):
            for sort, what in _changed(node, words, fields):
                ast.fix_missing_locations(tree)
                after = ast.unparse(tree)
                if after != before:
                    yield Change(sort, f"{called}: {what}", after)
    yield from _exchanged(tree)


def _run(place: ast.AST) -> Iterator[ast.AST]:
    """The nodes below a place that are no annotation."""
    yield place
    for name, value in ast.iter_fields(place):
        if name in ("annotation", "returns"):
            continue
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, ast.AST):
                yield from _run(one)


def _changed(node: ast.AST, words: list[str], fields: list[str]) -> Iterator[tuple[str, str]]:
    """Changes the node in one way after the other, and back."""
    match node:
        case ast.Compare(ops=[was]):
            for compared in COMPARISONS.get(type(was), ()):
                node.ops = [compared()]
                yield "comparison", f"{type(was).__name__} -> {compared.__name__}"
            node.ops = [was]
        case ast.BinOp(_, operator, _):
            for operation in OPERATIONS.get(type(operator), ()):
                node.op = operation()
                yield "operation", f"{type(operator).__name__} -> {operation.__name__}"
            node.op = operator
        case ast.BoolOp(connective, operands):
            node.op = ast.And() if isinstance(connective, ast.Or) else ast.Or()
            yield "connective", "and <-> or"
            node.op = connective
            for at in range(len(operands)):
                kept = operands[:at] + operands[at + 1 :]
                node.values = kept if len(kept) > 1 else [*kept, *kept]
                yield "dropped operand", ast.unparse(operands[at])
            node.values = operands
        case ast.UnaryOp(ast.Not(), operand):
            node.operand = ast.UnaryOp(ast.Not(), operand)
            yield "dropped not", ast.unparse(operand)
            node.operand = operand
        case ast.Constant(value=bool() as flag):
            node.value = not flag
            yield "constant", f"{flag} -> {not flag}"
            node.value = flag
        case ast.Constant(value=int() as number):
            node.value = number + 1
            yield "constant", f"{number} -> {number + 1}"
            node.value = number
        case ast.Constant(value=str() as word) if word in words:
            for other in words:
                node.value = other
                yield "wrong word", f"{word} -> {other}"
            node.value = word
        case ast.Attribute(_, attribute) if attribute in fields:
            for other in fields:
                node.attr = other
                yield "wrong variable", f"{attribute} -> {other}"
            node.attr = attribute
        case ast.Attribute(_, attribute) if attribute in CALLS:
            node.attr = CALLS[attribute]
            yield "wrong effect", f"{attribute} -> {CALLS[attribute]}"
            node.attr = attribute
        case ast.Call(ast.Name(name), [inner, *_]) if name in CHECKS:
            was_function, was_given = node.func, node.args
            node.func, node.args = ast.Name("max"), [copy.deepcopy(inner), copy.deepcopy(inner)]
            yield "dropped check", name
            node.func, node.args = was_function, was_given
        case ast.Call(ast.Name(name) as function, _) if name in FUNCTIONS:
            function.id = FUNCTIONS[name]
            yield "wrong function", f"{name} -> {FUNCTIONS[name]}"
            function.id = name
        case ast.IfExp(_, yes, no):
            node.body, node.orelse = no, yes
            yield "exchanged arms", ast.unparse(node)
            node.body, node.orelse = yes, no
    if not isinstance(node, ast.ClassDef):
        for field_name in ("body", "orelse"):
            yield from _statements(node, field_name)


def _statements(node: ast.AST, field_name: str) -> Iterator[tuple[str, str]]:
    body = getattr(node, field_name, None)
    if not isinstance(body, list) or not body or not isinstance(body[0], ast.stmt):
        return
    for at, statement in enumerate(body):
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue
        said = ast.unparse(statement).split("\n")[0]
        setattr(node, field_name, body[:at] + body[at + 1 :] or [ast.Pass()])
        yield "dropped statement", said
        if at + 1 < len(body):
            setattr(node, field_name, [*body[:at], body[at + 1], statement, *body[at + 2 :]])
            yield "swapped statements", said
        if isinstance(node, ast.FunctionDef):
            setattr(node, field_name, [*body[:at], ast.Return(ast.Constant(False)), *body[at:]])
            yield "early return", said
            setattr(node, field_name, [*body[: at + 1], copy.deepcopy(statement), *body[at + 1 :]])
            yield "doubled statement", said
    setattr(node, field_name, body)


def _exchanged(tree: ast.Module) -> Iterator[Change]:
    """Functions that are called each other's name."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    for one, other in pairwise(functions):
        if len(one.args.args) == len(other.args.args):
            one.name, other.name = other.name, one.name
            yield Change("exchanged functions", f"{one.name}, {other.name}", ast.unparse(tree))
            one.name, other.name = other.name, one.name


NODE, MESSAGES = "node.py", "messages.py"
BEFORE_STATE = "class State("
BY_HAND: tuple[tuple[str, str, str, str], ...] = (
    (NODE, "shadowed builtin", BEFORE_STATE, "def len(of: object) -> int:\n    return 3\n\n\n" + BEFORE_STATE),
    (NODE, "shadowed builtin", BEFORE_STATE, "def natural(of: int) -> int:\n    return of\n\n\n" + BEFORE_STATE),
    (NODE, "imported from elsewhere", "from runtime.steps import", "from elsewhere.steps import"),
    (NODE, "imported from elsewhere", "from .messages import", "from .other.messages import"),
    (NODE, "imported from elsewhere", "import msgspec", "import json as msgspec"),
    (MESSAGES, "imported from elsewhere", "import msgspec", "import json as msgspec"),
    (NODE, "wrong dispatch", "match timer:", 'match "election":'),
    (NODE, "wrong receiver", 'now.send("node", candidate,', 'now.send("node", now.me,'),
    (NODE, "wrong receiver", 'now.send("node", sender,', 'now.send("node", 0,'),
    (NODE, "wrong message", "HeartbeatAck(term", "Heartbeat(term"),
    (NODE, "wrong wiring", "initial=initial", "initial=restarted"),
    (NODE, "wrong wiring", "leader=leader", "leader=lambda me, everyone, state: 1"),
    (NODE, "wrong wiring", "restarted=restarted", "restarted=lambda everyone, state: state"),
    (NODE, "wrong wiring", 'Timer("election", 0.3', 'Timer("election", 0.03'),
    (NODE, "wrong wiring", '"voted_for",\n    ),\n    names', "),\n    names"),
    (NODE, "wrong wiring", '        "voted_for": "node",\n', ""),
    (NODE, "wrong wiring", '        "vote": "node",\n', ""),
    (NODE, "wrong class", 'frozen=True):\n    """What a', 'frozen=False):\n    """What a'),
    (NODE, "wrong class", "class Now(Turn[Message]):", "class Now(State):"),
    (NODE, "wrong class", "    term: int = 0", "    term: str = 0"),
    (MESSAGES, "wrong message class", 'tag="vote"', 'tag="votes"'),
    (MESSAGES, "wrong message class", "array_like=True", "array_like=False"),
    (MESSAGES, "wrong message class", "    term: int", "    term: bool"),
    (MESSAGES, "wrong message class", "    term: int", "    mandate: int"),
    (MESSAGES, "wrong message class", '"vote": Vote', '"vote": RequestVote'),
    (MESSAGES, "wrong message class", 'PROTOCOL = "', 'PROTOCOL = "x'),
    (MESSAGES, "wrong message class", 'SPEC_SHA256 = "', 'SPEC_SHA256 = "0'),
)
"""Files, sorts of change, what stands there and what is put there."""


def is_killed(mutant: Mutant) -> bool:
    """At one of the sizes that the command looks at: below five, `2 + size(s)` is as good as `2 * size(s)`."""
    protocol = subjects()[mutant.spec][0]
    return any(found_in(protocol, mutant.texts, (size,)) for size in SIZES)


def sample(size: int, seed: int = 1) -> list[Mutant]:
    """Some mutants of each sort."""
    listed = list(mutants(("raft", "small")))
    chosen = random.Random(seed)
    sorts = sorted({one.sort for one in listed})
    found: list[Mutant] = []
    for sort in sorts:
        of_sort = [one for one in listed if one.sort == sort]
        found += chosen.sample(of_sort, min(len(of_sort), max(1, size // len(sorts))))
    return found


def main() -> None:
    from tests.modelcheck.conformance.test_mutants import reason

    made: Counter[str] = Counter()
    alive: Counter[str] = Counter()
    unexplained: list[Mutant] = []
    for mutant in mutants():
        made[mutant.sort] += 1
        if not is_killed(mutant):
            alive[mutant.sort] += 1
            if reason(mutant) is None:
                unexplained.append(mutant)
    print(f"{'change':<26}{'mutants':>8}{'killed':>8}{'the same':>10}")
    for sort, count in sorted(made.items()):
        print(f"{sort:<26}{count:>8}{count - alive[sort]:>8}{alive[sort]:>10}")
    print(f"{'all':<26}{made.total():>8}{made.total() - alive.total():>8}{alive.total():>10}")
    for mutant in unexplained:
        print(f"not explained: {mutant.spec} {mutant.where} ({mutant.sort})")


if __name__ == "__main__":
    main()
