"""Bodies come out of a stream as they went in, however it is cut; and no stream does any harm."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from runtime.transport.frames import Frames, frame

LIMIT = 40
BODIES = st.lists(st.binary(min_size=1, max_size=LIMIT), max_size=8)


def taken(frames: Frames) -> list[bytes]:
    return list(iter(frames.take, None))


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[a:b] for a, b in pairwise(edges)]


@given(BODIES, st.lists(st.integers(0, 500), max_size=20))
def test_however_a_stream_is_cut_the_same_bodies_come_out(bodies: list[bytes], places: list[int]) -> None:
    frames, out = Frames(LIMIT), list[bytes]()
    for chunk in cut(b"".join(map(frame, bodies)), places):
        frames.add(chunk)
        out += taken(frames)
    assert out == bodies
    assert frames.held == 0
    assert frames.spoiled is None


@given(st.lists(st.binary(max_size=60), max_size=10))
def test_garbage_neither_raises_nor_is_held(chunks: list[bytes]) -> None:
    frames = Frames(LIMIT)
    for chunk in chunks:
        frames.add(chunk)
        assert all(0 < len(body) <= LIMIT for body in taken(frames))
        assert frames.held < LIMIT + 4
        assert frames.spoiled is None or frames.held == 0


@given(BODIES, st.one_of(st.just(0), st.integers(LIMIT + 1, 2**32 - 1)), st.binary(max_size=100))
def test_what_came_before_a_wrong_length_is_given_and_nothing_after(
    bodies: list[bytes], length: int, rest: bytes
) -> None:
    frames = Frames(LIMIT)
    frames.add(b"".join(map(frame, bodies)) + length.to_bytes(4, "big") + rest)
    assert taken(frames) == bodies
    assert frames.spoiled == length
    frames.add(frame(b"more"))
    assert taken(frames) == []
    assert frames.held == 0


def test_the_limit_may_be_raised_between_two_frames() -> None:
    frames = Frames(2)
    frames.add(frame(b"ab") + frame(b"abc"))
    assert frames.take() == b"ab"
    frames.limit = 3
    assert frames.take() == b"abc"


def test_a_length_is_four_bytes_the_highest_first() -> None:
    assert frame(b"a" * 258) == b"\0\0\1\2" + b"a" * 258
