"""Steps whose lines are lost.

A node stores what a step changes, then sends its messages, then records it. One that is killed in between has taken a
step that no line tells of: after its last line, one and no more. It shows in what the node starts from again, or in
messages that others receive. It is made up for by any step of the model that explains both; none is assumed where
nothing asks for one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator

import msgspec

from modelcheck.conformance.joint import Letter, Place, Progress, Receipt, Whole, clash, post, take
from modelcheck.conformance.local import Expected
from modelcheck.conformance.recorded import Address, BadTrace, BadValue, History, packet_of
from modelcheck.model import Name, StepKind


def gather_unsent(whole: Whole) -> None:
    """Finds the letters that were received and that no line sends, and whose lost step may have sent them."""
    begins: dict[Address, list[tuple[int, int, int]]] = {}
    for one in whole.processes:
        begins[one.address] = sorted(
            (run.first_letter, run.next_letter or 0, number)
            for number, run in enumerate(one.history.runs)
            if run.first_letter is not None
        )
    for one in whole.processes:
        for run in one.history.runs:
            for at, line in enumerate(run.steps):
                if line.sender is None or line.letter is None or not line.message:
                    continue
                if line.sender[0] in whole.outside and line.sender in whole.names:
                    continue
                runs = begins.get(line.sender)
                if runs is None:
                    place = Place(one.history.file, run.header + 1 + at)
                    name = Name(*line.sender)
                    if line.sender in whole.names:
                        said = f"a message of {name}, and no trace of {name} was given"
                        hint = f"(where something else stood for it, say --outside {name.kind})"
                        raise BadTrace(place.file, place.line, f"{said} {hint}")
                    raise BadTrace(place.file, place.line, f"there is no process {name}")
                found = bisect_right(runs, (line.letter, MOST)) - 1
                if found >= 0 and line.letter < runs[found][1]:
                    continue
                sender = whole.by_address[line.sender]
                receipt = Receipt(
                    line.letter, one.index, bytes(line.message), Place(one.history.file, run.header + 1 + at)
                )
                for number in _runs_of(whole.processes[sender].history, line.letter, runs, found):
                    whole.unsent.setdefault((sender, number), []).append(receipt)


MOST = 1 << 64
"""More than any letter's number."""
MOST_SENT = 100_000
"""One step sends fewer messages than this."""


def _runs_of(history: History, letter: int, runs: list[tuple[int, int, int]], found: int) -> Iterator[int]:
    """The run whose lost step may have sent a letter: that with the numbers before it, else the first one of which
    nothing is recorded."""
    if found >= 0 and letter - runs[found][1] < MOST_SENT:
        yield runs[found][2]
        return
    yield from [number for number, run in enumerate(history.runs) if not run.steps][:1]


def asks(whole: Whole, one: Progress) -> bool:
    """Whether, at the end of a run, something cannot be explained without a step whose line is lost."""
    return (one.index, one.run) in whole.unsent or not leads_on(one, one.state, one.run, one.began)


def leads_on(one: Progress, state: int, run: int, began: bool) -> bool:
    """Whether the run after a run that ends in a state can begin as it does."""
    later = run + 1
    if later == len(one.history.runs):
        return True
    steps = one.history.runs[later].steps
    after = [found.after for _, found in _starts(one, state, began)]
    if not steps:  # it may have ended before it did anything, or before its start was recorded
        return leads_on(one, state, later, began) or any(leads_on(one, each, later, True) for each in after)
    try:
        recorded = one.local.recorded(bytes(steps[0].state))
    except BadValue:
        return True  # told when the line's turn comes
    return not after or recorded in after


def _starts(one: Progress, state: int, began: bool) -> Iterator[tuple[StepKind | None, Expected]]:
    """The first steps of a run, after one that ended in a state."""
    restarts: list[tuple[StepKind | None, int]] = [(None, state)]
    if began:
        restarts = [*one.local.restarts(state)]
    for restart, from_state in restarts:
        if isinstance(expected := one.local.expected(from_state, ("start", b"")), Expected):
            yield restart, expected


def make_up(whole: Whole, one: Progress, awake: deque[int]) -> bool:
    """Takes a step that explains what cannot be explained without it. Whether there is one."""
    receipts = whole.unsent.get((one.index, one.run), [])
    fitting: list[tuple[Expected, int, StepKind | None, tuple[Address, int] | None]] = []
    for restart, expected, key in _candidates(whole, one):
        first = _first_letter(whole, one, expected, receipts)
        if first is not None and leads_on(one, expected.after, one.run, True):
            fitting.append((expected, first, restart, key))
            if expected.token is None or clash(whole, one, expected.token) is None:
                fitting = fitting[-1:]
                break
    if not fitting:
        return False
    expected, one.next_letter, one.restart, key = fitting[0]
    letter = None if key is None else whole.letters[key]
    if key is not None and letter is not None:
        whole.received.add(key)
        one.last_from[key[0]] = letter.position, one.run
    said = {receipt.number: receipt.message for receipt in receipts}
    for packet in expected.sent:
        text = said.get(one.next_letter) or msgspec.json.encode([packet.message, *packet.arguments])
        post(whole, one, (packet.receiver.kind, packet.receiver.number, text), awake)
    whole.lost.append((_last_line(one), len(whole.taken)))
    take(whole, one, one.state, expected, None, letter)
    whole.unsent.pop((one.index, one.run), None)
    one.settled = True
    return True


def _last_line(one: Progress) -> Place:
    return Place(one.history.file, one.current.header + len(one.current.steps))


def _first_letter(whole: Whole, one: Progress, expected: Expected, receipts: list[Receipt]) -> int | None:
    """The number of the first letter of a step that sends all letters which were received; None if it does not."""
    known = one.current.next_letter
    if known is None:
        lowest = min((receipt.number for receipt in receipts), default=0)
        begins = [lowest - before for before in range(len(expected.sent) or 1)]
    else:
        begins = [known]
    return next((first for first in begins if all(_is_sent(whole, one, expected, first, r) for r in receipts)), None)


def _is_sent(whole: Whole, one: Progress, expected: Expected, first: int, receipt: Receipt) -> bool:
    at = receipt.number - first
    receiver = whole.processes[receipt.by].history.process
    try:
        packet = packet_of(whole.model, one.history.process, receiver, receipt.message)
    except BadValue:
        return False
    return 0 <= at < len(expected.sent) and expected.sent[at] == packet


def _candidates(whole: Whole, one: Progress) -> Iterator[tuple[StepKind | None, Expected, tuple[Address, int] | None]]:
    """All steps that may follow the last line of a run: a start where there is no line, a timer, what the application
    may ask for, and the receipt of anything that has been sent."""
    if not one.current.steps:
        yield from ((restart, expected, None) for restart, expected in _starts(one, one.state, one.began))
        return
    yield from ((None, expected, None) for expected in one.local.own(one.state))
    recorded = {(line.sender, line.letter) for run in one.history.runs for line in run.steps}
    tried: set[tuple[Address, bytes]] = set()
    for key, letter in list(whole.letters.items()):
        if letter.receiver != one.address or (key[0], letter.message) in tried:
            continue
        if not whole.model.network.duplication and (key in recorded or key in whole.received):
            continue
        if not whole.model.network.reordering and not _in_turn(whole, one, key[0], letter):
            continue
        tried.add((key[0], letter.message))
        if isinstance(expected := one.local.expected(one.state, (key[0], letter.message)), Expected):
            yield None, expected, key


def _in_turn(whole: Whole, one: Progress, sender: Address, letter: Letter) -> bool:
    """Whether a link that keeps the order may deliver a letter now."""
    last, _ = one.last_from.get(sender, (-1, one.run))
    return last <= letter.position and (whole.model.network.loss or letter.position <= last + 1)
