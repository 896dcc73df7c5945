"""A spec to begin with: a whole election, small enough to be read at one go."""

from __future__ import annotations

import keyword
import re

from spec.tree import RESERVED


def new_spec(name: str) -> str:
    """The text of a spec for a protocol of this name; it is in canonical form, and its checks hold.

    Raises ValueError, with what would do instead, where the name cannot be a protocol's.
    """
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        said = "a protocol's name is made of the letters a to z, digits and `_`, and begins with a letter"
        likely = re.sub("[^a-z0-9]+", "_", name.strip().lower()).strip("_").lstrip("0123456789_")
        advice = f"; `{likely}` would do" if likely and not _taken(likely) else ""
        raise ValueError(f"`{name}` cannot be a name: {said}{advice}" if name else f"the name is empty: {said}")
    if _taken(name):
        whose = "the language" if name in RESERVED else "Python, in which the node is generated"
        raise ValueError(f"`{name}` cannot be a name: it is a word of {whose}; `{name}_election` would do")
    return _TEMPLATE.replace("{name}", name)


def _taken(name: str) -> bool:
    return name in RESERVED or keyword.iskeyword(name)


_TEMPLATE = """\
protocol {name}

"Elects a leader by majority vote, one term after another."

# What every process remembers. A durable variable is on disk before a message leaves and outlives a
# crash; the others begin anew. A forgotten vote can be given twice: try it, take `durable` away.
process node:
    durable term: nat = 0
    durable voted_for: node? = none       # in this term
    role: follower | candidate | leader = follower
    votes: set of node = {}               # a set: who answers twice has one vote
    timer election: 150 ms .. 300 ms      # drawn anew at each reset

message request_vote(term: nat)
message vote(term: nat)

# What may go wrong. All of it is tried, at every moment at which it may happen.
network: loss, duplication, reordering
faults: restart

# What happens. A handler runs to its end in one step; it reads and writes its own process only and
# tells the others by messages.

on start:                                 # also after a restart
    reset election

on timeout election:
    term := term + 1
    role := candidate
    voted_for := self
    votes := {self}
    broadcast request_vote(term)
    reset election                        # nobody may answer: then try again

on request_vote(t) from candidate:
    if t > term:                          # a newer term ends whatever this one was
        term := t
        voted_for := none
        role := follower
        votes := {}
    if t == term and voted_for in {none, candidate}:
        voted_for := candidate
        send vote(term) to candidate
        reset election

on vote(t) from voter if role == candidate and t == term:
    votes := votes + {voter}
    if quorum(votes):                     # more than half of all nodes
        role := leader
        stop election                     # a leader waits for nobody

# Who may act as the leader, and with which token: a storage that has seen a newer one refuses it.
# `elected by` names the votes behind a leader, which must be a quorum.
leader if role == leader with token term,
    elected by {n in node if n.term > term or n.term == term and n.voted_for == self}

# What must hold. That no two nodes ever lead with one token is checked for every protocol; add what
# is special to yours. Without a node in front, a property is meant for each of them.
safety a_leader_voted_for_itself: role == leader implies voted_for == self
step a_term_never_decreases: next(term) >= term
reachable someone_leads: exists n in node: n.role == leader

# How far to look. `term <= 2` leaves out what happens in the third term and later.
check quick: 3 nodes, term <= 2

check full:
    3 nodes, term <= 3
    4, 5 nodes, term <= 2
"""
