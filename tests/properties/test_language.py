"""Every text drawn by chance is a protocol, and means the same however often and in whatever layout it is read."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings

from modelcheck.bounds import caps
from spec.check import check
from spec.format import format_source
from spec.parser import parse
from spec.protocol import Protocol
from spec.source import Source
from tests.properties.protocols import texts

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)
drawn = settings(max_examples=60, deadline=None, suppress_health_check=SLOW)


def loaded(text: str) -> Protocol:
    return check(Source("drawn.elect", text))[0]


def meaning(text: str) -> Protocol:
    """The protocol without its text."""
    protocol = loaded(text)
    points = tuple(replace(point, label="".join(point.label.split())) for point in protocol.points)
    return replace(protocol, source=Source("", ""), points=points)


@drawn
@given(texts())
def test_it_checks(text: str) -> None:
    protocol = loaded(text)
    row = protocol.checks[0].rows[0]
    assert len(row.sizes) == 1
    caps(protocol, row.sizes[0], row.bounds)


@drawn
@given(texts())
def test_formatting_keeps_the_protocol(text: str) -> None:
    formatted = format_source(Source("drawn.elect", text))
    assert meaning(formatted) == meaning(text)
    assert format_source(Source("drawn.elect", formatted)) == formatted


@drawn
@given(texts())
def test_reading_it_twice_gives_the_same(text: str) -> None:
    assert loaded(text) == loaded(text)
    assert check(Source("drawn.elect", text))[1] == check(Source("drawn.elect", text))[1]
    assert parse(Source("drawn.elect", text)) == parse(Source("drawn.elect", text))
