"""The option `--with-tests`: property tests of the emitted package, for whoever receives it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from codegen.testing.files import Place, Steps, file_names, sizes_said, suite_of
from modelcheck.model import Model
from oneleader.console import fail, problems_told, write
from oneleader.listed_steps import models_for, steps_of
from spec.protocol import Protocol

MARK = "by Oneleader"
"""A file that says so in its first lines was written here before, and is replaced."""
TAKEN = sys.stdlib_module_names | {"msgspec", "pytest", "hypothesis", "conftest"}
"""A package of this name would be found instead of what its tests import."""


@dataclass(frozen=True)
class Planned:
    """Tests that can be written: what they are about, and where."""

    folder: Path
    place: Place
    models: list[Model]


def planned(folder: Path, out: Path, protocol: Protocol, runtime_from: str | None) -> Planned:
    """What is going to be written into a folder. Ends the run where that cannot be, or would replace something else."""
    package = out.resolve().name
    if not folder.is_dir() and (folder.exists() or not folder.parent.is_dir()):
        fail(f"--with-tests: {folder} is no folder, and none can be made there")
    if out.resolve() in (folder.resolve(), *folder.resolve().parents):
        fail(f"--with-tests: {out} is replaced whole the next time; name a folder outside of it")
    if package in TAKEN:
        fail(f"--with-tests: the tests import another `{package}`; call the package something else")
    if not protocol.checks:
        fail(f"--with-tests: {protocol.source.name} has no check, which says of what size the tests are")
    runtime = runtime_from or ".runtime"
    if runtime.startswith(".."):
        fail(
            f"--with-tests: `{runtime}` is outside of the package; say it without dots, as whoever tests it imports it"
        )
    for name in file_names(package):
        _refuse_other(folder / name)
    with problems_told():
        models = models_for(protocol)
    parent = Path(os.path.relpath(out.resolve().parent, folder.resolve())).as_posix()
    own = f"{package}{runtime}" if runtime.startswith(".") else runtime
    place = Place(package, parent, own, folder.resolve().name)
    return Planned(folder, place, models)


def tests_of(plan: Planned) -> tuple[dict[Path, str], Steps]:
    """The files, and the steps that are listed in one of them."""
    steps = steps_of(plan.models)
    return {plan.folder / one.name: one.text for one in suite_of(plan.models[0].protocol, plan.place, steps)}, steps


def tell_tests(plan: Planned, steps: Steps) -> None:
    """Says what was written."""
    points = sum(not point.unreachable for point in plan.models[0].protocol.points)
    print(f"{plan.folder}: tests of it, with {len(steps.lines)} steps of the spec; run them with: pytest {plan.folder}")
    print(
        f"  the steps take {points - len(steps.missing)} of {points} handlers and branches ({sizes_said(steps.sizes)})"
    )
    for one in steps.missing:
        print(f"  not taken: {one}")


def replace_all(files: Mapping[Path, str]) -> None:
    """Writes them, all or none: where one fails, the others are as they were before."""
    before = {path: path.read_text(encoding="utf-8") if path.exists() else None for path in files}
    try:
        for path, text in files.items():
            with problems_told(str(path.parent)):
                path.parent.mkdir(exist_ok=True)
            write(path, text)
    except BaseException:
        for path, old in before.items():
            if old is None:
                path.unlink(missing_ok=True)
            elif path.read_text(encoding="utf-8") != old:
                write(path, old)
        raise


def _refuse_other(path: Path) -> None:
    """Ends the run where a file is there that was not written here."""
    with problems_told(str(path)):
        if path.exists() and not (path.is_file() and MARK in path.read_text(encoding="utf-8")[:500]):
            fail(f"--with-tests: {path} is there already, and is not written over")
