"""Writes that `writes at KIND with token VARIABLE` does not see: it looks at the variable alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from spec.diagnostics import Diagnostic
from spec.protocol import Assign, Call, Compare, For, If, OnMessage, Protocol, Read, Statement

WRITES_FOLLOW_TOKENS = "writes_follow_tokens"
"""The property that every protocol has whose storage takes writes with tokens."""

_Path = tuple[bool, bool]
"""Whether the token's variable is set on one way through some statements, and whether another one is."""


def unseen_writes(protocol: Protocol) -> Iterator[Diagnostic]:
    """Warnings where a storage never keeps a token, or changes something on a way on which it does not."""
    claim = next((claim for claim in protocol.properties if claim.name == WRITES_FOLLOW_TOKENS), None)
    if claim is None or not isinstance(claim.expression, Compare) or not isinstance(claim.expression.right, Read):
        return
    token = claim.expression.right.variable
    handlers = [handler for handler in protocol.handlers if handler.kind == claim.about]
    ways = {handler: _ways(handler.body, token, protocol) for handler in handlers}
    if not any(kept for found in ways.values() for kept, _ in found):
        yield Diagnostic(
            "W0610",
            f"nothing sets `{token}`, so no write is ever seen to be too old",
            claim.span,
            "this holds whatever is written",
            "the handler that takes a write sets it to the write's token",
        )
    for handler, found in ways.items():
        if isinstance(handler.event, OnMessage) and any(kept for kept, _ in found) and (False, True) in found:
            yield Diagnostic(
                "W0610",
                f"what this handler changes is not always seen: `{token}` may stay as it is",
                handler.span,
                f"`{WRITES_FOLLOW_TOKENS}` looks at `{token}` alone",
                "where the token is too old, change nothing",
            )


def _ways(body: tuple[Statement, ...], token: str, protocol: Protocol) -> frozenset[_Path]:
    """All ways through a body."""
    ways = frozenset({(False, False)})
    for statement in body:
        ways = frozenset(
            (kept or keeps, other or others)
            for (kept, other), (keeps, others) in product(ways, _ways_through(statement, token, protocol))
        )
    return ways


def _ways_through(statement: Statement, token: str, protocol: Protocol) -> frozenset[_Path]:
    nothing: frozenset[_Path] = frozenset({(False, False)})
    match statement:
        case Assign(variable):
            return frozenset({(variable == token, variable != token)})
        case If(arms):
            whole = frozenset(way for arm in arms for way in _ways(arm.body, token, protocol))
            return whole if arms[-1].condition is None else whole | nothing
        case For(body=body):
            return nothing | _ways(body, token, protocol)
        case Call(procedure):
            return _ways(protocol.procedure(procedure).body, token, protocol)
        case _:
            return nothing
