"""docs/verdict.schema.json describes what `oneleader check --json` prints, and no more."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from modelcheck.check import Options, run_check
from modelcheck.engines import Choice, Wanted
from modelcheck.outcome import Limits
from modelcheck.verdict import Answer, Verdict
from modelcheck.verdict_json import verdict_to_json
from spec.check import check
from spec.overrides import check_from, faults_from, network_from
from spec.source import Source
from tests.docs.markdown import ROOT

SCHEMAS = {
    name: json.loads((ROOT / "docs" / name).read_text(encoding="utf-8"))
    for name in ("verdict.schema.json", "trace.schema.json")
}
REGISTRY: Registry[Any] = Registry().with_resources(
    (name, Resource.from_contents(schema)) for name, schema in SCHEMAS.items()
)
VALIDATOR = Draft202012Validator(SCHEMAS["verdict.schema.json"], registry=REGISTRY)

SPEC = """\
protocol example
process node:
    durable term: nat = 0
    leads: bool = false
    timer retry: 1 s
message claim(term: nat, by: node?)
on start:
    reset retry
on timeout retry if term < 2:
    term := term + 1
    leads := true
    broadcast claim(term, self)
on claim(t, by) from other if t > term:
    term := t
    leads := by == none
leader if leads with token term
safety small "no term is large": term <= 2
step grows: next(term) >= term
reachable led: leads
recovers calm: exists n in node: n.leads
check quick: 2 nodes, term <= 2
"""
LEADER = "leader if leads with token term\n"
TAME = LEADER, ""
LED = "leads_to leads: true ~> exists n in node: n.leads\n"


def verdict(
    row: str = "2 nodes, term <= 2",
    options: Options | None = None,
    change: tuple[str, str] | None = None,
    network: str = "",
    faults: str = "",
) -> Verdict:
    text = SPEC.replace(*change) if change else SPEC
    protocol, _ = check(Source("example.elect", text))
    options = options or Options()
    options = Options(
        options.limits,
        options.choice,
        network_from(network, protocol, "test") if network else None,
        faults_from(faults, protocol, "test") if faults else None,
    )
    return run_check(protocol, check_from(row, protocol, "test"), options)


CASES: dict[str, tuple[Callable[[], Verdict], Answer]] = {
    "violated": (verdict, Answer.VIOLATED),
    "violated in queues, with all faults": (
        lambda: verdict("2, 3 nodes, term <= 2", network="loss", faults="crash up to 1, partition up to 1, pause"),
        Answer.VIOLATED,
    ),
    "a step that fails": (
        lambda: verdict(change=("    leads := true\n", "    leads := true\n    assert not leads\n")),
        Answer.VIOLATED,
    ),
    "a beginning that fails": (
        lambda: verdict(change=("    reset retry\n", "    reset retry\n    assert term > 0\n")),
        Answer.VIOLATED,
    ),
    "holds": (lambda: verdict(change=TAME), Answer.HOLDS),
    "holds, in Python": (lambda: verdict(options=Options(choice=Choice(Wanted.PYTHON)), change=TAME), Answer.HOLDS),
    "vacuous": (lambda: verdict(change=(LEADER, "reachable much: term > 5\n")), Answer.VIOLATED),
    "it can be put off for ever": (lambda: verdict(change=(LEADER, LED)), Answer.VIOLATED),
    "it comes about": (
        lambda: verdict(change=(LEADER, f"fairness: weak timeout, weak delivery\n{LED}")),
        Answer.HOLDS,
    ),
    "a dead end": (
        lambda: verdict(change=(LEADER, "recovers high: forall n in node: n.term > 2\n")),
        Answer.VIOLATED,
    ),
    "out of reach within the bounds, in Python": (
        lambda: verdict(
            "2 nodes, term <= 1",
            Options(choice=Choice(Wanted.PYTHON)),
            (LEADER, "recovers high: forall n in node: n.term > 5\naction grow:\n    term := term + 1\n"),
        ),
        Answer.UNKNOWN,
    ),
    "unknown": (lambda: verdict(options=Options(Limits(max_depth=1)), change=TAME), Answer.UNKNOWN),
}


@pytest.mark.parametrize("case", CASES)
def test_a_verdict_is_valid(case: str) -> None:
    make, answer = CASES[case]
    found = make()
    assert found.answer is answer
    printed = json.loads(json.dumps(verdict_to_json(found)))
    problems = [f"{'/'.join(map(str, p.absolute_path))}: {p.message}" for p in VALIDATOR.iter_errors(printed)]
    assert not problems


FUTURE = ("explorations", 0, "future", 0)
PATHS: list[tuple[str | int, ...]] = [(), ("coverage",), ("explorations", 0), ("explorations", 0, "search"), FUTURE]


@pytest.mark.parametrize("path", PATHS)
def test_the_schema_refuses_what_is_more_or_less(path: tuple[str | int, ...]) -> None:
    printed = verdict_to_json(verdict(change=TAME))
    for without in (False, True):
        spoiled: Any = json.loads(json.dumps(printed))
        part = spoiled
        for key in path:
            part = part[key]
        if without:
            part.popitem()
        else:
            part["more"] = 1
        assert not VALIDATOR.is_valid(spoiled)


def test_the_schemas_are_schemas() -> None:
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)
