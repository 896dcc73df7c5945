"""Errors and warnings about a spec: what, where, what was expected, and what may help."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from spec.source import Source, Span


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """`code` names the page of the docs (`E....` an error, `W....` a warning); `label` stands under the carets;
    `help` says what to do about it."""

    code: str
    message: str
    span: Span
    label: str = ""
    help: str = ""

    @property
    def is_error(self) -> bool:
        return self.code.startswith("E")


class SpecError(Exception):
    """A spec that cannot be used, with everything that is wrong with it."""

    def __init__(self, source: Source, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__("; ".join(d.message for d in diagnostics))
        self.source = source
        self.diagnostics = diagnostics


def suggestion(name: str, known: Iterable[str]) -> str:
    """`did you mean ...?` for a name near a known one; empty where none is near."""
    near = get_close_matches(name, sorted(set(known)), n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else ""
