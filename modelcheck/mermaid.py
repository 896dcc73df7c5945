"""A trace as a Mermaid sequence diagram, for documents that draw those."""

from __future__ import annotations

from collections.abc import Iterator

from modelcheck.model import Name, StepKind
from modelcheck.story import Scene, Standing, Story, story
from modelcheck.trace import Trace


def mermaid(trace: Trace) -> str:
    """The text of a `sequenceDiagram`. Steps are numbered; a process is active while it leads."""
    return "\n".join(_lines(story(trace))) + "\n"


def _lines(told: Story) -> Iterator[str]:
    yield "sequenceDiagram"
    yield f"    title {_text(f'{told.title}: {told.ending.verdict}')}"
    for name in told.names:
        yield f"    participant {name}"
    yield _note(told.names, [told.start.title, *told.start.changes, *told.start.sends])
    yield from _leadership(told.names, [Standing(True, False, None)] * len(told.names), told.start.standings)
    standings = told.start.standings
    for scene in told.scenes:
        if told.repeats_from(scene):
            yield "    loop for ever"
        yield from _scene(told.names, scene)
        yield from _leadership(told.names, standings, scene.standings)
        standings = scene.standings
    if told.loop is not None:
        yield "    end"
    if told.ending.text:
        yield _note(told.names, [told.ending.verdict, told.ending.text, *told.ending.clauses])


def _scene(names: tuple[Name, ...], scene: Scene) -> Iterator[str]:
    details = [*scene.changes, *scene.sends, *map(str, scene.notes)]
    if scene.arrow is not None:
        arrow = "-x" if scene.arrow.lost else "->>"
        label = _text(f"{scene.number}. {scene.arrow.label}")
        if scene.kind is StepKind.DELIVER_AND_KEEP:
            label += " (a copy)"
        yield f"    {scene.arrow.sender}{arrow}{scene.arrow.receiver}: {label}"
        if details and scene.actor is not None:
            yield _note((scene.actor,), details)
    else:
        about = names if scene.actor is None else (scene.actor,)
        yield _note(about, [f"{scene.number}. {scene.title}", *details])


def _leadership(
    names: tuple[Name, ...], before: list[Standing] | tuple[Standing, ...], after: tuple[Standing, ...]
) -> Iterator[str]:
    for name, was, now in zip(names, before, after, strict=True):
        if (was.token is None) is not (now.token is None):
            yield f"    {'deactivate' if now.token is None else 'activate'} {name}"


def _note(names: tuple[Name, ...], lines: list[str]) -> str:
    about = str(names[0]) if len(names) == 1 else f"{names[0]},{names[-1]}"
    return f"    Note over {about}: {'<br/>'.join(map(_text, lines))}"


ESCAPES = str.maketrans({"#": "#35;", ";": "#59;", "<": "#lt;", ">": "#gt;"})


def _text(words: str) -> str:
    """Text without the characters that mean something to Mermaid."""
    return words.translate(ESCAPES)
