"""A trace as a sequence chart for the terminal: one lifeline for each process, and beside it what happens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from rich.text import Text

from modelcheck.model import Name, StepKind
from modelcheck.story import FOR_EVER, Scene, Standing, Story, Tone, folded, listed, story
from modelcheck.trace import Trace

LEAST_TEXT = 40
"""How many columns what happens must have beside the lifelines; with fewer the lifelines are left out."""
WIDEST_GAP = 10
"""How far apart the lifelines stand where the messages' names do not fit between them."""
NARROWEST_GAP = 4
LABELLED_GAP = 8
"""How far apart they stand at least, where the messages' names do fit."""


@dataclass(frozen=True)
class Glyphs:
    """What the chart is drawn with. A lifeline says how its process stands: by whether it is paused and cut off, its
    glyphs are for one who does not lead and for one who does."""

    lifelines: dict[tuple[bool, bool], str]
    down: str
    line: str
    divider: str
    passing: str
    """Across all lifelines while time passes."""
    to_right: str
    to_left: str
    """Where an arrow leaves a lifeline, by the side it leaves to; the second character is for one who leads."""
    crossing: str
    marks: dict[StepKind, str]
    mark: str
    lost: str
    rule: str


UNICODE = Glyphs(
    {(False, False): "│┃", (False, True): "╎╏", (True, False): "░▓", (True, True): "┊┋"},
    "·",
    "─",
    "╌",
    "┈",
    "├┠",
    "┤┨",
    "┼╂",
    {
        StepKind.RESTART: "↻",
        StepKind.DISK_LOSS: "⊘",
        StepKind.CRASH: "✗",
        StepKind.RECOVER: "▲",
        StepKind.PAUSE: "‖",
        StepKind.RESUME: "▸",
    },
    "●",
    "✗",
    "─",
)
ASCII = Glyphs(
    {(False, False): "|#", (False, True): ":%", (True, False): "!$", (True, True): ";&"},
    ".",
    "-",
    "~",
    "=",
    "|#",
    "|#",
    "++",
    {
        StepKind.RESTART: "R",
        StepKind.DISK_LOSS: "D",
        StepKind.CRASH: "X",
        StepKind.RECOVER: "^",
        StepKind.PAUSE: "P",
        StepKind.RESUME: ">",
    },
    "*",
    "X",
    "-",
)

Piece = tuple[str, str]
"""A stretch of a line and its style, as rich names it."""
Line = list[Piece]

NUMBER, LIFELINE, LEADING, MARK, ARROW, FAULT = "dim", "dim", "bold green", "bold", "cyan", "bold yellow"
TITLE, CHANGE, SEND, FALSE, TRUE = "bold", "", "blue", "bold red", "bold green"
NOTES = {Tone.LEADS: "bold green", Tone.FAILS: "bold red", Tone.PLAIN: ""}


def chart(trace: Trace, width: int = 100, *, ascii_only: bool = False) -> str:
    """The chart as plain text, no line wider than `width` columns (at least 60)."""
    return "\n".join("".join(text for text, _ in line).rstrip() for line in _lines(trace, width, ascii_only)) + "\n"


def coloured_chart(trace: Trace, width: int = 100, *, ascii_only: bool = False) -> Text:
    """The same chart with colours, for a rich console: `console.print(text, end="", soft_wrap=True)`."""
    lines = (Text.assemble(*line) for line in _lines(trace, width, ascii_only))
    return Text("\n").join([*lines, Text()])


def _lines(trace: Trace, width: int, ascii_only: bool) -> Iterator[Line]:
    told = story(trace)
    glyphs = ASCII if ascii_only else UNICODE
    columns = _columns(told, max(width, 60))
    yield from _heading(told, max(width, 60))
    yield []
    if columns is None:
        yield from _list(told, max(width, 60))
    else:
        yield from _sequence(told, columns, glyphs)
    yield []
    yield from _ending(told, max(width, 60))


# Where things stand --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Columns:
    """`at` is the column of each lifeline; what happens is told from column `text` on, `room` columns wide. With
    `labelled`, there is room for the names of messages on their arrows; with `numbered`, processes are called by
    their numbers, under the names of their kinds."""

    at: tuple[int, ...]
    text: int
    room: int
    labelled: bool
    numbered: bool


def _columns(told: Story, width: int) -> Columns | None:
    """The widest arrangement that fits; None where not even the narrowest one does."""
    gutter = len(str(told.length)) + 3
    lengths = [len(str(name)) for name in told.names]
    # Names stand over the middle of their lifelines, with a space between them at least.
    named = [one - one // 2 + other // 2 + 1 for one, other in pairwise(lengths)]
    labels = _label_lengths(told)

    def arranged(gaps: Sequence[int], left: int, right: int, labelled: bool, numbered: bool) -> Columns | None:
        at = tuple(accumulate(gaps, initial=gutter + left))
        text = at[-1] + right + 3
        return Columns(at, text, width - text, labelled, numbered) if width - text >= LEAST_TEXT else None

    over = lengths[0] // 2, lengths[-1] // 2
    if any(labels):
        wide = [max(name, label + 4 if label else 0, LABELLED_GAP) for name, label in zip(named, labels, strict=True)]
        # Unevenly only where there are several kinds: among equals it would say that some belong together.
        several = len({name.kind for name in told.names}) > 1
        for gaps in ([max(wide)] * len(wide), *([wide] if several else [])):
            if (found := arranged(gaps, *over, True, False)) is not None:
                return found
    for gap in range(WIDEST_GAP, NARROWEST_GAP - 1, -1):
        if (found := arranged([max(gap, name) for name in named], *over, False, False)) is not None:
            return found
    for gap in range(WIDEST_GAP, NARROWEST_GAP - 1, -1):
        if (found := arranged([gap] * len(named), 1, 1, False, True)) is not None:
            return found
    return None


def _label_lengths(told: Story) -> list[int]:
    """How long the names of messages are that stand between each two lifelines: each beside its sender's."""
    places = {name: position for position, name in enumerate(told.names)}
    found = [0] * (len(told.names) - 1)
    for scene in told.scenes:
        if scene.arrow is not None and scene.arrow.sender != scene.arrow.receiver:
            source, target = places[scene.arrow.sender], places[scene.arrow.receiver]
            between = source if target > source else source - 1
            found[between] = max(found[between], len(scene.arrow.label))
    return found


# Lifelines -----------------------------------------------------------------------------------------------------------


def _sequence(told: Story, columns: Columns, glyphs: Glyphs) -> Iterator[Line]:
    yield from _names(told.names, columns)
    standings = told.start.standings
    for number, scene in enumerate((told.start, *told.scenes)):
        if number:
            between = _lifelines(standings, columns, glyphs)
            yield [*between, (FOR_EVER, FALSE)] if told.repeats_from(scene) else between
        for row, text in enumerate(_told(scene, columns.room)):
            shown = scene.standings if row else standings
            line = _action(told.names, scene, shown, columns, glyphs) if row == 0 else None
            line = line or _lifelines(scene.standings, columns, glyphs)
            if row == 0 and number:
                line = _numbered(scene.number, line)
            yield [*line, *text]
        standings = scene.standings
    yield _lifelines(standings, columns, glyphs)
    yield from _legend(told, glyphs)


def _names(names: Sequence[Name], columns: Columns) -> Iterator[Line]:
    if columns.numbered:
        first = [(at, name.kind) for at, name in zip(columns.at, names, strict=True) if name.number == 0]
        ends = [at - 1 for at, _ in first[1:]] + [columns.text - 1]
        yield [(_placed((at, kind[: end - at]) for (at, kind), end in zip(first, ends, strict=True)), TITLE)]
        yield [(_placed([(at, str(name.number + 1)) for at, name in zip(columns.at, names, strict=True)]), TITLE)]
    else:
        centred = [(at - len(str(name)) // 2, str(name)) for at, name in zip(columns.at, names, strict=True)]
        yield [(_placed(centred), TITLE)]


def _placed(parts: Iterable[tuple[int, str]]) -> str:
    line = ""
    for at, text in parts:
        line = line.ljust(at) + text
    return line


def _numbered(number: int, line: Line) -> Line:
    """A row of lifelines with the step's number in the margin, which is blank."""
    (margin, style), *rest = line
    return [(str(number).rjust(len(margin.rstrip()) + 3)[: len(margin)].ljust(len(margin)), NUMBER or style), *rest]


class Row:
    """A row of the lifelines' area, drawn cell by cell."""

    def __init__(self, columns: Columns) -> None:
        self.cells: list[Piece] = [(" ", "")] * columns.text

    def put(self, at: int, text: str, style: str) -> None:
        for offset, character in enumerate(text):
            self.cells[at + offset] = (character, style)

    def line(self) -> Line:
        """The cells, those of one style in one piece."""
        pieces: Line = []
        for character, style in self.cells:
            if pieces and pieces[-1][1] == style:
                pieces[-1] = (pieces[-1][0] + character, style)
            else:
                pieces.append((character, style))
        return pieces


def _lifelines(standings: Sequence[Standing], columns: Columns, glyphs: Glyphs) -> Line:
    return _row(standings, columns, glyphs).line()


def _row(standings: Sequence[Standing], columns: Columns, glyphs: Glyphs) -> Row:
    row = Row(columns)
    for at, standing in zip(columns.at, standings, strict=True):
        leading = standing.token is not None
        glyph = glyphs.lifelines[standing.paused, standing.cut_off][leading] if standing.up else glyphs.down
        row.put(at, glyph, LEADING if leading else LIFELINE)
    return row


def _action(
    names: Sequence[Name], scene: Scene, before: Sequence[Standing], columns: Columns, glyphs: Glyphs
) -> Line | None:
    """The row in which a step happens; None where it has nothing to draw."""
    if scene.number == 0:
        return None
    row = _row(before, columns, glyphs)
    places = dict(zip(names, columns.at, strict=True))
    if scene.kind in (StepKind.PARTITION, StepKind.HEAL, StepKind.TICK):
        passing = scene.kind is StepKind.TICK
        for at in range(columns.at[0] - 1, columns.at[-1] + 2):
            if at not in columns.at:
                row.put(at, *((glyphs.passing, LIFELINE) if passing else (glyphs.divider, FAULT)))
    if scene.arrow is not None:
        leading = {name: standing.token is not None for name, standing in zip(names, before, strict=True)}
        _draw_arrow(row, scene, places, leading, columns, glyphs)
    if scene.actor is not None:
        mark = glyphs.marks.get(scene.kind, glyphs.mark)
        row.put(places[scene.actor], mark, FAULT if scene.is_fault else MARK)
    return row.line()


def _draw_arrow(
    row: Row, scene: Scene, places: dict[Name, int], leading: dict[Name, bool], columns: Columns, glyphs: Glyphs
) -> None:
    assert scene.arrow is not None
    arrow = scene.arrow
    source, target = places[arrow.sender], places[arrow.receiver]
    step = 1 if target > source else -1
    style = FAULT if arrow.lost else ARROW
    if source == target:
        return
    last = target - step
    for at in range(source + step, last + step, step):
        row.put(at, glyphs.line, style)
    for name, at in places.items():
        if min(source, last) < at < max(source, last):
            row.put(at, glyphs.crossing[leading[name]], style)
    row.put(source, (glyphs.to_right if step == 1 else glyphs.to_left)[leading[arrow.sender]], style)
    row.put(last, glyphs.lost if arrow.lost else "><"[step == -1], style)
    if columns.labelled:
        gap = abs(columns.at[columns.at.index(source) + step] - source)
        # In the gap beside the sender, a line to each side of it and room for the arrow's head.
        left = source + 2 if step == 1 else source - gap + 3
        spare = gap - 4 - len(arrow.label)
        row.put(left + spare // 2, arrow.label, style)


def _legend(told: Story, glyphs: Glyphs) -> Iterator[Line]:
    """What the lifelines say that are not plain, as far as there are such."""
    seen = {standing for scene in (told.start, *told.scenes) for standing in scene.standings}
    meanings = []
    if any(s.token is not None for s in seen):
        meanings.append(f"{glyphs.lifelines[False, False][True]} leads")
    if any(s.cut_off for s in seen):
        meanings.append(f"{glyphs.lifelines[False, True][False]} cut off")
    if any(s.cut_off and s.token is not None for s in seen):
        meanings.append(f"{glyphs.lifelines[False, True][True]} cut off, leads")
    paused = {(s.cut_off, s.token is not None) for s in seen if s.paused}
    for cut_off, leading in sorted(paused):
        words = "paused" + ", cut off" * cut_off + ", leads" * leading
        meanings.append(f"{glyphs.lifelines[True, cut_off][leading]} {words}")
    if any(not s.up for s in seen):
        meanings.append(f"{glyphs.down} is down")
    if meanings:
        yield [("  " + "   ".join(meanings), NUMBER)]


# Words ---------------------------------------------------------------------------------------------------------------


def _heading(told: Story, width: int) -> Iterator[Line]:
    style = FALSE if told.ending.is_violation else TRUE
    if len(told.title) + len(told.ending.verdict) + 2 <= width:
        yield [(told.title + ": ", TITLE), (told.ending.verdict, style)]
    else:
        yield from ([(part, TITLE)] for part in folded(told.title, width, "  "))
        yield from ([(part, style)] for part in folded(told.ending.verdict, width, "  "))


def _told(scene: Scene, room: int) -> Iterator[Line]:
    """What happens in a scene, in lines of at most `room` columns."""
    first, *more = folded(scene.title, room, "    ")
    style = FAULT if scene.is_fault else TITLE
    sent_in = "" if scene.sent_in is None else f"sent in {scene.sent_in}" if scene.sent_in else "sent at the start"
    beside = bool(sent_in) and not more and len(first) + len(sent_in) + 3 <= room
    yield [(first, style), (f" ({sent_in})", NUMBER)] if beside else [(first, style)]
    yield from ([(part, style)] for part in more)
    if sent_in and not beside:
        yield [(f"  ({sent_in})", NUMBER)]
    if scene.number == 0:
        yield from (line for change in scene.changes for line in _wrapped([change], room, CHANGE))
    else:
        yield from _wrapped(scene.changes, room, CHANGE)
    yield from (line for send in scene.sends for line in _wrapped([send], room, SEND))
    for note in scene.notes:
        yield from _wrapped([note.text], room, NOTES[note.tone])


def _wrapped(parts: Sequence[str], room: int, style: str, indent: int = 2) -> Iterator[Line]:
    yield from ([(" " * indent + line, style)] for line in listed(parts, room - indent))


def _list(told: Story, width: int) -> Iterator[Line]:
    """Without lifelines: one paragraph for each step."""
    gutter = len(str(told.length)) + 2
    for scene in (told.start, *told.scenes):
        if told.repeats_from(scene):
            yield [(" " * gutter, ""), (FOR_EVER, FALSE)]
        for row, line in enumerate(_told(scene, width - gutter)):
            label = str(scene.number) if row == 0 and scene.number else ""
            yield [(label.rjust(gutter - 2) + "  ", NUMBER), *line]


def _ending(told: Story, width: int) -> Iterator[Line]:
    ending = told.ending
    if not ending.text:
        return
    style = FALSE if ending.is_violation else TRUE
    first, *more = folded(
        f'{ending.verdict}: "{ending.description}"' if ending.description else ending.verdict, width, "  "
    )
    cut = min(len(ending.verdict), len(first))
    yield [(first[:cut], style), (first[cut:], "")]
    yield from ([(part, "")] for part in more)
    for part in folded(ending.text, width - 4, "    "):
        yield [("    " + part, "")]
    for clause in ending.clauses:
        for number, part in enumerate(folded(clause, width - 4, "  ")):
            yield [("  - " if number == 0 else "    ", style), (part, "")]
