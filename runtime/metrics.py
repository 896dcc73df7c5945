"""A node's metrics for Prometheus. This module needs prometheus-client; the rest of the runtime does without it, and
imports this one only to answer `/metrics`.

A service that has a registry of its own registers a `NodeCollector` there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from runtime.counts import Durations
from runtime.node import Node

CONTENT_TYPE = CONTENT_TYPE_LATEST


def metrics_of(node: Node) -> bytes:
    """All metrics, in the text format. Counters count from the start of the node."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(NodeCollector(node))
    return generate_latest(registry)


class NodeCollector(Collector):
    """What a node knows of itself at the moment at which it is asked. To be asked in the node's loop."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        yield from _of_leading(self._node)
        yield from _of_steps(self._node)
        yield from _of_peers(self._node)


def _of_leading(node: Node) -> Iterator[Metric]:
    replica = node.replica
    elections = replica.counts.elections
    yield _gauge("leader", "Whether the node knows that it leads.", node.token() is not None)
    yield _gauge("token", "The token it leads with by the protocol; 0 where it does not lead.", replica.token or 0)
    yield _counter("leading_seconds", "Seconds in which the node knew that it led.", node.led_seconds())
    yield _counters(
        "elections",
        "Elections by how they ended for this node: won (it began to lead by the protocol), lost (it confirmed another "
        "leader after its election timer had run out), again (its timer ran out once more before either).",
        "outcome",
        elections.ended,
    )
    if replica.process.confirmation is not None:
        yield _histogram(
            "election_seconds",
            "Seconds from the moment at which this node's election timer first ran out, while it did not lead, to the "
            "moment at which it knew that it led, for elections that it won.",
            elections.took,
        )
    yield _gauge("failed", "Whether the node has stopped for good.", replica.failure is not None)


def _of_steps(node: Node) -> Iterator[Metric]:
    replica, counts = node.replica, node.replica.counts
    numbers = {
        field.encode_name: getattr(replica.state, field.name)
        for field in msgspec.structs.fields(replica.state)
        if field.type is int and field.name not in replica.process.names
    }
    if numbers:
        said = "The process's variables that are numbers, such as its current term."
        yield _gauges("variable", said, "variable", numbers)
    yield _counters("steps", "Steps taken, by the event.", "event", counts.steps)
    yield _counters("timeouts", "Timers that ran out, by name.", "timer", counts.timeouts)
    yield _counters("messages_sent", "Messages sent, by name.", "message", counts.sent)
    yield _counters("messages_received", "Messages received, by name.", "message", counts.received)
    yield _counter("messages_unreadable", "Payloads of a member that were no messages.", counts.unreadable)
    yield _histogram("store_seconds", "Seconds that it took to have a changed state on the disk.", counts.stores)
    yield _counter("hints", "Timers hastened by a peer's death.", counts.hastened)


def _of_peers(node: Node) -> Iterator[Metric]:
    stats = node.transport.stats
    peers = {str(name): node.transport.connected(name) for name in node.settings.peers}
    yield _gauges("peer_connected", "Whether a message to the peer would leave at once.", "peer", peers)
    yield _counter("connects", "Connections to peers that this node opened.", stats.connects)
    yield _counter("reconnects", "Those of them that were not the first to their peer.", stats.reconnects)
    yield _counter("failed_dials", "Attempts to reach a peer at whose address nobody answered.", stats.failed_dials)
    yield _counters("payloads_dropped", "Payloads dropped, by reason.", "reason", stats.dropped)
    yield _counters("handshakes_refused", "Handshakes that this node refused, by reason.", "reason", stats.refused)
    said = "Handshakes that the other side refused, by the reason that it gave."
    yield _counters("handshakes_refused_by_peer", said, "reason", stats.refused_by_peer)


def _gauge(name: str, says: str, value: float) -> Metric:
    return GaugeMetricFamily(f"oneleader_{name}", says, value=value)


def _gauges(name: str, says: str, label: str, values: Mapping[str, float]) -> Metric:
    found = GaugeMetricFamily(f"oneleader_{name}", says, labels=[label])
    for key, value in values.items():
        found.add_metric([key], value)
    return found


def _counter(name: str, says: str, value: float) -> Metric:
    return CounterMetricFamily(f"oneleader_{name}", says, value=value)


def _counters(name: str, says: str, label: str, values: Mapping[str, int]) -> Metric:
    found = CounterMetricFamily(f"oneleader_{name}", says, labels=[label])
    for key, value in values.items():
        found.add_metric([key], value)
    return found


def _histogram(name: str, says: str, durations: Durations) -> Metric:
    buckets, total = [], 0
    for bound, count in zip((*map(str, durations.bounds), "+Inf"), durations.counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return HistogramMetricFamily(f"oneleader_{name}", says, buckets=buckets, sum_value=durations.total)
