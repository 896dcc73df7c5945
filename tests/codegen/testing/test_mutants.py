"""The listed steps find what is wrong with a handler: mistakes are put into emitted modules one by one."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

from codegen.python.loaded import loaded
from codegen.python.module import names_of
from codegen.testing.files import Place, suite_of
from oneleader.listed_steps import models_for, steps_of
from tests.codegen.python.emitted import ROOT, protocol_at, texts_of
from tests.codegen.testing.mutants import mutants_of

DISARMED = "timeout: without `now.armed -= {timer}`"
"""No handler asks what is armed, and in these modules every one that takes a timeout resets the timer or stops it."""
SAME: Mapping[str, set[str]] = {
    "raft": {f"node.py: {DISARMED}"},
    "ring": {"node.py: on_election: `largest >= now.me` for `largest > now.me`"},
    "prevote": {
        f"node.py: {DISARMED}",
        # All its checks are of 3 nodes.
        "node.py: quorum: `2 * len(s) >= len(now.everyone['node'])` for `2 * len(s) > len(now.everyone['node'])`",
    },
    "lock_service": {
        f"client.py: {DISARMED}",
        "storage.py: on_write: `with_token <= now.written` for `with_token < now.written`",
    },
}
"""Mistakes that make no difference to any step that is listed."""
LONG = ("raft", "prevote")


def written(name: str, folder: Path) -> str:
    """The text of the test of steps; the steps are in the folder."""
    protocol = protocol_at(ROOT / f"spec/protocols/{name}.elect")
    steps = steps_of(models_for(protocol))
    files = {one.name: one.text for one in suite_of(protocol, Place("p", ".", "runtime", "."), steps)}
    (folder / "steps.ndjson").write_text(files["steps.ndjson"], encoding="utf-8")
    return files["test_p_steps.py"]


def of_modules(text: str, folder: Path, modules: Mapping[str, ModuleType]) -> ModuleType:
    """The test as a module, of a package that is loaded."""
    package = next(iter(modules.values())).__package__
    module = ModuleType("test_p_steps")
    module.__file__ = str(folder / "test_p_steps.py")
    sys.modules[module.__name__] = module
    try:
        exec(compile(text.replace("from p.", f"from {package}."), module.__file__, "exec"), module.__dict__)
    finally:
        del sys.modules[module.__name__]
    return module


def is_found(test: ModuleType) -> bool:
    """Whether any listed step is not that of the package."""
    try:
        for number, line in test.LINES:
            test.compare(line, str(number))
    except (Exception, pytest.fail.Exception):  # whatever a mistake leads to
        return True
    return False


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in SAME])
def test_every_mistake_in_a_handler_is_found(name: str, tmp_path: Path) -> None:
    protocol = protocol_at(ROOT / f"spec/protocols/{name}.elect")
    text, texts = written(name, tmp_path), texts_of(protocol)
    with loaded(protocol, texts) as modules:
        assert not is_found(of_modules(text, tmp_path, modules))
    missed, count = set(), 0
    for file in sorted({given["module"] for given in names_of(protocol).values()}):
        for what, mutant in mutants_of(texts[file]):
            count += 1
            with loaded(protocol, {**texts, file: mutant}) as modules:
                if not is_found(of_modules(text, tmp_path, modules)):
                    missed.add(f"{file}: {what}")
    assert missed == SAME[name]
    assert count >= 20
