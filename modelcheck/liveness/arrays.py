"""What is known of all states of a graph at once, as arrays."""

from __future__ import annotations

from ctypes import POINTER, byref, c_uint8, c_uint32

import numpy as np
from numpy.typing import NDArray

from modelcheck.liveness.fair import Edges
from modelcheck.liveness.graph import Graph
from modelcheck.liveness.phases import Phase
from modelcheck.native.labels import SHIFT_BITS, SORT_BITS


def flags_of(of: Graph) -> NDArray[np.uint8]:
    """Of each state what `recover` has found out: bit 0, a goal can be reached; bit 1, a way on passes a bound."""
    if not len(of):
        return np.zeros(0, np.uint8)
    return np.ctypeslib.as_array(of.of.library.graph_flags(of.handle), (len(of),)).copy()


def holding(of: Graph, which: int, subject: int = 0) -> NDArray[np.bool_]:
    """Of each state: whether a goal holds, for a process where the property is about one."""
    out = np.zeros(len(of), np.uint8)
    of.of.library.graph_all_holding(of.handle, which, subject, out.ctypes.data_as(POINTER(c_uint8)))
    return out.astype(np.bool_)


def seeds_of(of: Graph, others: Graph, mask: int, phase: Phase) -> NDArray[np.uint32]:
    """Of each state of another graph: the number of what `seed` has made of it."""
    out = np.zeros(len(others), np.uint32)
    pointer = out.ctypes.data_as(POINTER(c_uint32))
    of.of.library.graph_seeds_of(of.handle, others.handle, mask, int(phase), pointer)
    return out


def edges_of(of: Graph) -> Edges:
    """The steps that `explore` has kept; a copy."""
    origin, target, label = POINTER(c_uint32)(), POINTER(c_uint32)(), POINTER(c_uint32)()
    count = int(of.of.library.graph_edges(of.handle, byref(origin), byref(target), byref(label)))
    if not count:
        none = np.zeros(0, np.uint32)
        return Edges(len(of), none, none, none, none)
    origins, targets, labels = (np.ctypeslib.as_array(pointer, (count,)).copy() for pointer in (origin, target, label))
    actions = labels & np.uint32((1 << SORT_BITS) - 1)
    return Edges(len(of), origins, targets, actions, labels >> np.uint32(SHIFT_BITS))
