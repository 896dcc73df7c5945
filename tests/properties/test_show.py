"""Shown expressions mean what they meant: parsing what is shown gives the expression back."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spec.check import check
from spec.protocol import Expression, Protocol
from spec.show import show
from spec.source import Source
from tests.properties.protocols import protocols
from tests.spec.test_show import SPEC

Text = st.SearchStrategy[str]


def expression_of(text: str) -> Expression:
    protocol, _ = check(Source("shown.elect", SPEC.format(expression=text)))
    return protocol.properties[0].expression


@st.composite
def conditions(draw: st.DrawFn, depth: int = 4, bound: tuple[str, ...] = ()) -> str:
    """A condition in which every operand stands in parentheses, so that nothing rests on how tightly things bind."""

    def condition(*more: str) -> str:
        return f"({draw(conditions(depth - 1, (*bound, *more)))})"

    def number() -> str:
        return f"({draw(numbers(depth - 1, bound))})"

    def process() -> str:
        return draw(st.sampled_from(("self", "successor(self)", *bound)))

    def members() -> str:
        return draw(st.sampled_from(("(votes)", "(node)", "(votes + {self})", "(node - votes)", "(votes & node)")))

    if depth == 0:
        return draw(st.sampled_from(("true", "role == leader", "quorum(votes)", "next(term) == term", "up(self)")))
    fresh = f"n{len(bound)}"
    match draw(st.integers(0, 8)):
        case 0:
            return f"not {condition()}"
        case 1:
            return f"{condition()} {draw(st.sampled_from(('and', 'or', 'implies')))} {condition()}"
        case 2:
            return f"{number()} {draw(st.sampled_from(('==', '!=', '<', '<=')))} {number()}"
        case 3:
            return f"{draw(st.sampled_from(('forall', 'exists')))} {fresh} in {members()}: {condition(fresh)}"
        case 4:
            return f"if {condition()} then {condition()} else {condition()}"
        case 5:
            return f"{process()} {draw(st.sampled_from(('in', 'not in')))} {members()}"
        case 6:
            return f"{process()}.voted_for {draw(st.sampled_from(('in', 'not in')))} {{none, {process()}}}"
        case 7:
            return f"{{{fresh} in {members()} if {condition(fresh)}}} <= {members()}"
        case _:
            return f"{condition()} == {condition()}"


@st.composite
def numbers(draw: st.DrawFn, depth: int, bound: tuple[str, ...]) -> str:
    if depth <= 0:
        return draw(st.sampled_from(("0", "3", "term", "size(votes)", *(f"{name}.acks[self]" for name in bound))))
    left, right = (f"({draw(numbers(depth - 1, bound))})" for _ in range(2))
    match draw(st.integers(0, 3)):
        case 0:
            return f"{left} {draw(st.sampled_from(('+', '-', '*')))} {right}"
        case 1:
            return f"-{left}"
        case 2:
            return f"max({left}, {right})"
        case _:
            return f"if ({draw(conditions(depth - 1, bound))}) then {left} else {right}"


@settings(max_examples=150, deadline=None)
@given(conditions())
def test_parsing_what_is_shown_gives_the_expression_back(text: str) -> None:
    expression = expression_of(text)
    shown = show(expression)
    assert expression_of(shown) == expression
    assert len(shown) <= len(text)


@settings(max_examples=40, deadline=None, suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large))
@given(protocols())
def test_what_is_claimed_is_shown_as_what_it_means(protocol: Protocol) -> None:
    for number, claim in enumerate(protocol.properties):
        lines = protocol.source.text.split("\n")
        first = next(place for place, line in enumerate(lines) if f" {claim.name}" in line)
        head, _, rest = lines[first].partition(":")
        lines[first : first + (1 if rest else 2)] = [f"{head}: {show(claim.expression)}"]
        again, _ = check(Source("shown.elect", "\n".join(lines)))
        assert again.properties[number].expression == claim.expression
