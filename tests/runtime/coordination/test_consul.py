"""Consul, a stand-in: what is its own. It was not run against the real thing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from runtime.coordination.consul import ConsulLock, _seconds
from runtime.coordination.service import Unavailable
from tests.runtime.coordination.standin_consul import ConsulStandin
from tests.runtime.coordination.worlds import closing, granted, granted_in_time, taken_when_told

SPEED = 50.0


@pytest.fixture
def standin() -> Iterator[ConsulStandin]:
    made = ConsulStandin(SPEED)
    yield made
    made.kill()


def lock(standin: ConsulStandin, **named: Any) -> ConsulLock:
    return ConsulLock(f"http://127.0.0.1:{standin.port}", "locks/one", **named)


@pytest.mark.parametrize(("asked", "given"), [(0.5, 10.0), (10.1, 11.0), (600.0, 600.0), (1e6, 86400.0)])
async def test_a_time_to_live_lies_within_consuls_limits(asked: float, given: float, standin: ConsulStandin) -> None:
    one = lock(standin)
    async with closing(one):
        grant = await granted(one, asked)
        assert grant.time_to_live == given
        assert await one.renew(grant.token) == given


@pytest.mark.parametrize("behavior", ["release", "delete"])
async def test_tokens_grow_although_the_key_is_deleted(behavior: str, standin: ConsulStandin) -> None:
    one, other = lock(standin, behavior=behavior), lock(standin, behavior=behavior)
    async with closing(one, other):
        tokens = [(await granted(one, 10)).token]
        for holder in (other, one, other):
            grant = await granted_in_time(holder, 10)
            tokens.append(grant.token)
        assert tokens == sorted(set(tokens))
        await one.close()
        await other.close()
        standin.write("locks/one", None)
        third = lock(standin)
        async with closing(third):
            assert (await granted_in_time(third, 10)).token > tokens[-1]


async def test_a_write_to_the_key_changes_neither_holder_nor_token(standin: ConsulStandin) -> None:
    one, other = lock(standin), lock(standin)
    async with closing(one, other):
        grant = await granted(one, 3600)
        standin.write("locks/one", b"something else")
        assert await one.renew(grant.token) == 3600
        assert (await granted(one, 3600)) == grant
        assert await other.acquire(3600) is None
        await one.release(grant.token)
        assert (await granted(other, 3600)).token > grant.token


async def test_a_session_that_lives_on_is_no_lock(standin: ConsulStandin) -> None:
    """Somebody deletes the key. Renewing the session alone would not tell."""
    one, other = lock(standin), lock(standin)
    async with closing(one, other):
        grant = await granted(one, 3600)
        standin.write("locks/one", None)
        assert await one.renew(grant.token) is None
        second = await granted(other, 3600)
        assert second.token > grant.token
        assert await one.renew(grant.token) is None


async def test_the_lock_delay_follows_an_end_and_not_a_release() -> None:
    standin = ConsulStandin()
    one, other = lock(standin, lock_delay=0.5), lock(standin, lock_delay=0.5)
    try:
        async with closing(one, other):
            first = await granted(one, 3600)
            await one.release(first.token)
            second = await granted(other, 3600)
            begun = time.monotonic()
            with standin.changed:
                (session,) = standin.sessions
                standin.invalidate(session)
            assert await one.acquire(3600) is None
            assert (await taken_when_told(one, 3600)).token > second.token
            assert time.monotonic() - begun >= 0.5
    finally:
        standin.kill()


async def test_a_session_has_no_health_checks_and_one_grant(standin: ConsulStandin) -> None:
    one = lock(standin)
    async with closing(one):
        first = await granted(one, 3600)
        (session,) = standin.sessions
        await one.release(first.token)
        assert not standin.sessions
        await granted(one, 3600)
        assert session not in standin.sessions
    assert not standin.sessions


async def test_the_acls_token_is_sent() -> None:
    standin = ConsulStandin(SPEED, token="geheim")
    known, stranger = lock(standin, token="geheim"), lock(standin)
    try:
        async with closing(known, stranger):
            await granted(known, 3600)
            with pytest.raises(Unavailable, match=r"403.*Permission denied"):
                await stranger.acquire(3600)
    finally:
        standin.kill()


@pytest.mark.parametrize(
    ("written", "seconds"), [("10s", 10), ("1m30s", 90), ("24h0m0s", 86400), ("1.5s", 1.5), ("1500ms", 1.5), ("0s", 0)]
)
def test_durations_as_go_writes_them(written: str, seconds: float) -> None:
    assert _seconds(written) == pytest.approx(seconds)


@pytest.mark.parametrize("written", ["", "10", "s", "10x", "1e3s"])
def test_what_is_no_duration_says_nothing(written: str) -> None:
    with pytest.raises(Unavailable, match="cannot be understood"):
        _seconds(written)
