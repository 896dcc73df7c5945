"""A trace as a drawing: a sequence diagram in SVG that stands alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from modelcheck.model import Name, StepKind
from modelcheck.story import FOR_EVER, Scene, Standing, Story, Tone, folded, listed, story
from modelcheck.trace import Trace

# All lengths in pixels.
LETTER = 7.3
"""The width of a letter; the font is monospaced, so that this can be known without drawing it."""
LINE = 17
MARGIN = 24
NUMBERS = 34
NARROWEST_GAP = 110
MIDDLE = 18
"""How far below the top of its row a step happens."""
REPEATING = 26
"""The height of the line that begins what is gone through for ever."""
TEXT_LETTERS = 64
"""How wide the text beside the lifelines is, in letters."""

STYLE = """
text { font: 12px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1f2933 }
.title { font-size: 15px; font-weight: bold }
.name, .what { font-weight: bold }
.name, .label { text-anchor: middle }
.number { fill: #8a94a0; text-anchor: end }
.aside { fill: #8a94a0 }
.sends, .label { fill: #1d5fa8 }
.leads { fill: #14773b; font-weight: bold }
.fails, .false { fill: #b42318; font-weight: bold }
.true { fill: #14773b; font-weight: bold }
.fault { fill: #a35200 }
.label { paint-order: stroke; stroke: #fff; stroke-width: 4px; stroke-linejoin: round }
.box { fill: #eef2f6; stroke: #9aa5b1 }
.shade { fill: #f7f9fb }
.life { stroke: #9aa5b1; stroke-width: 1.5 }
.cut { stroke: #d97706; stroke-width: 1.5; stroke-dasharray: 5 4 }
.down { stroke: #9aa5b1; stroke-width: 1.5; stroke-dasharray: 1.5 6 }
.leading { fill: #b7e4c7; stroke: #14773b }
.apart { stroke: #d97706; stroke-dasharray: 5 4 }
.arrow { stroke: #1d5fa8; stroke-width: 1.6; fill: none }
.lost { stroke: #d97706; stroke-width: 1.6; fill: none }
.split { stroke: #d97706; stroke-width: 1.6; stroke-dasharray: 8 5 }
.mark { fill: #1f2933 }
.faulty { fill: #fff; stroke: #d97706; stroke-width: 2.2 }
.wrong { fill: #fef3f2; stroke: #f3a49d }
.right { fill: #f0faf4; stroke: #8fd3aa }
""".strip()

HEAD = (
    '<marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M0 0.8L10 5L0 9.2Z" fill="#1d5fa8"/></marker>'
)


def svg(trace: Trace) -> str:
    """The text of an `.svg` file."""
    told = story(trace)
    places = _places(told)
    body: list[str] = []
    top = 2 * MARGIN + 16.0
    body += _names(told.names, places, top)
    top += 46
    rows = []
    for scene in (told.start, *told.scenes):
        if told.repeats_from(scene):
            body += _repeating(places, top)
            top += REPEATING
        height = _height(scene)
        rows.append((scene, top, height))
        top += height
    body += (line for _, at, height in rows[1::2] for line in _shade(at, height, places))
    body += _lifelines(rows, places, top + 14)
    for scene, at, _ in rows:
        body += _scene(told.names, scene, places, at)
    top += 34
    body += _legend(told, top)
    top += 22
    ending, bottom = _ending(told, places, top)
    body += ending
    width, height = places.width, bottom + MARGIN
    title = f"{told.title}: {told.ending.verdict}"
    frame = f'width="{width:.0f}" height="{height:.0f}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {frame} viewBox="0 0 {width:.0f} {height:.0f}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f"<defs>{HEAD}</defs>",
        f'<rect {frame} fill="#fff"/>',
        _words(MARGIN, MARGIN + 12, title, "title"),
        *body,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Places:
    """Where the lifelines stand (their x), where the text begins, and how wide all is."""

    at: dict[Name, float]
    text: float
    width: float


def _places(told: Story) -> Places:
    longest = max(len(str(name)) for name in told.names)
    labels = [len(scene.arrow.label) for scene in told.scenes if scene.arrow is not None]
    gap = max(NARROWEST_GAP, longest * LETTER + 40, max(labels, default=0) * LETTER + 44)
    first = MARGIN + NUMBERS + longest * LETTER / 2 + 14
    at = {name: first + position * gap for position, name in enumerate(told.names)}
    text = first + (len(told.names) - 1) * gap + longest * LETTER / 2 + 40
    heading = (len(told.title) + len(told.ending.verdict) + 2) * 9.2
    return Places(at, text, max(text + TEXT_LETTERS * LETTER + MARGIN, heading + 2 * MARGIN))


# Rows ----------------------------------------------------------------------------------------------------------------


def _told(scene: Scene) -> list[tuple[str, str]]:
    """The lines of text of a scene, each with its class."""
    first, *more = folded(scene.title, TEXT_LETTERS, "    ")
    what = "what fault" if scene.is_fault else "what"
    lines = [(first, what), *((part, what) for part in more)]
    if scene.sent_in is not None:
        lines.append((f"sent in {scene.sent_in}" if scene.sent_in else "sent at the start", "aside"))
    tones = {Tone.LEADS: "leads", Tone.FAILS: "fails", Tone.PLAIN: ""}
    parts: list[tuple[Sequence[str], str]] = []
    parts += [([change], "") for change in scene.changes] if scene.number == 0 else [(scene.changes, "")]
    parts += [([send], "sends") for send in scene.sends]
    parts += [([note.text], tones[note.tone]) for note in scene.notes]
    for texts, style in parts:
        lines += ((line, style) for line in listed(texts, TEXT_LETTERS - 2))
    return lines


def _height(scene: Scene) -> float:
    return max(len(_told(scene)) * LINE, 24) + MIDDLE


def _names(names: tuple[Name, ...], places: Places, top: float) -> Iterator[str]:
    for name in names:
        width = len(str(name)) * LETTER + 20
        x = places.at[name]
        yield f'<rect class="box" x="{x - width / 2:.1f}" y="{top:.1f}" width="{width:.1f}" height="28" rx="5"/>'
        yield _words(x, top + 18, str(name), "name")
        yield f'<line class="life" x1="{x:.1f}" y1="{top + 28:.1f}" x2="{x:.1f}" y2="{top + 46:.1f}"/>'


def _repeating(places: Places, top: float) -> Iterator[str]:
    """What is gone through for ever is marked off from what leads there."""
    middle, end = top + REPEATING / 2, places.text - 14
    # Not a style of its own: few drawings have one.
    line = 'stroke="#b42318" stroke-width="1.6" stroke-dasharray="2 4"'
    yield f'<line {line} x1="{MARGIN}" y1="{middle:.1f}" x2="{end:.1f}" y2="{middle:.1f}"/>'
    yield _words(places.text, middle + 4, FOR_EVER, "false")


def _shade(top: float, height: float, places: Places) -> Iterator[str]:
    yield (
        f'<rect class="shade" x="{MARGIN / 2:.1f}" y="{top:.1f}" width="{places.width - MARGIN:.1f}" '
        f'height="{height:.1f}" rx="4"/>'
    )


def _lifelines(rows: Sequence[tuple[Scene, float, float]], places: Places, bottom: float) -> Iterator[str]:
    """Each lifeline, in as few pieces as its process changes how it stands."""
    for position, x in enumerate(places.at.values()):
        first, top, _ = rows[0]
        standing = first.standings[position]
        for scene, at, _ in rows[1:]:
            if scene.standings[position] != standing:
                yield from _piece(x, top, at + MIDDLE, standing)
                top, standing = at + MIDDLE, scene.standings[position]
        yield from _piece(x, top, bottom, standing)


def _piece(x: float, top: float, bottom: float, standing: Standing) -> Iterator[str]:
    kind = "down" if not standing.up else "cut" if standing.cut_off else "life"
    yield f'<line class="{kind}" x1="{x:.1f}" y1="{top:.1f}" x2="{x:.1f}" y2="{bottom:.1f}"/>'
    if standing.token is not None:
        kind = "leading apart" if standing.cut_off else "leading"
        yield f'<rect class="{kind}" x="{x - 4.5:.1f}" y="{top:.1f}" width="9" height="{bottom - top:.1f}"/>'
    if standing.paused:
        yield _asleep(x, top, bottom)


def _asleep(x: float, top: float, bottom: float) -> str:
    """A lifeline in stripes. (Not a style of its own: few drawings have one.)"""
    stripes = 'stroke="#52606d" stroke-width="9" stroke-dasharray="1.5 4"'
    return f'<line {stripes} x1="{x:.1f}" y1="{top:.1f}" x2="{x:.1f}" y2="{bottom:.1f}"/>'


def _scene(names: tuple[Name, ...], scene: Scene, places: Places, top: float) -> Iterator[str]:
    middle = top + MIDDLE
    if scene.number:
        yield _words(MARGIN + 20, middle + 4, str(scene.number), "number")
    for row, (text, style) in enumerate(_told(scene)):
        indent = 0 if row == 0 else 14
        yield _words(places.text + indent, middle + 4 + row * LINE, text, style)
    if scene.kind in (StepKind.PARTITION, StepKind.HEAL):
        ends = [places.at[names[0]] - 30, places.at[names[-1]] + 30]
        yield f'<line class="split" x1="{ends[0]:.1f}" y1="{middle}" x2="{ends[1]:.1f}" y2="{middle}"/>'
    if scene.kind is StepKind.TICK:
        ends = [places.at[names[0]] - 30, places.at[names[-1]] + 30]
        dots = 'stroke="#9aa5b1" stroke-width="1.6" stroke-dasharray="2 3"'
        yield f'<line {dots} x1="{ends[0]:.1f}" y1="{middle}" x2="{ends[1]:.1f}" y2="{middle}"/>'
    if scene.arrow is not None:
        yield from _arrow(scene, places, middle)
    if scene.actor is not None:
        yield from _mark(scene.kind, places.at[scene.actor], middle)


def _arrow(scene: Scene, places: Places, y: float) -> Iterator[str]:
    assert scene.arrow is not None
    source, target = places.at[scene.arrow.sender], places.at[scene.arrow.receiver]
    if source == target:
        return
    way = 1 if target > source else -1
    start, end = source + way * 5, target - way * 7
    if scene.arrow.lost:
        end -= way * 9
        yield f'<line class="lost" x1="{start:.1f}" y1="{y}" x2="{end:.1f}" y2="{y}"/>'
        yield _cross("lost", end, y, 6)
    else:
        yield f'<line class="arrow" x1="{start:.1f}" y1="{y}" x2="{end:.1f}" y2="{y}" marker-end="url(#head)"/>'
    gap = min(abs(target - source), abs(list(places.at.values())[1] - next(iter(places.at.values()))))
    style = "label fault" if scene.arrow.lost else "label"
    yield _words(source + way * gap / 2, y - 6, scene.arrow.label, style)


def _mark(kind: StepKind, x: float, y: float) -> Iterator[str]:
    match kind:
        case StepKind.CRASH:
            yield _cross("faulty", x, y, 6)
        case StepKind.RESTART:
            yield f'<circle class="faulty" cx="{x:.1f}" cy="{y}" r="6"/>'
        case StepKind.DISK_LOSS:
            yield f'<circle class="faulty" cx="{x:.1f}" cy="{y}" r="6"/>'
            yield f'<path class="faulty" d="M{x - 4.2:.1f} {y + 4.2:.1f}L{x + 4.2:.1f} {y - 4.2:.1f}"/>'
        case StepKind.PAUSE:
            bars = f"M{x - 5:.1f} {y - 6}v12h3.5v-12zM{x + 1.5:.1f} {y - 6}v12h3.5v-12z"
            yield f'<path class="faulty" stroke-width="1.4" d="{bars}"/>'
        case StepKind.RESUME:
            yield f'<path class="mark" d="M{x - 4.5:.1f} {y - 6}v12l10 -6z"/>'
        case _:
            yield f'<circle class="mark" cx="{x:.1f}" cy="{y}" r="5"/>'


def _cross(style: str, x: float, y: float, size: float) -> str:
    falling = f"M{x - size:.1f} {y - size:.1f}L{x + size:.1f} {y + size:.1f}"
    rising = f"M{x - size:.1f} {y + size:.1f}L{x + size:.1f} {y - size:.1f}"
    return f'<path class="{style}" d="{falling}{rising}"/>'


# The end -------------------------------------------------------------------------------------------------------------


def _legend(told: Story, top: float) -> Iterator[str]:
    """What the drawing's signs mean, as far as it has them."""
    standings = {standing for scene in (told.start, *told.scenes) for standing in scene.standings}
    kinds = {scene.kind for scene in told.scenes}
    x, y = float(MARGIN), top - 4
    if any(s.token is not None for s in standings):
        yield f'<rect class="leading" x="{x}" y="{y - 8}" width="9" height="16"/>'
        yield _words(x + 16, top, "leads", "aside")
        x += 80
    for wanted, style, meaning in (
        (any(s.cut_off for s in standings), "cut", "cut off"),
        (any(not s.up for s in standings), "down", "is down"),
    ):
        if wanted:
            yield f'<line class="{style}" x1="{x}" y1="{y - 10}" x2="{x}" y2="{y + 10}"/>'
            yield _words(x + 10, top, meaning, "aside")
            x += 30 + len(meaning) * LETTER
    if any(s.paused for s in standings):
        yield _asleep(x + 4, y - 10, y + 10)
        yield _words(x + 14, top, "paused", "aside")
        x += 80
    for kind, meaning in (
        (StepKind.CRASH, "crash"),
        (StepKind.RESTART, "crash and restart"),
        (StepKind.DISK_LOSS, "disk lost"),
        (StepKind.PAUSE, "pause"),
        (StepKind.RESUME, "goes on"),
    ):
        if kind in kinds:
            yield from _mark(kind, x + 4, y)
            yield _words(x + 18, top, meaning, "aside")
            x += 40 + len(meaning) * LETTER


def _ending(told: Story, places: Places, top: float) -> tuple[list[str], float]:
    """The box at the end, and where it ends."""
    ending = told.ending
    if not ending.text:
        return [], top
    letters = int((places.width - 2 * MARGIN - 28) / LETTER)
    verdict = f'{ending.verdict}: "{ending.description}"' if ending.description else ending.verdict
    lines = [(part, "false" if ending.is_violation else "true") for part in folded(verdict, letters)]
    lines += [(part, "") for part in folded(ending.text, letters, "    ")]
    for clause in ending.clauses:
        lines += [(part, "") for part in folded("- " + clause, letters, "    ")]
    height = len(lines) * LINE + 18
    style = "wrong" if ending.is_violation else "right"
    place = f'x="{MARGIN}" y="{top:.1f}" width="{places.width - 2 * MARGIN:.1f}" height="{height}"'
    drawn = [f'<rect class="{style}" {place} rx="6"/>']
    for row, (text, kind) in enumerate(lines):
        drawn.append(_words(MARGIN + 14, top + 22 + row * LINE, text, kind))
    return drawn, top + height


def _words(x: float, y: float, text: str, style: str) -> str:
    kind = f' class="{style}"' if style else ""
    # Indentation is meant.
    indent = len(text) - len(text.lstrip())
    return f'<text{kind} x="{x + indent * LETTER:.1f}" y="{y:.1f}">{escape(text.lstrip())}</text>'
