"""Small protocols about whose future there is something to say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from modelcheck.check import Options, model_of
from modelcheck.liveness.futures import led
from modelcheck.liveness.led import FoundLed
from modelcheck.liveness.recovers import Found, recovers
from modelcheck.model import Model
from modelcheck.outcome import Limits
from modelcheck.reductions import ALL
from spec.check import check
from spec.overrides import check_from, fairness_from, faults_from, network_from
from spec.protocol import Property
from spec.source import Source

ROOT = Path(__file__).parents[3]
RAFT = (ROOT / "spec" / "protocols" / "raft.elect").read_text(encoding="utf-8")

TURNS = """\
protocol turns
process node:
    ready: bool = false
    served: bool = false
    timer tick: 1 s
message go()
on start:
    reset tick
on timeout tick:
    ready := not ready
    reset tick
action serve if ready and not served:
    served := true
    broadcast go()
safety nothing: true
reachable some: served
leads_to all_served: true ~> served
leads_to ready_served: ready ~> served
"""
"""A node is ready now and then, and has to be served when it is."""

CLAIMS = """\
protocol claims
process node:
    durable term: nat = 0
    leads: bool = false
    timer claim: 1 s
message mine(term: nat)
on start:
    reset claim
on timeout claim:
    term := term + 1
    leads := true
    broadcast mine(term)
    reset claim
on mine(t) from other if t > term:
    term := t
    leads := false
safety nothing: true
leads_to one: true ~> exists n in node: n.leads and (forall m in node: m == n or not m.leads)
leads_to nobody: true ~> forall n in node: not n.leads
recovers either: exists n in node: n.leads
"""
"""Whoever claims a greater term leads until it hears of one greater still."""


def model(text: str, row: str, fairness: str = "", network: str = "", faults: str = "") -> Model:
    """A spec at one size. What is not said is the spec's own."""
    protocol, _ = check(Source("p.elect", text))
    options = Options(
        network=network_from(network, protocol, "test") if network else None,
        faults=faults_from(faults, protocol, "test") if faults else None,
        fairness=fairness_from(fairness, protocol, "test") if fairness else None,
    )
    read = check_from(row, protocol, "test").rows[0]
    return model_of(protocol, read, read.sizes[0], options)


def claim_of(of: Model, name: str) -> Property:
    return next(claim for claim in of.protocol.properties if claim.name == name)


def recovered(of: Model, name: str, *, native: bool = True) -> Found:
    return recovers(of, claim_of(of, name), Limits(), ALL, native=native)


def led_to(of: Model, name: str, *, native: bool = True) -> FoundLed:
    return led(of, claim_of(of, name), Limits(), native=native)


def changed(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def without_properties(of: Model, *names: str) -> Model:
    kept = tuple(claim for claim in of.protocol.properties if claim.name not in names)
    return replace(of, protocol=replace(of.protocol, properties=kept))
