"""What a demonstration shows in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from codegen.python.names import attribute_name
from oneleader.demonstration.cluster import Cluster, Member
from oneleader.demonstration.events import Story
from spec.protocol import ProcessKind, Variable
from spec.types import MapType, OptionType, SetType, Type

KEYS = "k kill  p pause  r resume  s restart  c cut  h heal (then a number, or a for all)   q quit"
STYLES = {"runs": "green", "paused": "yellow", "dead": "red"}


def screen(
    kinds: Sequence[ProcessKind], cluster: Cluster, story: Story, told: Sequence[str], asked: str, now: float
) -> Group:
    """All of it. `told` are the last events; `asked` is what a key that was pressed still needs."""
    current = story.current()
    if current is None:
        head = Text("nobody leads", "bold red")
        if story.vacant is not None:
            head.append(f", for {now - story.vacant:.1f} s", "default")
    else:
        name, token, since = current
        head = Text(f"{name} leads with token {token}", "bold green")
        head.append(f", for {now - since:.1f} s", "default")
    parts: list[RenderableType] = [head]
    for kind in kinds:
        of_kind = [one for one in cluster.members.values() if one.name.rstrip("0123456789") == kind.name]
        parts.append(table(kind, of_kind, len(kinds) > 1))
    parts += [Text(line, "dim") for line in told]
    return Group(*parts, Text(asked or KEYS, "bold" if asked else "dim"))


def table(kind: ProcessKind, members: Iterable[Member], numbered: bool) -> Table:
    """A line for each node, with its number where that is not the one in its name."""
    shown = [variable for variable in kind.variables if not isinstance(variable.type, SetType | MapType)]
    made = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("", "process", "leads", *(variable.name for variable in shown), "sent", "received", "connected to"):
        made.add_column(title, justify="right" if title in ("sent", "received") else "left")
    for member in members:
        condition = Text(member.condition, STYLES[member.condition])
        if member.cut:
            condition.append(", cut off", "yellow")
        leads = Text("" if member.token is None else f"token {member.token}", "bold green")
        values = [_value(member, variable) for variable in shown]
        name = f"{member.number} {member.name}" if numbered else member.name
        made.add_row(name, condition, leads, *values, str(member.sent), str(member.received), _connected(member))
    return made


def _value(member: Member, variable: Variable) -> str:
    if member.status is None:
        return ""
    return said(member.status["state"].get(attribute_name(variable.name)), variable.type)


def said(value: Any, of: Type) -> str:
    """A value as the spec would write it; a node says itself what processes are called."""
    match of:
        case OptionType():
            return "none" if value is None else said(value, of.of)
        case _:
            return str(value).lower() if isinstance(value, bool) else str(value)


def _connected(member: Member) -> str:
    if member.status is None:
        return ""
    return " ".join(name for name, there in member.status["connected"].items() if there) or "nobody"
