"""Properties that look at messages under way, and at who has led: the native explorer against the reference."""

from __future__ import annotations

import pytest

from modelcheck.model import Model
from modelcheck.native.engine import NativeSearch, explorer
from modelcheck.outcome import Limits, Outcome
from modelcheck.python_engine import PythonSearch
from modelcheck.reductions import ALL, DEAD_MESSAGES, Reductions, reductions_of
from tests.modelcheck.native import models

pytestmark = pytest.mark.usefixtures("quickly_compiled")
NETWORKS = (
    "reliable",
    "loss",
    "duplication",
    "reordering",
    "loss, duplication",
    "loss, reordering",
    "duplication, reordering",
)

LOOKS = """
protocol looks

process node:
    durable term: nat = 0
    role: idle | asking | leads = idle
    votes: set of node = {}

message ask(term: nat)
message grant(term: nat, about: node?, seen: set of node)

network: NETWORK
faults: crash up to 1

action stand if term < 1:
    term := term + 1
    role := asking
    broadcast ask(term)

on ask(t) from candidate if t >= term:
    term := t
    send grant(t, none, {}) to candidate
    send grant(t, candidate, votes + {self}) to candidate

on grant(t, about, seen) from voter if role == asking and about != none:
    votes := votes + seen + {voter}
    role := leads

action resign if role == leads:
    role := idle

leader if role == leads with token term

safety asked_by_who_knows: forall ask(t) from a to b: a.term >= t and a != b
safety granted_once: forall grant(t, p, s) from v to c: p == none or p == c and v in s
safety in_order: forall grant(t, p, s) from v to c before grant(u, q, w): p == none implies q == none
safety never_again: forall n led with t: n.role != idle
safety no_two: forall n led with t: forall m led with u: n == m
reachable silence: role == leads and (forall ask(t) from a to b: false) and forall grant(t, p, s) from a to b: false
reachable mine_is_back: exists grant(t, p, s) from v to c: p == self and c == self and role == idle
reachable both: exists ask(t) from a to b: exists grant(u, p, s) from v to c: a == v and b == c and size(s) > 0
reachable behind: exists ask(t) from a to b before grant(u, p, s): u == t
reachable in_pairs: exists grant(t, p, s) from v to c before grant(u, q, w): p == none and q == c and t == u
reachable led_and_asked: exists n led with t: exists ask(u) from a to b: t == u and b == n
reachable counted: size({n in node if exists grant(t, p, s) from v to c: v == n}) == 1
invariant also: forall n led with t: t > 0 and t <= 1
"""

KINDS = """
protocol kinds

process server ordered:
    count: int 0..2 = 0

process client:
    had: int 0..2 = 0
    timer patience: 1 s

message offer(number: int -40..40, urgent: bool) from server to client
message thanks() from client to server
message hint() from server to client
message never(who: client) from client to server

network: NETWORK

action offer_it at server if count < 2:
    count := count + 1
    broadcast offer(count * 20 - 39, count == 2)

action give_a_hint at server if count == 0: broadcast hint()

on hint() from s: pass

on start at client: reset patience

on timeout patience at client: reset patience

on offer(k, u) from s if u and had == 0:
    had := 1
    send thanks() to s

on never(w) from c: pass

on thanks() from c if count == 2:
    count := 0

safety small: forall offer(k, u) from s to c: k < 0 and not u or k == 1 and s.count != 1
safety nothing_of_it: not (exists never(w) from c to s: true) and forall never(w) from c to s before thanks(): false
reachable first_is_gone: exists offer(k, u) from s to c: u and c.had == 0 and forall offer(n, v) from p to q: v
reachable twice: exists offer(k, u) from s to c before offer(n, v): k == n or n < k
reachable hinted: exists hint() from s to c: true
reachable thanked: exists thanks() from c to s: s == successor(s) or s.count == 2 and c.armed(patience)
"""

CASES: dict[str, tuple[str, str, tuple[int, ...], dict[str, int], int]] = {
    f"looks, {network}": (LOOKS, network, (2,), {"term": 1}, 3) for network in NETWORKS
}
CASES |= {f"kinds, {network}": (KINDS, network, (2, 1), {}, 2) for network in NETWORKS}
CASES["kinds with more clients"] = (KINDS, "loss", (1, 2), {}, 1)


def model_of(name: str) -> Model:
    text, network, sizes, bounds, channel = CASES[name]
    return models.model(text.replace("NETWORK", network), sizes, bounds, channel)


def lengths(outcome: Outcome) -> dict[str, int]:
    return {hit.checked.name: hit.length for hit in outcome.hits}


def run(model: Model, reductions: Reductions, threads: int) -> Outcome:
    with NativeSearch(explorer(model, reductions), Limits(threads=threads, stop_at_violation=False)) as search:
        return search.run()


@pytest.mark.parametrize("name", CASES)
def test_the_same_is_found_after_as_many_steps(name: str) -> None:
    model = model_of(name)
    expected = PythonSearch(model, Limits(stop_at_violation=False)).run()
    for reductions in (Reductions(), Reductions(symmetry=True), reductions_of(model)):
        for threads in (1, 2):
            outcome = run(model, reductions, threads)
            assert lengths(outcome) == lengths(expected)
            assert outcome.covered == expected.covered


def test_each_property_is_found_somewhere() -> None:
    """Else the comparison would say little."""
    for text, silent in ((LOOKS, {"asked_by_who_knows", "granted_once", "also"}), (KINDS, {"nothing_of_it"})):
        found = set()
        for name, (of, *_) in CASES.items():
            if of == text:
                found |= set(lengths(run(model_of(name), reductions_of(model_of(name)), 1)))
        declared = {p.name for p in model_of(next(n for n, c in CASES.items() if c[0] == text)).protocol.properties}
        assert declared - found == silent


def test_a_message_that_is_looked_for_is_never_forgotten() -> None:
    assert DEAD_MESSAGES not in reductions_of(model_of(f"looks, {NETWORKS[-1]}"), ALL).names
