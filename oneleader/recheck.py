"""`oneleader recheck`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import typer

from modelcheck.proof.recheck import NoCertificate, recheck
from modelcheck.proof.solvers import NoSolver
from oneleader.console import fail, printing, problems_told, read

HOLDS, WRONG, UNKNOWN = 0, 1, 3


def run(folder: Path, spec: Path | None, seconds: float, proofs: Path | None) -> None:
    """Checks a certificate; the first line of what is printed is the verdict."""
    about = read(spec) if spec is not None else None
    began = time.monotonic()

    def tell(line: str) -> None:
        print(f"oneleader: {line}", file=sys.stderr, flush=True)

    with problems_told(str(folder)):
        try:
            found = recheck(folder, about, seconds, 2, tell, proofs)
        except (NoCertificate, FileExistsError) as problem:
            fail(str(problem))
        except NoSolver as problem:
            print(f"oneleader: {problem}", file=sys.stderr)
            raise typer.Exit(UNKNOWN) from None
    with printing():
        verdict = "the certificate holds" if found.holds else "the certificate does NOT hold"
        if not found.wrong and found.open:
            verdict = "the certificate is not confirmed"
        print(f"{found.protocol}: {verdict}")
        print(f"  spec {found.spec_sha256[:12]}; claimed for: {'; '.join(found.proved) or 'no size'}")
        print(f"  {found.assumptions}; no bound on numbers, steps or messages")
        counted = found.counted
        print(f"  {counted.obligations} obligations with {counted.goals} goals, rebuilt from the spec: ", end="")
        print(f"{found.solver}, {counted.solver_seconds:.1f} s")
        print(f"  {counted.refutations} propositional refutations checked: {counted.refutation_seconds:.1f} s")
        print(f"  {time.monotonic() - began:.1f} s in all")
        for line in (*found.wrong, *found.open):
            print(f"  - {line}")
    raise typer.Exit(WRONG if found.wrong else UNKNOWN if found.open else HOLDS)
