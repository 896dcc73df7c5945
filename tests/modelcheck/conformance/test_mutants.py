from tests.modelcheck.conformance.mutants import Mutant


def reason(mutant: Mutant) -> str | None:
    return None
