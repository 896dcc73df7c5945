"""A node's metrics, in the text format that Prometheus reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runtime.node import Node

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def metrics_of(node: Node) -> str:
    """All metrics, one sample a line. Counters count from the start of the node."""
    return "".join(f"{line}\n" for line in _lines(node))


def _lines(node: Node) -> Iterator[str]:
    replica, stats = node.replica, node.transport.stats
    token = node.token()
    yield from _one("leader", "gauge", "Whether the node knows that it leads.", float(token is not None))
    yield from _one("token", "gauge", "The token it leads with by the protocol.", float(replica.token or 0))
    yield from _one("failed", "gauge", "Whether the node has stopped for good.", float(replica.failure is not None))
    counts = replica.counts
    yield from _many("steps_total", "Steps taken, by the event.", "event", counts.steps)
    yield from _many("messages_sent_total", "Messages sent, by name.", "message", counts.sent)
    yield from _many("messages_received_total", "Messages received, by name.", "message", counts.received)
    yield from _one("messages_unreadable_total", "counter", "Messages that were none.", float(counts.unreadable))
    yield from _one("elections_total", "counter", "Times that this node began to lead.", float(counts.elected))
    yield from _one("stores_total", "counter", "Stores to the disk.", float(counts.stores))
    yield from _one("store_seconds_total", "counter", "Time spent in them.", counts.store_seconds)
    yield from _one("hints_total", "counter", "Timers hastened by a peer's death.", float(counts.hastened))
    yield from _many("payloads_dropped_total", "Payloads dropped, by reason.", "reason", stats.dropped)
    yield from _many("handshakes_refused_total", "Handshakes refused, by reason.", "reason", stats.refused)


def _one(name: str, kind: str, says: str, value: float) -> Iterator[str]:
    yield f"# HELP oneleader_{name} {says}"
    yield f"# TYPE oneleader_{name} {kind}"
    yield f"oneleader_{name} {value:g}"


def _many(name: str, says: str, label: str, values: Mapping[str, int]) -> Iterator[str]:
    yield f"# HELP oneleader_{name} {says}"
    yield f"# TYPE oneleader_{name} counter"
    for key, value in values.items():
        yield f'oneleader_{name}{{{label}="{key}"}} {value}'
