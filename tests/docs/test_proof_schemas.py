"""docs/proof.schema.json, docs/recheck.schema.json and docs/bmc.schema.json describe what `--json` prints, and no more.
The commands are run as a person runs them; what they print is held against the schemas, and against the exit status."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from tests.docs.markdown import ROOT
from tests.modelcheck.proof.test_certificate import SPEC

pytest.importorskip("z3")
pytest.importorskip("cvc5")

NAMES = ("proof", "recheck", "bmc", "trace")
SCHEMAS = {name: json.loads((ROOT / "docs" / f"{name}.schema.json").read_text(encoding="utf-8")) for name in NAMES}
REGISTRY: Registry[Any] = Registry().with_resources(
    (f"{name}.schema.json", Resource.from_contents(schema)) for name, schema in SCHEMAS.items()
)
COMMAND_OF = {"proof": "prove", "recheck": "recheck", "bmc": "bmc"}

FORGETFUL = SPEC.replace("durable voted_for", "voted_for") + "faults: restart up to 2, crash up to 1\n"
APART = SPEC + "define quorum(s: set of node): size(s) >= 1\n"
WEAK = SPEC.replace("invariant sent: forall vote() from v to c: v.voted_for == c\n", "")
SUMS = SPEC.replace(
    "    leads: bool = false\n", "    leads: bool = false\n    some: nat = 0\n    more: nat = 0\n"
).replace("    votes := {self}\n", "    votes := {self}\n    some := some + more\n")
DUEL = (ROOT / "tests" / "codegen" / "duel.elect").read_text(encoding="utf-8").partition("\ninvariant ")[0]
LOCKED = """protocol locked
process node:
    on_duty: bool = false
action rest:
    on_duty := false
safety nobody: not on_duty
check small: 2 nodes
"""


@dataclass(frozen=True)
class Printed:
    """What a command ended with, and what stands in its JSON (None: nothing was printed)."""

    status: int
    said: Any
    errors: str


def run(schema: str, *arguments: str) -> Printed:
    command = [sys.executable, "-m", "oneleader", COMMAND_OF[schema], *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return Printed(done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr)


def written(folder: Path, text: str) -> str:
    spec = folder / "spec.elect"
    spec.write_text(text, encoding="utf-8")
    return str(spec)


def assert_fits(schema: str, printed: Printed, answer: str) -> Any:
    """The JSON is as its schema says, and says the answer with which the command ended."""
    validator = Draft202012Validator(SCHEMAS[schema], registry=REGISTRY)
    problems = [f"{'/'.join(map(str, p.absolute_path))}: {p.message}" for p in validator.iter_errors(printed.said)]
    assert not problems
    assert (printed.said["answer"], printed.said["exit_status"]) == (answer, printed.status)
    return printed.said


# prove ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "arguments", "answer", "status", "has_trace"),
    [
        (SPEC, ("--no-search", "--sizes", "2,any"), "proved", 0, False),
        (DUEL, ("--sizes", "3,any"), "proved", 0, False),
        (FORGETFUL, ("--no-search", "--sizes", "3"), "violated", 1, True),
        (APART, ("--no-search", "--sizes", "2"), "violated", 1, False),
        (WEAK, ("--no-search", "--sizes", "3"), "unknown", 3, True),
        (WEAK, ("--no-search", "--sizes", "any", "--time", "0.5"), "unknown", 3, False),
        (SUMS, ("--no-search", "--sizes", "2,any"), "unknown", 3, False),
    ],
    ids=["proved", "found and proved", "violated", "quorums apart", "a clause short", "not decided", "not covered"],
)
def test_proofs(
    text: str, arguments: tuple[str, ...], answer: str, status: int, has_trace: bool, tmp_path: Path
) -> None:
    printed = run("proof", written(tmp_path, text), "--quiet", *arguments)
    assert printed.status == status
    said = assert_fits("proof", printed, answer)
    assert (said["trace"] is not None) == has_trace
    assert bool(said["invariant"]) == (answer == "proved" and "--no-search" not in arguments)
    refused = [one["size"] for one in said["sizes"] if one["refused"] is not None]
    assert refused == {SUMS: ["any"], APART: ["2"]}.get(text, [])


# recheck -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("schemas")
    certificate = folder / "certificate"
    spec = written(folder, SPEC)
    done = run("proof", spec, "--no-search", "--sizes", "2,any", "--quiet", "--out", str(certificate))
    assert done.status == 0
    return certificate


def test_a_certificate_that_holds(original: Path) -> None:
    printed = run("recheck", str(original), str(original / "spec.elect"))
    said = assert_fits("recheck", printed, "holds")
    assert said["compared_with"]["sha256"] == said["spec_sha256"]
    assert said["claimed_for"] == ["2 nodes", "any number of nodes"]
    assert said["obligations"] > 0
    assert said["refutations"] > 0


def test_a_certificate_that_does_not_hold(original: Path, tmp_path: Path) -> None:
    folder = tmp_path / "certificate"
    shutil.copytree(original, folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["spec_sha256"] = "not a hash"
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    said = assert_fits("recheck", run("recheck", str(folder)), "does not hold")
    assert said["compared_with"] is None
    assert said["wrong"]


def test_a_certificate_that_is_not_confirmed(original: Path) -> None:
    said = assert_fits("recheck", run("recheck", str(original), "--time", "0.000001"), "not confirmed")
    assert not said["wrong"]
    assert said["open"]


# bmc -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "arguments", "answer", "status"),
    [
        (SPEC, ("--depth", "2"), "no violation", 0),
        (WEAK, ("--depth", "1", "--induction"), "no violation", 3),
        (LOCKED, ("--induction",), "proved", 0),
        (FORGETFUL, ("--depth", "10", "-p", "one_leader_per_token"), "violated", 1),
        (APART, (), "not asked", 1),
        (SPEC, ("--depth", "20", "--time", "0.000001"), "out of time", 3),
    ],
    ids=["clean", "not proved", "proved", "violated", "quorums apart", "out of time"],
)
def test_bounded_model_checking(
    text: str, arguments: tuple[str, ...], answer: str, status: int, tmp_path: Path
) -> None:
    printed = run("bmc", written(tmp_path, text), *arguments)
    assert printed.status == status
    said = assert_fits("bmc", printed, answer)
    assert (said["counterexample"] is not None) == (answer == "violated")
    assert (said["induction"] is not None) == (answer == "proved")


def test_several_sizes_are_an_array(tmp_path: Path) -> None:
    printed = run("bmc", written(tmp_path, SPEC), "--depth", "1", "--within", "2, 3 nodes")
    assert [one["sizes"] for one in printed.said] == [{"node": 2}, {"node": 3}]
    for one in printed.said:
        assert_fits("bmc", Printed(printed.status, one, ""), "no violation")


# All -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schema", COMMAND_OF)
def test_nothing_is_printed_for_bad_input(schema: str) -> None:
    printed = run(schema, "nowhere")
    assert (printed.status, printed.said) == (2, None)
    assert "nowhere" in printed.errors


@pytest.mark.parametrize("place", [(), ("sizes", 0)])
def test_the_schema_of_proofs_refuses_what_is_more_or_less(place: tuple[str | int, ...], tmp_path: Path) -> None:
    assert_refuses("proof", run("proof", written(tmp_path, LOCKED), "--no-search", "--sizes", "2").said, place)


@pytest.mark.parametrize("place", [(), ("properties", 0)])
def test_the_schema_of_bmc_refuses_what_is_more_or_less(place: tuple[str | int, ...], tmp_path: Path) -> None:
    assert_refuses("bmc", run("bmc", written(tmp_path, LOCKED), "--depth", "1").said, place)


def test_the_schema_of_rechecks_refuses_what_is_more_or_less(original: Path) -> None:
    assert_refuses("recheck", run("recheck", str(original), str(original / "spec.elect")).said, ())


def assert_refuses(schema: str, said: Any, place: tuple[str | int, ...]) -> None:
    validator = Draft202012Validator(SCHEMAS[schema], registry=REGISTRY)
    assert validator.is_valid(said)
    for without in (False, True):
        spoiled: Any = json.loads(json.dumps(said))
        part = spoiled
        for key in place:
            part = part[key]
        if without:
            part.popitem()
        else:
            part["more"] = 1
        assert not validator.is_valid(spoiled)


def test_the_schemas_are_schemas() -> None:
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)
