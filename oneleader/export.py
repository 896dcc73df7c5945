"""`oneleader export`."""

from __future__ import annotations

import sys
from pathlib import Path

from codegen.instance import Instance, told_left_out
from codegen.murphi import murphi
from codegen.tla import tla
from codegen.tla_inductive import inductive
from modelcheck.model import Model
from oneleader.console import fail, problems_told, read, write
from oneleader.instance import model_within
from spec.protocol import Property, PropertyKind, Protocol


def export(
    spec: Path,
    to: str,
    within: str | None,
    faults: str | None,
    timed: str | None,
    out: Path | None,
    symmetry: bool,
    by_induction: bool,
) -> None:
    """Writes the files for the other checker into a folder, or prints them."""
    if by_induction and to != "tla":
        fail("--inductive: only TLA+ has checks of inductive invariants; say --to tla")
    protocol = read(spec)
    if by_induction:
        _has_clauses(protocol, spec)
    model = model_within(protocol, within, faults, timed)
    kept = {prop.name for prop in model.protocol.properties}
    instance = instance_of(model, tuple(prop for prop in protocol.properties if prop.name not in kept))
    _say_what_is_left_out(instance)
    with problems_told():
        if to == "murphi":
            files = {f"{protocol.name}.m": murphi(instance, symmetry)}
        else:
            module, configuration = tla(instance, symmetry)
            files = {f"{protocol.name}.tla": module, f"{protocol.name}.cfg": configuration}
            if by_induction:
                more = inductive(instance, symmetry)
                files[f"{more.name}.tla"] = more.module
                files |= {f"{more.name}_init.cfg": more.start, f"{more.name}_step.cfg": more.step}
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


def _has_clauses(protocol: Protocol, spec: Path) -> None:
    """Refuses a spec of which nothing is to hold in every state; says so where it is likely not to suffice."""
    kinds = {prop.kind for prop in protocol.properties}
    if PropertyKind.INVARIANT in kinds:
        return
    if PropertyKind.SAFETY not in kinds and protocol.leader is None:
        fail(f"{spec}: --inductive: the spec has no `invariant`, no `safety` and no `leader`, so no invariant to check")
    print(
        f"oneleader: {spec} has no `invariant`, and what is safe is seldom inductive by itself; "
        "`oneleader prove --invariant FILE` finds clauses",
        file=sys.stderr,
    )


def _say_what_is_left_out(instance: Instance) -> None:
    for prop in instance.left_out:
        stated = ", ".join(str(fault) for fault in instance.faults if fault.kind not in prop.without)
        print(f"oneleader: {told_left_out(prop, instance)}; --faults '{stated or 'none'}' is for it", file=sys.stderr)


def instance_of(model: Model, left_out: tuple[Property, ...] = ()) -> Instance:
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
        left_out,
    )
