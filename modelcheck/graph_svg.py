"""A drawing of a state graph: a layer for each number of steps from the start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean
from xml.sax.saxutils import escape

from modelcheck.graph import StateGraph
from modelcheck.story import folded

# All lengths in pixels.
MARGIN = 30
LETTER = 6.1
LINE = 13
BOX_LETTERS = 34
LABEL_LETTERS = 42
MOST_WRITTEN = 80
"""Graphs with more states than this are drawn as dots; their texts show when one points at them."""
SWEEPS = 6
"""How often the order within the layers is improved."""

STYLE = """
text { font: 10px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1f2933 }
.title { font-size: 14px; font-weight: bold }
.number { font-weight: bold }
.depth { fill: #8a94a0 }
.step { fill: #52606d; paint-order: stroke; stroke: #fff; stroke-width: 3px; text-anchor: middle }
.state { fill: #fff; stroke: #7b8794; stroke-width: 1.2 }
.leads { fill: #d3f0dd; stroke: #14773b }
.wrong { fill: #fbd5d0; stroke: #b42318; stroke-width: 2 }
.stopped { stroke-dasharray: 3 2 }
.edge { fill: none; stroke: #9aa5b1; stroke-width: 1.1 }
.back { stroke: #c9a86a; stroke-dasharray: 4 3 }
.bad { stroke: #b42318; stroke-width: 2 }
""".strip()

LEGEND = "green: somebody leads; red: a property is false; dashed border: a bound stops a step; dashed line: not deeper"
"""The layers are numbered at the left: by how many steps a state is from the start."""

HEAD = (
    '<marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 1L10 5L0 9Z" fill="#7b8794"/></marker>'
)


@dataclass(frozen=True)
class Box:
    """Where a state is drawn: its centre and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def top(self) -> float:
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height / 2


def graph_svg(graph: StateGraph) -> str:
    """The text of an `.svg` file."""
    written = graph.number_of_nodes() <= MOST_WRITTEN
    boxes = _boxes(graph, written)
    title = f"{graph.graph['name']}: {graph.number_of_nodes()} states, {graph.number_of_edges()} steps between them"
    width = max(
        max(box.x + box.width / 2 for box in boxes.values()) + MARGIN + 60,
        len(title) * 8.6 + 2 * MARGIN,
        len(LEGEND) * LETTER + 2 * MARGIN,
    )
    height = max(box.bottom for box in boxes.values()) + MARGIN
    frame = f'width="{width:.0f}" height="{height:.0f}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {frame} viewBox="0 0 {width:.0f} {height:.0f}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f"<defs>{HEAD}</defs>",
        f'<rect {frame} fill="#fff"/>',
        f'<text class="title" x="{MARGIN}" y="{MARGIN}">{escape(title)}</text>',
        f'<text class="depth" x="{MARGIN}" y="{MARGIN + 18}">{LEGEND}</text>',
        *_depths(graph, boxes),
        *_edges(graph, boxes, written),
        *(line for number in graph for line in _state(graph, number, boxes[number], written)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


# Places --------------------------------------------------------------------------------------------------------------


def layers(graph: StateGraph) -> list[list[int]]:
    """The states by depth, in an order in which edges between neighbouring layers cross little."""
    found: list[list[int]] = []
    for number in graph:
        depth: int = graph.nodes[number]["depth"]
        while len(found) <= depth:
            found.append([])
        found[depth].append(number)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        order = range(1, len(found)) if downwards else range(len(found) - 2, -1, -1)
        for depth in order:
            beside = found[depth - 1 if downwards else depth + 1]
            # Positions are taken from the middle of a layer, since layers are drawn centred.
            places = {number: position - len(beside) / 2 for position, number in enumerate(beside)}
            kept = {number: position - len(found[depth]) / 2 for position, number in enumerate(found[depth])}
            found[depth].sort(key=lambda number: _pull(graph, number, downwards, places, kept[number]))
    return found


def _pull(graph: StateGraph, number: int, downwards: bool, places: dict[int, float], kept: float) -> float:
    """Where its neighbours in the layer beside it would have a state stand."""
    neighbours = graph.predecessors(number) if downwards else graph.successors(number)
    found = [places[other] for other in neighbours if other in places]
    return fmean(found) if found else kept


def _boxes(graph: StateGraph, written: bool) -> dict[int, Box]:
    sizes = {number: _size(node["label"], written) for number, node in graph.nodes(data=True)}
    between = 26 if written else 8
    rows = layers(graph)
    widths = [sum(sizes[number][0] for number in row) + between * (len(row) - 1) for row in rows]
    middle = MARGIN + 60 + max(widths) / 2
    boxes: dict[int, Box] = {}
    top = 2.5 * MARGIN
    for row, width in zip(rows, widths, strict=True):
        tallest = max(sizes[number][1] for number in row)
        x = middle - width / 2
        for number in row:
            boxes[number] = Box(x + sizes[number][0] / 2, top + tallest / 2, *sizes[number])
            x += sizes[number][0] + between
        top += tallest + (86 if written else min(40 + len(row) / 4, 160))
    return boxes


def _size(label: str, written: bool) -> tuple[float, float]:
    if not written:
        return 10, 10
    lines = _folded(label)
    return max(max(map(len, lines)), 4) * LETTER + 16, (len(lines) + 1) * LINE + 10


def _folded(label: str) -> list[str]:
    return [part for line in label.split("\n") for part in folded(line, BOX_LETTERS, "  ")]


# Drawing -------------------------------------------------------------------------------------------------------------


def _depths(graph: StateGraph, boxes: dict[int, Box]) -> Iterator[str]:
    rows: dict[int, float] = {}
    for number in graph:
        rows.setdefault(graph.nodes[number]["depth"], boxes[number].y)
    for depth, y in rows.items():
        yield f'<text class="depth" x="{MARGIN}" y="{y + 4:.1f}">{depth}</text>'


def _state(graph: StateGraph, number: int, box: Box, written: bool) -> Iterator[str]:
    node = graph.nodes[number]
    wrong = [*node["violates"], *node["fails"]]
    style = "state wrong" if wrong else "state leads" if node["leaders"] else "state"
    style += " stopped" if node["cut"] else ""
    about = [f"state {number}, {node['depth']} steps from the start", node["label"]]
    about += [f"leads: {node['leaders']}"] if node["leaders"] else []
    about += [f"wrong: {what}" for what in wrong]
    yield f"<g><title>{escape(chr(10).join(about))}</title>"
    if written:
        left = box.x - box.width / 2
        yield (
            f'<rect class="{style}" x="{left:.1f}" y="{box.top:.1f}" width="{box.width:.1f}" '
            f'height="{box.height:.1f}" rx="5"/>'
        )
        yield f'<text class="number" x="{left + 8:.1f}" y="{box.top + LINE + 2:.1f}">{number}</text>'
        for row, line in enumerate(_folded(node["label"]), 1):
            indent = len(line) - len(line.lstrip())
            place = f'x="{left + 8 + indent * LETTER:.1f}" y="{box.top + LINE * (row + 1) + 2:.1f}"'
            yield f"<text {place}>{escape(line.lstrip())}</text>"
    else:
        yield f'<circle class="{style}" cx="{box.x:.1f}" cy="{box.y:.1f}" r="5"/>'
    yield "</g>"


def _edges(graph: StateGraph, boxes: dict[int, Box], written: bool) -> Iterator[str]:
    words: list[_Label] = []
    for one, other, edge in graph.edges(data=True):
        forward = graph.nodes[other]["depth"] > graph.nodes[one]["depth"]
        style = "edge" + ("" if forward else " back") + (" bad" if edge["violates"] else "")
        curve = _curve(boxes[one], boxes[other], graph.nodes[other]["depth"] - graph.nodes[one]["depth"])
        corners = " ".join(f"{x:.1f} {y:.1f}" for x, y in curve[1:])
        yield (
            f'<path class="{style}" d="M{curve[0][0]:.1f} {curve[0][1]:.1f}C{corners}" marker-end="url(#head)">'
            f"<title>{one} to {other}: {escape(edge['label'])}</title></path>"
        )
        if written:
            words += _placed(edge["label"].replace(" or ", " / "), curve, words)
    # Over all the lines, so that none runs through a word.
    yield from (f'<text class="step" x="{w.x:.1f}" y="{w.y + 3:.1f}">{escape(w.text)}</text>' for w in words)


@dataclass(frozen=True)
class _Label:
    """What is written on an edge, centred."""

    text: str
    x: float
    y: float

    def overlaps(self, other: _Label) -> bool:
        wide = (len(self.text) + len(other.text) + 2) * LETTER / 2
        return abs(self.x - other.x) < wide and abs(self.y - other.y) < LINE


def _placed(text: str, curve: Curve, taken: list[_Label]) -> list[_Label]:
    """A label where there is room for it along its edge; none where there is not (the edge has it as its title)."""
    shown = text if len(text) <= LABEL_LETTERS else text[: LABEL_LETTERS - 3] + "..."
    for along in (0.5, 0.35, 0.65, 0.22, 0.78):
        label = _Label(shown, *_point(curve, along))
        if not any(label.overlaps(other) for other in taken):
            return [label]
    return []


Point = tuple[float, float]
Curve = tuple[Point, Point, Point, Point]
"""A cubic curve: where it begins, its two handles, where it ends."""


def _point(curve: Curve, along: float) -> Point:
    weights = ((1 - along) ** 3, 3 * along * (1 - along) ** 2, 3 * along**2 * (1 - along), along**3)
    x, y = (sum(weight * point[axis] for weight, point in zip(weights, curve, strict=True)) for axis in (0, 1))
    return x, y


def _curve(one: Box, other: Box, deeper: int) -> Curve:
    """From the bottom of one box to the top of one in the next layer, in an arc under boxes of one layer, and from
    side to side back to an earlier layer."""
    if deeper > 0:
        bend = (other.top - one.bottom) * 0.45
        return (one.x, one.bottom), (one.x, one.bottom + bend), (other.x, other.top - bend), (other.x, other.top)
    if deeper == 0:
        way = 1 if other.x >= one.x else -1
        start, end = one.x + way * one.width / 4, other.x - way * other.width / 4
        low = max(one.bottom, other.bottom) + min(abs(end - start) / 3 + 6, 34)
        return (start, one.bottom), (start, low), (end, low), (end, other.bottom)
    side = 1 if other.x >= one.x else -1
    start, end = one.x + side * one.width / 2, other.x + side * other.width / 2
    far = max(start * side, end * side) * side + side * 30
    return (start, one.y), (far, one.y), (far, other.y), (end, other.y)
