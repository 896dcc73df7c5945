"""How a clause is said: which of its literals are supposed, and which one follows from them.

A clause is a disjunction, and a person says it as an implication: what is under way and who has led comes first, then
what else is supposed, then one thing that follows. Each literal may stand on either side, denied on the left. It goes
where it reads as something that is, not as something that is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from modelcheck.proof.atoms import Atom
from modelcheck.proof.candidates import Candidate
from spec.protocol import Compare, Comparison, Constant, Expression, Led, Local, Member, Not, Underway
from spec.types import EnumType, OptionType, ProcessType, is_number

Pair = tuple[Local, Local]
"""Two variables that stand for different processes."""


@dataclass(frozen=True)
class Supposed:
    """A condition on the left. `otherwise` is its opposite where that reads better: all is so `unless` this is."""

    condition: Expression
    otherwise: Expression | None = None


@dataclass(frozen=True)
class Arranged:
    """A clause as it is said: for everything that is `opened` (a message under way, one who has led), and for processes
    that are different where `apart` says so, `concluded` follows from what is `supposed`, or, where there is nothing of
    that kind, that the pair `same` is one process. Where there is neither, the last that is opened cannot be.
    `given` is a number, and what it is short for."""

    used: tuple[Local, ...]
    opened: tuple[Atom, ...]
    apart: tuple[Pair, ...]
    given: tuple[Local, Expression] | None
    supposed: tuple[Supposed, ...]
    concluded: tuple[Expression, ...]
    same: Pair | None


def arranged(candidate: Candidate) -> Arranged:
    atoms = [atom for atom, sign in candidate.parts if not sign]
    opened = [atom for atom in atoms if atom.carried is not None or isinstance(atom.expression, Led)]
    opened = [one for one in opened if not any(_is_implied(one, other) for other in opened)]
    opened.sort(key=lambda atom: atom.carried is None)
    parts = [
        atom.expression if sign else denied(atom.expression)
        for atom, sign in candidate.parts
        if sign or (atom.carried is None and not isinstance(atom.expression, Led))
    ]
    bound = {local for atom in opened for local in atom.variables}
    equation = next((part for part in parts if _given(part, bound) is not None), None)
    concluded, others = _sides(_merged([part for part in parts if part is not equation]))
    supposed = [Supposed(denied(one), one if _is_affirmed(one) else None) for one in others]
    supposed.sort(key=lambda one: _oddity(one.condition))
    pairs = list(_pairs(candidate.used))
    same = None if concluded or not pairs else _same(pairs, opened)
    pairs = [pair for pair in pairs if pair is not same]
    pairs, supposed, concluded = _in_order(pairs, supposed, concluded)
    given = _given(equation, bound) if equation is not None else None
    return Arranged(candidate.used, tuple(opened), tuple(pairs), given, tuple(supposed), tuple(concluded), same)


def denied(expression: Expression) -> Expression:
    """The opposite, as something that is where that can be said."""
    match expression:
        case Compare(
            Comparison.EQUAL | Comparison.DIFFERENT as comparison, left, Constant(value, EnumType(values))
        ) if len(values) == 2:
            other = next(one for one in values if one != value)
            return Compare(comparison, left, Constant(other, EnumType(values)))
        case Compare(Comparison.EQUAL, left, right):
            return Compare(Comparison.DIFFERENT, left, right)
        case Compare(Comparison.DIFFERENT, left, right):
            return Compare(Comparison.EQUAL, left, right)
        case Compare(Comparison.LESS, left, right):
            return Compare(Comparison.LESS_EQUAL, right, left)
        case Compare(Comparison.LESS_EQUAL, left, right):
            return Compare(Comparison.LESS, right, left)
        case Not(operand):
            return operand
        case _:
            return Not(expression)


def _is_implied(atom: Atom, other: Atom) -> bool:
    """Whether a message is one of two of which it is said that one is ahead of the other."""
    one, pair = atom.carried, other.carried
    if one is None or one.later is not None or pair is None or pair.later is None:
        return False
    if one.sender is not pair.sender or one.receiver not in (None, pair.receiver):
        return False
    for name, pattern in ((pair.message, pair.pattern), pair.later):
        if name == one.message and all(a in (None, b) for a, b in zip(one.pattern, pattern, strict=True)):
            return True
    return False


def _merged(parts: list[Expression]) -> list[Expression]:
    """A disjunction in which `a < b or a == b` is one comparison."""
    found: list[Expression] = []
    for part in parts:
        for index, other in enumerate(found):
            if (both := _either(other, part)) is not None:
                found[index] = both
                break
        else:
            found.append(part)
    return found


def _either(one: Expression, other: Expression) -> Expression | None:
    match one, other:
        case Compare(Comparison.LESS, a, b), Compare(Comparison.EQUAL, c, d) if (c, d) in ((a, b), (b, a)):
            return Compare(Comparison.LESS_EQUAL, a, b)
        case Compare(Comparison.EQUAL), Compare(Comparison.LESS):
            return _either(other, one)
        case Compare(Comparison.LESS, a, b), Compare(Comparison.LESS, c, d) if (c, d) == (b, a):
            return Compare(Comparison.DIFFERENT, a, b)
    return None


def _sides(parts: list[Expression]) -> tuple[list[Expression], list[Expression]]:
    """What follows, and what is denied on the left. That something is under way always follows."""
    following: list[Expression] = [part for part in parts if isinstance(part, Underway | Led)]
    others = [part for part in parts if part not in following]
    if following or not others:
        return following, others

    def cost(part: Expression) -> tuple[int, int]:
        left = sum(_oddity(denied(one)) for one in others if one is not part)
        return left + _oddity(part), _eagerness(part)

    best = min(others, key=cost)
    return [best], [part for part in others if part is not best]


def _oddity(expression: Expression) -> int:
    """How much a condition says of what is not."""
    match expression:
        case Compare(Comparison.DIFFERENT, _, Constant(None, _)):
            return 0
        case Compare(Comparison.DIFFERENT, _, Constant(_, EnumType())):
            return 1
        case Compare(Comparison.DIFFERENT) | Not():
            return 2
        case _:
            return 0


def _eagerness(expression: Expression) -> int:
    """What is better said as what follows has a smaller number."""
    match expression:
        case Compare(_, left, right) if is_number(left.type) or is_number(right.type):
            return 0
        case Compare(_, left, _) if isinstance(left.type, OptionType | ProcessType):
            return 1
        case Member() | Not(Member()):
            return 2
        case _:
            return 3


def _is_affirmed(expression: Expression) -> bool:
    """Whether it is better said of a clause that it holds unless this is so."""
    compared = expression.comparison if isinstance(expression, Compare) else Comparison.EQUAL
    return _oddity(expression) == 0 and compared in (Comparison.EQUAL, Comparison.LESS)


def _pairs(used: tuple[Local, ...]) -> Iterator[Pair]:
    for index, one in enumerate(used):
        for other in used[index + 1 :]:
            if isinstance(one.type, ProcessType) and one.type == other.type:
                yield one, other


def _same(pairs: list[Pair], opened: list[Atom]) -> Pair | None:
    """Of processes that cannot be different, the pair that says so best: not the two ends of one message, unless there
    is but one; and rather one that is new with what is opened last."""
    ends = [{a.carried.sender, a.carried.receiver} for a in opened if a.carried is not None]
    telling = [pair for pair in pairs if set(pair) not in ends]
    if not telling:
        return pairs[0] if len(opened) == 1 else None
    before = {local for atom in opened[:-1] for local in atom.variables}
    return min(telling, key=lambda pair: (pair[0] not in before) + (pair[1] in before))


def _in_order(
    pairs: list[Pair], supposed: list[Supposed], concluded: list[Expression]
) -> tuple[list[Pair], list[Supposed], list[Expression]]:
    """Without saying that two processes are different where their order says it: `a < b` supposed; `a <= b` concluded,
    which is true of one and the same."""
    left = []
    for pair in pairs:
        said = False
        for index, one in enumerate(supposed):
            if isinstance(one.condition, Compare) and _compares(one.condition, pair):
                condition = Compare(Comparison.LESS, one.condition.left, one.condition.right)
                supposed[index] = Supposed(condition, denied(condition) if one.otherwise is not None else None)
                said = True
        for index, follows in enumerate(concluded):
            if isinstance(follows, Compare) and _compares(follows, pair) and len(concluded) == 1:
                concluded[index] = Compare(Comparison.LESS_EQUAL, follows.left, follows.right)
                said = True
        if not said:
            left.append(pair)
    return left, supposed, concluded


def _compares(compare: Compare, pair: Pair) -> bool:
    """Whether an order of two processes is of these two."""
    ordered = compare.comparison in (Comparison.LESS, Comparison.LESS_EQUAL)
    return ordered and {compare.left, compare.right} == set(pair)


def _given(part: Expression, bound: set[Local]) -> tuple[Local, Expression] | None:
    """A number that nothing else holds, and what it is supposed to be; from the denial of that."""
    match part:
        case Compare(Comparison.DIFFERENT, Local() as number, what) if is_number(number.type) and number not in bound:
            return number, what
    return None
