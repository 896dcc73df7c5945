"""The files with which an emitted package is tested, from templates. They need nothing but the package."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from codegen.python.module import Module
from codegen.python.names import attribute_name, free_name, module_name
from codegen.python.package import formatted
from codegen.python.quoting import WIDTH, safe, source_name
from codegen.testing.faults import allowed
from codegen.testing.strategies import strategy_text
from spec.protocol import OnAction, OnInput, Protocol
from spec.types import Type

EXAMPLES, RUNS, FEWEST, FAULTS = 100, 100, 8, 30
"""How many cases and runs each test draws, and how many faults there are in a run, at least and at most."""
LONG = 50
"""A run is not waited for timers that take longer than so many times the quickest one."""
OWN = frozenset(
    """PROCESSES SIZES DRAWN NATURALS NUMBERS DURABLE HAPPENINGS SHORTEST LONGEST FILE FIRST REST HEADER LINES EVERYONES
    SPEC_SHA256""".split()  # noqa: SIM905
)
"""What the tests call their own in capitals, as they do the kinds of process."""
VERSION = 1


@dataclass(frozen=True)
class Place:
    """Where a package is to its tests: its name, the folder that it is in, from that of the tests, and the package of
    its runtime. `folder` is that of the tests, as a person says it."""

    package: str
    parent: str
    runtime: str
    folder: str


@dataclass(frozen=True)
class Steps:
    """What the tests hold a package against: steps, as they are listed, of clusters of some `sizes`, from so many
    `states`; `whole` where these are all that there are; `missing` are the handlers and branches that no step takes.
    Each line has the number of its size."""

    lines: Sequence[Mapping[str, Any]]
    sizes: Sequence[Mapping[str, int]]
    states: int
    whole: bool
    missing: tuple[str, ...]


def file_names(package: str) -> tuple[str, ...]:
    """The names of the files."""
    return ("conftest.py", "steps.ndjson", *(f"test_{package}_{of}.py" for of in ("steps", "values", "runs")))


def suite_of(protocol: Protocol, place: Place, steps: Steps) -> tuple[Module, ...]:
    """The files by name. Raises NoFormatter."""
    environment = Environment(
        loader=PackageLoader("codegen.testing"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"strategy": strategy_text, "filled": _filled}
    given = {**_shared(protocol, place), **_steps(protocol, steps), **_values(protocol), **_runs(protocol)}
    conftest, listed, *tests = file_names(place.package)
    templates = {conftest: "conftest.py.j2", **{name: f"{name.split('_')[-1]}.j2" for name in tests}}
    texts = {name: environment.get_template(template).render(**given) for name, template in templates.items()}
    own = [place.package, place.runtime.split(".")[0]]
    modules = [Module(name, formatted(text, own)) for name, text in texts.items()]
    return Module(listed, _listed(protocol, steps)), *modules


def _shared(protocol: Protocol, place: Place) -> dict[str, Any]:
    names: dict[str, str] = {}
    for kind in protocol.kinds:
        names[kind.name] = free_name(kind.name.upper(), {*OWN, *names.values()})
    modules = {kind: f"{place.package}.{module_name(kind)}" for kind in names}
    return {
        "protocol": protocol,
        "package": place.package,
        "parent": place.parent,
        "runtime": place.runtime,
        "folder": safe(place.folder),
        "spec": source_name(protocol),
        "sha256": protocol.source.sha256,
        "names": names,
        "imports": "\n".join(f"from {modules[kind]} import PROCESS as {name}" for kind, name in names.items()),
        "attribute": attribute_name,
        "strategy": strategy_text,
    }


def _steps(protocol: Protocol, steps: Steps) -> dict[str, Any]:
    whole = "all" if steps.whole else "the first"
    return {
        "lines": steps.lines,
        "listed_sizes": sizes_said(steps.sizes),
        "said_states": f"{whole} {steps.states} states" + ("" if steps.whole else " that a search finds"),
        "points": sum(not point.unreachable for point in protocol.points),
        "missing": [safe(one) for one in steps.missing],
    }


def _values(protocol: Protocol) -> dict[str, Any]:
    durable = {
        kind.name: [attribute_name(variable.name) for variable in kind.variables if variable.durable]
        for kind in protocol.kinds
    }
    sizes = _sizes(protocol)
    return {
        "examples": EXAMPLES,
        "sizes": [json.dumps(size) for size in sizes],
        "sizes_said": sizes_said(sizes),
        "timers": {kind.name: json.dumps([timer.name for timer in kind.timers]) for kind in protocol.kinds},
        "durable": {
            kind: f"{{{', '.join(map(json.dumps, found))}}}" if found else "set()" for kind, found in durable.items()
        },
    }


def _runs(protocol: Protocol) -> dict[str, Any]:
    may = allowed(protocol)
    asked = _asked(protocol)
    timers = [timer for kind in protocol.kinds for timer in kind.timers]
    shortest = max(min((timer.low for timer in timers), default=100), 2)
    longest = min(max((timer.high for timer in timers), default=100), LONG * shortest)
    said = [f"the application asks for `{name}` of a {kind}" for kind, name, _, is_input in asked if is_input]
    said += [f"a {kind} does `{name}` of its own accord" for kind, name, _, is_input in asked if not is_input]
    return {
        "runs": RUNS,
        "fewest": FEWEST,
        "faults": FAULTS,
        "told": [*may.told, *said],
        "words": may.words,
        "alone": "".join(f'"{word}", ' for word in may.words),
        "limits": may.limits,
        "paused": may.paused,
        "drift": may.drift,
        "fixed": not protocol.network.reordering,
        "shortest": shortest / 1000,
        "longest": max(longest, shortest) / 1000,
        "asked": asked,
        "draws_processes": any("processes" in strategy_text(of) for _, _, types, _ in asked for of in types),
    }


def _asked(protocol: Protocol) -> list[tuple[str, str, tuple[Type, ...], bool]]:
    """Inputs and actions: of which kind of process, by name, with the types of what they are given; whether it is an
    input."""
    found = {}
    for handler in protocol.handlers:
        event = handler.event
        if isinstance(event, OnInput | OnAction):
            types = tuple(parameter.type for parameter in event.parameters) if isinstance(event, OnInput) else ()
            found[handler.kind, event.name] = (handler.kind, event.name, types, isinstance(event, OnInput))
    return list(found.values())


def _sizes(protocol: Protocol) -> list[dict[str, int]]:
    """How many processes of each kind: whatever the spec's checks say."""
    sizes = sorted({size for check in protocol.checks for row in check.rows for size in row.sizes})
    return [{kind.name: count for kind, count in zip(protocol.kinds, size, strict=True)} for size in sizes]


def sizes_said(sizes: Sequence[Mapping[str, int]]) -> str:
    """`3, 4 or 5 nodes`; `2 clients and 1 service, or 3 clients and 1 service`."""
    last = " and ".join(f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in sizes[-1].items())
    if len(sizes) == 1:
        return last
    if len(sizes[-1]) == 1:
        return ", ".join(str(count) for size in sizes[:-1] for count in size.values()) + f" or {last}"
    return ", ".join(sizes_said([size]) for size in sizes[:-1]) + f", or {last}"


def _filled(text: str) -> str:
    """Paragraphs and the items of lists in lines of one width; what is indented is kept as it is."""
    paragraphs = (part.strip("\n").split("\n") for part in text.split("\n\n") if part.strip())
    return "\n\n".join("\n".join(_lines(one)) for one in paragraphs)


def _lines(paragraph: list[str]) -> Iterator[str]:
    if paragraph[0].startswith(" "):
        yield from paragraph
    elif paragraph[0].startswith("- "):
        yield from (fill(item, WIDTH, subsequent_indent="  ") for item in paragraph)
    else:
        yield fill(" ".join(paragraph), WIDTH)


def _listed(protocol: Protocol, steps: Steps) -> str:
    """The steps, a line each; the first line says whose they are."""
    header = {
        "oneleader-steps": VERSION,
        "emitted": f"from {source_name(protocol)} by Oneleader",
        "protocol": protocol.name,
        "spec_sha256": protocol.source.sha256,
        "sizes": steps.sizes,
        "steps": len(steps.lines),
        "states": steps.states,
        "not_taken": steps.missing,
    }
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in (header, *steps.lines))
