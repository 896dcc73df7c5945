"""`oneleader bundle`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from codegen.python.names import is_reserved
from codegen.python.wheel import NAME, VERSION, Wheel, wheel_name, wheel_of, wheel_version
from oneleader.console import fail, problems_told, read, write_bytes
from oneleader.deployment import planned, write_new
from oneleader.generate import emit, tell_emitted

TAKEN = sys.stdlib_module_names | {"msgspec", "prometheus_client", "uvloop"}
"""A package of this name would be found instead of what a node imports."""


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    spec: Path
    out: Path
    name: str | None = None
    version: str | None = None
    with_deployment: Path | None = None
    quiet: bool = False


def run(request: Request) -> None:
    """Writes a wheel with the emitted package; or says why there is none."""
    protocol = read(request.spec)
    wheel = Wheel(
        request.name or wheel_name(protocol), request.version or wheel_version(protocol, version("oneleader"))
    )
    _refuse(wheel)
    if not request.out.is_dir() and (request.out.exists() or not request.out.parent.is_dir()):
        fail(f"--out: {request.out} is no folder, and none can be made there")
    deployment = planned(request.with_deployment, protocol, wheel) if request.with_deployment is not None else {}
    emitted = emit(protocol, wheel.package)
    with problems_told(str(request.out)):
        request.out.mkdir(exist_ok=True)
    path = request.out / wheel.file
    write_bytes(path, wheel_of(wheel, protocol, emitted.files))
    write_new(deployment)
    if not request.quiet:
        tell_emitted(path, protocol, emitted)


def _refuse(wheel: Wheel) -> None:
    """Ends the run for what is no name of a wheel and a package, or no version."""
    if not NAME.fullmatch(wheel.name):
        fail(f"--name: {wheel.name!r} is no name of a wheel; expected letters, digits and `-`, as in `raft-election`")
    if is_reserved(wheel.package) or wheel.package in TAKEN:
        fail(f"--name: the package would be `{wheel.package}`, and that name is taken")
    if not VERSION.fullmatch(wheel.version):
        fail(f"--version: {wheel.version!r} is no version; expected one as `1.2.0` or `1.2.0rc1`")
