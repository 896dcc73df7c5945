"""What the parts of an emitted model share: names of rows, contexts of expressions, events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from modelcheck.layout import Layout
from modelcheck.model import Model
from modelcheck.native.expressions import Context
from modelcheck.native.handlers import Bounds, EventFunction, same_event
from modelcheck.native.labels import Sort, actions_of, labels_of
from modelcheck.properties import Checked
from modelcheck.reductions import Reductions
from spec.protocol import Expression, Handler, OnAction, OnInput, OnMessage, OnTimeout, ProcessKind
from spec.types import Type


@dataclass(frozen=True)
class Goals:
    """`expressions` are those of a property, over `Self` where it is `about` the processes of a kind. With `elects` the
    goals are, instead, that somebody leads with a token greater than all before the calm, and that somebody leads with
    the greatest of those."""

    expressions: tuple[Expression, ...] = ()
    about: str | None = None
    elects: bool = False


@dataclass(frozen=True)
class Emission:
    layout: Layout
    bounds: Bounds
    properties: tuple[Checked, ...]
    reductions: Reductions
    goals: Goals | None = None
    """Of a search for what can still be reached."""

    @property
    def labelled(self) -> bool:
        """Whether steps say which action they are."""
        return self.goals is not None

    @cached_property
    def labels(self) -> dict[tuple[Sort, str, str], int]:
        return labels_of(actions_of(self.layout))

    @property
    def model(self) -> Model:
        return self.layout.model

    def context(self, state: str, after: str | None = None) -> Context:
        return Context(self.layout, None, "me", state, after)

    def row(self, index: int, number: str, rows: str) -> str:
        return f"({rows} + {self.layout.offsets[index]} + {number} * {self.layout.rows[index].words})"

    def processes(self, index: int, body: str, variable: str = "me") -> str:
        size = self.model.sizes[index]
        return f"    for (int64_t {variable} = 0; {variable} < {size}; {variable}++) {{\n{body}\n    }}"

    def copy_row(self, index: int, rows: str = "from") -> str:
        return f"copy_words(y, {self.row(index, 'me', rows)}, {self.layout.rows[index].words});"

    def kinds(self) -> Iterator[tuple[int, ProcessKind]]:
        yield from enumerate(self.model.protocol.kinds)

    def functions(self) -> Iterator[EventFunction]:
        for kind in self.model.protocol.kinds:
            seen: list[Handler] = []
            for handler in self.model.protocol.handlers:
                if handler.kind != kind.name or any(same_event(handler.event, other.event) for other in seen):
                    continue
                seen.append(handler)
                same = tuple(
                    h
                    for h in self.model.protocol.handlers
                    if h.kind == kind.name and same_event(h.event, handler.event)
                )
                parameters: tuple[Type, ...] = ()
                match handler.event:
                    case OnMessage(message, locals_, sender):
                        name = f"message_{message}"
                        parameters = (sender.type, *(local.type for local in locals_))
                    case OnInput(name, locals_):
                        name = f"input_{name}"
                        parameters = tuple(local.type for local in locals_)
                    case OnTimeout(timer):
                        name = f"timeout_{timer}"
                    case OnAction(name):
                        name = f"action_{name}"
                    case _:
                        name = "start"
                yield EventFunction(f"{kind.name}___{name}", kind, same, parameters)

    def function(self, kind: str, name: str) -> EventFunction | None:
        wanted = f"{kind}___{name}"
        return next((f for f in self.functions() if f.name == wanted), None)
