"""A state as people are told of it: processes by their names, as specs and traces count them."""

from __future__ import annotations

from typing import Any

from runtime.process import Name, Named, Process


def shown(process: Process[Any, Any], state: Any) -> dict[str, Any]:
    """The variables by name. A map from processes is one from their names."""
    return {name: _named(getattr(state, name), process.names.get(name)) for name in state.__struct_fields__}


def _named(value: Any, named: Named | None) -> Any:
    match named, value:
        case (None, _) | (_, None):
            return value
        case (keys, entries), tuple():
            return {str(Name(keys, number)): _named(entry, entries) for number, entry in enumerate(value)}
        case str(), frozenset():
            return [str(Name(named, number)) for number in sorted(value)]
        case str(), int():
            return str(Name(named, value))
        case _:
            return value
