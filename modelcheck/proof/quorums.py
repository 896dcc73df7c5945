"""What quorums are, and that any two intersect: earned from the spec's own definition, never assumed."""

from __future__ import annotations

from functools import cache
from itertools import combinations

from modelcheck.proof.setting import Setting, Unprovable
from modelcheck.properties import is_quorum, quorum_definitions
from spec.protocol import (
    Arithmetic,
    Compare,
    Comparison,
    Conditional,
    Connected,
    Connective,
    Constant,
    Definition,
    Everyone,
    Expression,
    Local,
    Not,
    Operator,
    Size,
)
from spec.show import show
from spec.types import is_number


def minimal_quorums(setting: Setting, kind: str) -> tuple[frozenset[int], ...]:
    """The quorums of a fixed size that hold no smaller one. Raises Unprovable where a set with more in it than a quorum
    may be none."""
    return _minimal(setting, kind)


@cache
def _minimal(setting: Setting, kind: str) -> tuple[frozenset[int], ...]:
    size = setting.size[kind]
    assert size is not None
    everyone = range(size)
    found: list[frozenset[int]] = []
    for count in range(size + 1):
        for some in map(frozenset, combinations(everyone, count)):
            quorum = is_quorum(setting.model, kind, some)
            holds_one = any(smaller <= some for smaller in found)
            if holds_one and not quorum:
                raise Unprovable(f"a quorum of {kind}s that is no quorum any more with one more in it")
            if quorum and not holds_one:
                found.append(some)
    return tuple(found)


# Obligations ---------------------------------------------------------------------------------------------------------


def quorum_files(setting: Setting) -> tuple[tuple[str, str, str], ...]:
    """What has to be shown of quorums, as (name, title, SMT-LIB text). Raises Unprovable."""
    found: list[tuple[str, str, str]] = []
    for kind, definition in quorum_definitions(setting.model):
        size = setting.size[kind]
        if size is None:
            found += _for_every_size(kind, definition)
        else:
            found += _for_one_size(setting, kind, definition, size)
    return tuple(found)


def _for_one_size(setting: Setting, kind: str, definition: Definition, size: int) -> list[tuple[str, str, str]]:
    """The definition, counted out, against the function of who is in the set; and that two quorums meet."""
    names = [f"in.{index + 1}" for index in range(size)]
    others = [f"also.in.{index + 1}" for index in range(size)]
    smallest = [[names[index] for index in sorted(some)] for some in minimal_quorums(setting, kind)]
    chosen = "(or false" + "".join(f" (and true {' '.join(some)})" for some in smallest) + ")"

    def declared(some: list[str]) -> str:
        return "".join(f"(declare-const {name} Bool)\n" for name in some)

    def counted(some: list[str]) -> str:
        total = "(+ 0" + "".join(f" (ite {name} 1 0)" for name in some) + ")"
        return _condition(definition, {"set": total, "kind": str(size)}, kind)

    shown = f"; quorum: {show(definition.body)}\n(set-logic ALL)\n"
    exact = f"{shown}{declared(names)}(assert (not (= {counted(names)} {chosen})))\n(check-sat)\n"
    apart = "".join(f"(assert (not (and {one} {other})))\n" for one, other in zip(names, others, strict=True))
    meet = (
        f"{shown}{declared([*names, *others])}(assert {counted(names)})\n(assert {counted(others)})\n"
        f"; and nobody is in both\n{apart}(check-sat)\n"
    )
    return [
        (f"quorum-of-{kind}-is-as-defined", f"who is in a quorum of {kind}s, as the proofs spell it out", exact),
        (f"quorums-of-{kind}-intersect", f"any two quorums of {size} {kind}s have a {kind} in common", meet),
    ]


def _for_every_size(kind: str, definition: Definition) -> list[tuple[str, str, str]]:
    """By counting: two sets of `a` and `b` among `n` with nobody in common have a + b <= n. That there is a quorum at
    all has to be shown, too: to a solver no sort is empty, that of quorums no more than others."""
    shown = f"; quorum: {show(definition.body)}\n(set-logic ALL)\n"
    sizes = "(declare-const n Int)\n(declare-const a Int)\n(declare-const b Int)\n(assert (<= 1 n))\n"
    among = "(assert (and (<= 0 a) (<= a n) (<= 0 b) (<= b n)))\n"
    one = _condition(definition, {"set": "a", "kind": "n"}, kind)
    other = _condition(definition, {"set": "b", "kind": "n"}, kind)
    meet = f"{shown}{sizes}{among}(assert {one})\n(assert {other})\n; with nobody in both\n(assert (<= (+ a b) n))\n"
    grows = f"{shown}{sizes}{among}(assert {one})\n(assert (<= a b))\n(assert (not {other}))\n"
    exist = f"{shown}{sizes}{among}; of all there are\n(assert (= a n))\n(assert (not {one}))\n"
    return [
        (
            f"quorums-of-{kind}-intersect",
            f"any two quorums of any number of {kind}s have a {kind} in common",
            meet + "(check-sat)\n",
        ),
        (f"quorums-of-{kind}-grow", f"a set of {kind}s that holds a quorum is one", grows + "(check-sat)\n"),
        (f"quorums-of-{kind}-exist", f"all {kind}s together are a quorum", exist + "(check-sat)\n"),
    ]


def _condition(definition: Definition, counts: dict[str, str], kind: str) -> str:
    """The definition's body over how many are in the set, and how many there are."""
    parameter = definition.parameters[0]

    def of(part: Expression) -> str:
        match part:
            case Size(Local() as counted) if counted.identity == parameter.identity:
                return counts["set"]
            case Size(Everyone(of_set)) if of_set.of.kind == kind:
                return counts["kind"]
            case Constant(bool() as truth, _):
                return "true" if truth else "false"
            case Constant(int() as number, _):
                return str(number) if number >= 0 else f"(- {-number})"
            case Arithmetic(Operator.MINIMUM | Operator.MAXIMUM as operator, left, right):
                one, other = of(left), of(right)
                first, second = (one, other) if operator is Operator.MINIMUM else (other, one)
                return f"(ite (<= {one} {other}) {first} {second})"
            case Arithmetic(operator, left, right):
                return f"({operator.value} {of(left)} {of(right)})"
            case Compare(Comparison.DIFFERENT, left, right) if is_number(left.type):
                return f"(not (= {of(left)} {of(right)}))"
            case Compare(comparison, left, right) if is_number(left.type):
                sign = "=" if comparison is Comparison.EQUAL else comparison.value
                return f"({sign} {of(left)} {of(right)})"
            case Not(operand):
                return f"(not {of(operand)})"
            case Connected(connective, left, right):
                sign = "=>" if connective is Connective.IMPLIES else connective.value
                return f"({sign} {of(left)} {of(right)})"
            case Conditional(decided, yes, no):
                return f"(ite {of(decided)} {of(yes)} {of(no)})"
            case _:
                raise Unprovable(f"a quorum that is not a matter of how many: `{show(part)}`", definition.span)

    return of(definition.body)
