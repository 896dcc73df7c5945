"""Writes that the token's variable does not show."""

from __future__ import annotations

import pytest

from spec.check import check
from spec.diagnostics import Diagnostic, SpecError
from spec.source import Source

SPEC = """protocol p
process client:
    token: nat = 0
process storage:
    newest: nat = 0
    data: nat = 0
message write(token: nat) from client to storage
message other() from client to storage
input save() at client:
    broadcast write(token)
    broadcast other()
    token := token + 1
procedure keep(t: nat) at storage:
    newest := t
HANDLER
on other() from writer:
    data := 1
writes at storage with token newest
safety data_is_there at storage: data >= 0
"""


def warnings(handler: str) -> list[Diagnostic]:
    _, found = check(Source("p.elect", SPEC.replace("HANDLER", handler)))
    return [warning for warning in found if warning.code == "W0610"]


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        ("on write(t) from w:\n    data := t", "nothing sets `newest`"),
        ("on write(t) from w:\n    data := t\n    if t > newest: newest := t", "is not always seen"),
        ("on write(t) from w:\n    if t > newest: keep(t)\n    else: data := t", "is not always seen"),
        ("on write(t) from w:\n    if t > newest:\n        keep(t)\n    elif t == 1:\n        data := t", "not always"),
    ],
)
def test_what_is_not_seen(handler: str, said: str) -> None:
    (warning,) = warnings(handler)
    assert said in warning.message


@pytest.mark.parametrize(
    "handler",
    [
        "on write(t) from w if t >= newest:\n    newest := t\n    data := t",
        "on write(t) from w:\n    if t >= newest:\n        keep(t)\n        data := t",
        "on write(t) from w:\n    keep(t)",
    ],
)
def test_what_is_seen(handler: str) -> None:
    assert warnings(handler) == []


def test_procedures_that_call_each_other_are_told_of_before() -> None:
    with pytest.raises(SpecError) as refused:
        warnings("procedure again() at storage:\n    again()\non write(t) from w:\n    again()\n    keep(t)")
    assert {problem.code for problem in refused.value.diagnostics} == {"E0402"}
