"""Names in emitted Python: those of the spec, unless something else is called that already."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Collection
from itertools import chain, count


def class_name(name: str) -> str:
    """`request_vote` as `RequestVote`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_") if part) or name


def free_name(wanted: str, taken: Collection[str]) -> str:
    """The name itself, or with a number behind it."""
    candidates = chain((wanted,), (f"{wanted}_{number}" for number in count(2)))
    return next(name for name in candidates if name not in taken and not is_reserved(name))


STEP = frozenset({"me", "everyone", "armed", "effects", "send", "broadcast", "reset", "stop", "done"})
"""What a step has beside the variables of its process."""


def attribute_name(name: str) -> str:
    """What a variable of a process, or a message's parameter, is called."""
    return f"{name}_" if keyword.iskeyword(name) or name in STEP else name


MODULES = frozenset({"messages", "runtime", "main", "run", "sys"})
"""What a package has beside the modules of its kinds of process, or calls its own in `__main__`."""


def module_name(kind: str) -> str:
    """The module of a kind of process."""
    return f"{kind}_" if keyword.iskeyword(kind) or kind in MODULES else kind


def is_reserved(name: str) -> bool:
    return keyword.iskeyword(name) or keyword.issoftkeyword(name) or hasattr(builtins, name)
