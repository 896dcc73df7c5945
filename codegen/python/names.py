"""Names in emitted Python: those of the spec, unless something else is called that already."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Collection
from itertools import chain, count

OWN = frozenset(
    """now me everyone state msgspec annotations Literal TypeAlias Now State Step Turn
    Timer Everyone Process Confirmation Impossible Message KINDS MESSAGES PROTOCOL SPEC_SHA256 PROCESS natural
    optional_natural optional_within replaced within initial restarted start receive timeout leader
    is_quorum""".split()  # noqa: SIM905
)
"""What emitted modules call their own, or import."""

PARAMETERS = frozenset({"sender", "message", "timer", "some", "entry"})
"""What functions of emitted modules call what they are given, so that no function may be called so."""


def title(name: str) -> str:
    """`request_vote` as `RequestVote`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_") if part)


def class_name(name: str) -> str:
    """What the class of a message is called."""
    found = title(name) if title(name).isidentifier() else f"One{title(name)}"
    return found if found not in OWN and not is_reserved(found) else f"{found}Message"


def free_name(wanted: str, taken: Collection[str]) -> str:
    """The name itself, or with a number behind it."""
    if wanted.startswith("__") or not wanted.strip("_") or not wanted.isidentifier():
        wanted = f"one_{wanted.strip('_')}".rstrip("_")
    candidates = chain((wanted,), (f"{wanted}_{number}" for number in count(2)))
    return next(name for name in candidates if name not in taken and not is_reserved(name))


STEP = frozenset({"me", "everyone", "armed", "effects", "send", "broadcast", "reset", "stop", "done"})
"""What a step has beside the variables of its process."""


FIELDS = frozenset({"bool", "int", "str", "tuple", "frozenset", "type"})
"""What annotations of fields say, and so must mean in a class; and what tells messages apart where they are encoded."""


def attribute_name(name: str) -> str:
    """What a variable of a process, or a message's parameter, is called. Two names never become one."""
    without = name.rstrip("_")
    return f"{name}_" if keyword.iskeyword(without) or without in STEP | FIELDS else name


MODULES = frozenset({"messages", "runtime", "main", "run", "sys", "__init__", "__main__"})
"""What a package has beside the modules of its kinds of process, or calls its own in `__main__`."""


def module_name(kind: str) -> str:
    """The module of a kind of process. Two kinds never become one."""
    without = kind.rstrip("_")
    return f"{kind}_" if keyword.iskeyword(without) or without in MODULES else kind


def is_reserved(name: str) -> bool:
    return keyword.iskeyword(name) or keyword.issoftkeyword(name) or hasattr(builtins, name)
