"""What is said of recorded runs, as JSON; see docs/validate-trace.schema.json."""

from __future__ import annotations

from typing import Any

from modelcheck.conformance.joint import Place
from modelcheck.conformance.refusal import Refusal
from modelcheck.conformance.traces import Validated
from modelcheck.story import story

FORMAT = "oneleader-validate-trace"
VERSION = 1
BEHAVIOUR = "behaviour"
NO_BEHAVIOUR = "no behaviour"


def validated_to_json(found: Validated) -> dict[str, Any]:
    """Plain values, ready for `json.dumps`."""
    protocol = found.model.protocol
    return {
        "format": FORMAT,
        "version": VERSION,
        "protocol": protocol.name,
        "spec_sha256": protocol.source.sha256,
        "sizes": {kind.name: size for kind, size in zip(protocol.kinds, found.model.sizes, strict=True)},
        "answer": BEHAVIOUR if found.refusal is None else NO_BEHAVIOUR,
        "exit_status": 0 if found.refusal is None else 1,
        "steps": found.steps,
        "processes": found.processes,
        "lost": [{"after": _place(lost.after), "step": lost.description} for lost in found.lost],
        "cut": [_place(place) for place in found.cut],
        "silent": [str(name) for name in found.silent],
        **({"outside": list(found.outside)} if found.outside else {}),
        "refused": None if found.refusal is None else refusal_to_json(found.refusal),
    }


def _place(place: Place) -> dict[str, Any]:
    return {"file": place.file, "line": place.line}


def refusal_to_json(refusal: Refusal) -> dict[str, Any]:
    """Plain values for a step that is none of the model."""
    scenes = story(refusal.trace).scenes
    return {
        **_place(refusal.place),
        "process": str(refusal.process),
        "reason": refusal.reason,
        "recorded": refusal.recorded,
        "expected": refusal.given or None,
        "possible": list(refusal.possible),
        "leading_up": [
            {
                "at": None if place is None else _place(place),
                "step": scene.title,
                "changes": list(scene.changes),
                "sends": list(scene.sends),
            }
            for place, scene in zip(refusal.leading_up, scenes, strict=True)
        ],
    }
