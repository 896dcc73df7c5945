from pathlib import Path
from xml.etree import ElementTree

import pytest

from modelcheck.story import story
from modelcheck.svg import LETTER, svg
from modelcheck.trace import Trace
from tests.golden import assert_golden
from tests.modelcheck.behaviours import forgetful_trace, locks_trace, run, split_trace, witness_trace

SVG = "{http://www.w3.org/2000/svg}"
TRACES = [forgetful_trace(), split_trace(), split_trace(5), locks_trace(), witness_trace(), run(locks_trace().model)]


def drawn(trace: Trace) -> ElementTree.Element:
    return ElementTree.fromstring(svg(trace))


def words(picture: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in picture.iter(f"{SVG}text")]


def test_a_drawing_is_as_it_was_when_it_was_found_good() -> None:
    assert_golden(Path(__file__).parent / "golden" / "split.svg", svg(split_trace()))


@pytest.mark.parametrize("trace", TRACES)
def test_nothing_is_drawn_outside_the_picture(trace: Trace) -> None:
    picture = drawn(trace)
    width, height = float(picture.attrib["width"]), float(picture.attrib["height"])
    for text in picture.iter(f"{SVG}text"):
        letter = LETTER * 15 / 12 if text.attrib.get("class") == "title" else LETTER
        if text.attrib.get("class") not in ("name", "label", "label fault", "number"):
            assert float(text.attrib["x"]) + len(text.text or "") * letter <= width
        assert 0 < float(text.attrib["y"]) < height
    for box in picture.iter(f"{SVG}rect"):
        assert float(box.attrib.get("x", 0)) + float(box.attrib["width"]) <= width
        assert float(box.attrib.get("y", 0)) + float(box.attrib["height"]) <= height


@pytest.mark.parametrize("trace", TRACES)
def test_every_process_step_and_clause_is_there(trace: Trace) -> None:
    picture = drawn(trace)
    found = words(picture)
    for names in trace.model.names:
        assert {str(name) for name in names} <= set(found)
    assert {str(number) for number in range(1, len(trace) + 1)} <= set(found)
    if trace.violation is not None:
        whole = " ".join(found)
        assert all(clause in whole for clause in trace.violation.clauses)


@pytest.mark.parametrize("trace", TRACES)
def test_no_line_breaks_within_what_a_step_changes(trace: Trace) -> None:
    found = words(drawn(trace))
    for scene in story(trace).scenes:
        for change in scene.changes:
            assert len(change) > 60 or any(change in line for line in found), change


def test_messages_are_arrows_and_leaders_bars() -> None:
    picture = drawn(split_trace())
    kinds = [part.attrib.get("class") for part in picture.iter()]
    assert kinds.count("arrow") == 2
    # The line of the one message that is lost, and the cross at its end.
    assert kinds.count("lost") == 2
    # node1 leads twice and node3 once, cut off; the legend has a bar, too.
    assert kinds.count("leading") == 3
    assert kinds.count("leading apart") == 1
    assert kinds.count("split") == 1


def test_an_arrow_points_from_the_sender_to_the_receiver() -> None:
    picture = drawn(forgetful_trace())
    at = {
        text.text: float(text.attrib["x"]) for text in picture.iter(f"{SVG}text") if text.attrib.get("class") == "name"
    }
    arrows = [
        (float(line.attrib["x1"]), float(line.attrib["x2"]))
        for line in picture.iter(f"{SVG}line")
        if line.attrib.get("class") == "arrow"
    ]
    expected = [("node1", "node2"), ("node2", "node1"), ("node3", "node2"), ("node2", "node3")]
    for (start, end), (sender, receiver) in zip(arrows, expected, strict=True):
        assert start == pytest.approx(at[sender], abs=6)
        assert end == pytest.approx(at[receiver], abs=8)


def test_what_means_something_to_xml_is_escaped() -> None:
    assert "epoch 0 -&gt; 1" in svg(split_trace())
