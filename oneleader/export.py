"""`oneleader export`."""

from __future__ import annotations

from pathlib import Path

from codegen.instance import Instance
from codegen.murphi import murphi
from codegen.tla import tla
from modelcheck.model import Model
from oneleader.console import fail, problems_told, read, write
from oneleader.instance import model_within


def export(spec: Path, to: str, within: str | None, out: Path | None, symmetry: bool) -> None:
    """Writes the files for the other checker into a folder, or prints them."""
    protocol = read(spec)
    instance = instance_of(model_within(protocol, within))
    with problems_told():
        if to == "murphi":
            files = {f"{protocol.name}.m": murphi(instance, symmetry)}
        else:
            module, configuration = tla(instance, symmetry)
            files = {f"{protocol.name}.tla": module, f"{protocol.name}.cfg": configuration}
    if out is None:
        print("\n".join(files.values()), end="")
        return
    if out.exists() and not out.is_dir():
        fail(f"{out} is no folder")
    with problems_told():
        out.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        write(out / name, text)
        print(out / name)


def instance_of(model: Model) -> Instance:
    """The same instance for the generators, which know nothing of the checker."""
    return Instance(
        model.protocol,
        model.sizes,
        model.caps.variables,
        model.caps.arguments,
        model.caps.token,
        model.network,
        model.faults,
        model.channel,
    )
