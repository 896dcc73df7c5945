"""What may be done to a simulated cluster of a protocol: only what its spec allows for."""

from __future__ import annotations

from dataclasses import dataclass

from spec.protocol import FaultKind, Protocol


@dataclass(frozen=True)
class Allowed:
    """`words` are what is done to one process. `limits` is how often at most, where the spec says so. `told` says it
    all."""

    words: tuple[str, ...]
    limits: dict[str, int]
    paused: bool
    drift: bool
    told: tuple[str, ...]


def allowed(protocol: Protocol) -> Allowed:
    """The faults of a protocol.

    A process that is killed and started later loses what was sent to it in between, as a cut link does; where the
    network loses nothing, it begins anew at once, and no link is cut. In an untimed model any process may be slow for
    any time, and any timer fire at any moment: so a process may be paused, and clocks may run as they like."""
    faults = {fault.kind: fault.up_to for fault in protocol.faults}
    network = protocol.network
    words: list[str] = ["nothing"]
    limits: dict[str, int] = {}
    told = [_network(protocol)]
    if network.loss:
        told.append("links are cut, and processes cut off from others, for any time")
    if asked := [word for word in (FaultKind.RESTART, FaultKind.CRASH) if word in faults]:
        word = "kill" if network.loss else "restart"
        words += ["kill", "start"] if network.loss else ["restart"]
        counts = [faults[kind] for kind in asked]
        if None not in counts:
            limits[word] = sum(count or 0 for count in counts)
        said = (
            "processes are killed, and started again"
            if network.loss
            else "processes are killed, and begin anew at once"
        )
        told.append(said + _times(limits.get(word)))
    if FaultKind.DISK_LOSS in faults:
        words.append("lose the disk")
        if (times := faults[FaultKind.DISK_LOSS]) is not None:
            limits["lose the disk"] = times
        told.append("processes lose their disks, and begin as if they had never been there" + _times(times))
    paused = not protocol.timed or FaultKind.PAUSE in faults
    if paused:
        words += ["pause", "resume"]
        told.append("processes are paused, and wake some time later or never")
    drift = not protocol.timed or FaultKind.DRIFT in faults
    return Allowed(tuple(words), limits, paused, drift, tuple(told))


def _network(protocol: Protocol) -> str:
    network = protocol.network
    said = ["may be lost"] if network.loss else []
    said += ["may come twice"] if network.duplication else []
    said += ["may overtake one another"] if network.reordering else []
    kept = (
        "" if network.reordering else "; those from one process to another arrive in the order in which they were sent"
    )
    return f"messages {', '.join(said) or 'all arrive'}{kept}"


def _times(limit: int | None) -> str:
    return "" if limit is None else f", {limit} {'time' if limit == 1 else 'times'} at most"
