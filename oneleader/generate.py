"""`oneleader generate`."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import typer

import runtime
from codegen.python.expressions import NotEmitted
from codegen.python.module import names_of
from codegen.python.names import is_reserved
from codegen.python.package import NoFormatter, package_of
from codegen.python.vendored import runtime_modules
from codegen.python.wheel import Wheel, wheel_name, wheel_version
from modelcheck.conformance.translation import SIZES, Difference, differences
from modelcheck.conformance.wiring import Names
from modelcheck.proof.scope import described, setting_of
from modelcheck.proof.setting import Unprovable
from modelcheck.proof.solvers import NoSolver, z3_version
from oneleader import with_tests
from oneleader.console import fail, problems_told, read
from oneleader.deployment import planned, write_new
from spec.protocol import Protocol

DIFFERENT, UNKNOWN = 1, 3
SECONDS = 10.0
"""For each question whether an emitted step is the spec's."""
MARK, MARKED = "messages.py", re.compile(r"^Emitted from .* by Oneleader\b", re.MULTILINE)
"""A folder with this file, and this line in it, is a package that was emitted before."""


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    spec: Path
    out: Path
    runtime_from: str | None = None
    with_deployment: Path | None = None
    with_tests: Path | None = None
    quiet: bool = False


@dataclass(frozen=True)
class Emitted:
    """The files of a package by name, and what was shown of them."""

    files: dict[str, str]
    shown: str


def run(request: Request) -> None:
    """Emits a package once every step in it is proved to be the spec's; or says why there is none."""
    protocol = read(request.spec)
    name = request.out.resolve().name
    if not name.isidentifier() or is_reserved(name):
        fail(f"--out: the folder is the package, and `{name}` is no name of a Python package")
    _refuse_other(request.out)
    wheel = Wheel(wheel_name(protocol), wheel_version(protocol, version("oneleader")))
    deployment = planned(request.with_deployment, protocol, wheel) if request.with_deployment is not None else {}
    if request.with_deployment is not None and request.out.resolve() in (
        request.with_deployment.resolve(),
        *request.with_deployment.resolve().parents,
    ):
        fail(f"--with-deployment: {request.out} is replaced whole the next time; name a folder outside of it")
    plan = None
    if request.with_tests is not None:
        plan = with_tests.planned(request.with_tests, request.out, protocol, request.runtime_from)
    emitted = emit(protocol, name, request.runtime_from)
    tests, steps = with_tests.tests_of(plan) if plan is not None else ({}, None)
    _write(request.out, emitted.files)
    write_new(deployment)
    with_tests.replace_all(tests)
    if not request.quiet:
        tell_emitted(request.out, protocol, emitted)
        if plan is not None and steps is not None:
            with_tests.tell_tests(plan, steps)


def emit(protocol: Protocol, package: str, runtime_from: str | None = None) -> Emitted:
    """The files of a package that is shown to be the protocol; the runtime among them, unless it is imported from
    elsewhere. Ends the run where there is none."""
    try:
        files = {one.name: one.text for one in package_of(protocol, runtime_from or ".runtime")}
    except NotEmitted as problem:
        fail(f"{protocol.source.name}: no node is emitted from {problem}")
    except NoFormatter:
        print("oneleader: emitted code is formatted by ruff: pip install 'oneleader[generate]'", file=sys.stderr)
        raise typer.Exit(UNKNOWN) from None
    shown = _validated(protocol, files, runtime_from or ".runtime")
    if runtime_from is None:
        with problems_told():
            files |= {one.name: one.text for one in runtime_modules(Path(runtime.__file__).parent, package)}
    return Emitted(files, shown)


def tell_emitted(where: Path, protocol: Protocol, emitted: Emitted) -> None:
    """Says what was written, and what was shown of it."""
    print(f"{where}: {protocol.name} for {', '.join(kind.name for kind in protocol.kinds)}")
    print(f"  {emitted.shown}")


def _validated(protocol: Protocol, files: Mapping[str, str], runtime: str) -> str:
    """What was shown of the modules, which import the runtime by this name. Ends the run where they are not shown to be
    the protocol."""
    began = time.monotonic()
    names = {kind: Names(**given) for kind, given in names_of(protocol).items()}
    settings = {size: setting_of(protocol, size, protocol.network, ()) for size in SIZES}
    try:
        version = z3_version()
        found = differences(protocol, files, names, settings, SECONDS, runtime=runtime)
    except NoSolver as problem:
        print(f"oneleader: {problem}", file=sys.stderr)
        raise typer.Exit(UNKNOWN) from None
    except Unprovable as problem:
        fail(f"emitted steps cannot be compared with {problem.reason}")
    if found:
        for one in found:
            print(f"oneleader: {_told(one)}", file=sys.stderr)
        print("oneleader: nothing is written: the emitted code is not shown to be the spec", file=sys.stderr)
        raise typer.Exit(DIFFERENT)
    sizes = "; ".join(described(setting) for setting in settings.values())
    seconds = time.monotonic() - began
    return f"every emitted step is the spec's, in all states, for {sizes} ({version}, {seconds:.1f} s)"


def _told(one: Difference) -> str:
    where = f" at {one.size}" if one.size else ""
    return f"{one.kind}{f', {one.event}' if one.event else ''}{where}: {one.what}"


def _refuse_other(out: Path) -> None:
    """Ends the run where the folder holds something that is no emitted package."""
    if not out.parent.is_dir():
        fail(f"--out: there is no folder {out.parent}")
    if out.exists() and not out.is_dir():
        fail(f"--out: {out} is no folder")
    if out.is_dir() and any(out.iterdir()):
        mark = out / MARK
        with problems_told():
            emitted = mark.is_file() and MARKED.search(mark.read_text(encoding="utf-8")) is not None
        if not emitted:
            fail(f"--out: {out} holds other files; name a new folder, or one that was generated before")


def _write(out: Path, files: Mapping[str, str]) -> None:
    """Puts the package in its place, whole or not at all."""
    out = out.resolve()  # a link stays where it is
    with problems_told(str(out)):
        made = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
        try:
            for name, text in files.items():
                (made / name).parent.mkdir(parents=True, exist_ok=True)
                (made / name).write_text(text, encoding="utf-8")
            made.chmod(0o755)
            if out.exists():
                before = made.with_name(f"{made.name}.before")
                out.rename(before)
                try:
                    made.rename(out)
                except BaseException:
                    before.rename(out)
                    raise
                shutil.rmtree(before)
            else:
                made.rename(out)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
