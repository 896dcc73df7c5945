"""What is peculiar to locks kept by Consul, on a stand-in for its agent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from runtime.coordination.consul import ConsulLock, _seconds
from runtime.coordination.service import Unavailable
from tests.runtime.coordination.standin_consul import ConsulStandin, Key
from tests.runtime.coordination.standin_http import Asked, Fate, Said
from tests.runtime.coordination.worlds import answered, closing, granted, granted_in_time, taken_when_told

KEY = "locks/orders"
LONG = 3600
SPEED = 20.0


@pytest.fixture
def server() -> Iterator[ConsulStandin]:
    standin = ConsulStandin(SPEED)
    yield standin
    standin.kill()


def client_of(server: ConsulStandin, **named: Any) -> ConsulLock:
    return ConsulLock(f"http://127.0.0.1:{server.port}", KEY, **named)


def key(server: ConsulStandin) -> Key:
    return server.keys[KEY]


def acquiring(asked: Asked) -> bool:
    return "acquire" in asked.query


# Sessions ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "given"), [(0.5, 10), (10, 10), (17.2, 18), (1e9, 86400)])
async def test_a_time_to_live_is_what_consul_takes(server: ConsulStandin, asked: float, given: float) -> None:
    one = client_of(server)
    async with closing(one):
        grant = await granted(one, asked)
        assert grant.time_to_live == given
        assert await one.renew(grant.token) == given


async def test_a_session_depends_on_nothing_but_its_time(server: ConsulStandin) -> None:
    """Not on the health of the agent's node, which would end it before its time."""
    one = client_of(server)
    async with closing(one):
        await granted(one, LONG)
        (session,) = server.sessions.values()
        assert (session.time_to_live, session.lock_delay, session.behavior) == (LONG, 0, "release")
        (asked,) = [each for each in server.requests if each.path.endswith("/create")]
        assert b'"NodeChecks":[]' in asked.body and b'"Checks":[]' in asked.body


async def test_a_server_under_load_renews_for_longer(server: ConsulStandin) -> None:
    server.load = 2.5
    one = client_of(server)
    async with closing(one):
        assert await one.renew((await granted(one, 10)).token) == 25


async def test_who_waits_needs_no_session_and_who_ends_leaves_none(server: ConsulStandin) -> None:
    one, other = client_of(server), client_of(server)
    grant = await granted(one, LONG)
    assert await other.acquire(LONG) is None
    assert len(server.sessions) == 1
    await one.release(grant.token)
    await granted(other, LONG)
    assert len(server.sessions) == 1
    await one.close()
    await other.close()
    assert not server.sessions
    assert key(server).session == ""


async def test_a_session_that_was_ended_is_followed_by_another(server: ConsulStandin) -> None:
    one = client_of(server)
    async with closing(one):
        first = await granted(one, LONG)
        server.end_sessions()
        assert await one.renew(first.token) is None
        assert (await granted(one, LONG)).token > first.token


async def test_a_session_that_holds_the_key_unheard_is_kept_for_another_time_to_live(server: ConsulStandin) -> None:
    one = client_of(server)
    async with closing(one):
        server.fate = lambda asked: Fate.UNANSWERED if acquiring(asked) else Fate.ANSWERED
        with pytest.raises(Unavailable):
            await one.acquire(100)
        server.fate = lambda _: Fate.ANSWERED
        assert (await granted(one, 200)).time_to_live == 100


# The token -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("behavior", ["release", "delete"])
async def test_tokens_grow_where_lock_indexes_do_not(
    server: ConsulStandin, behavior: Literal["release", "delete"]
) -> None:
    one, other = client_of(server, behavior=behavior), client_of(server, behavior=behavior)
    async with closing(one, other):
        tokens, lock_indexes = [], []
        for turn in range(12):
            holder = (one, other)[turn % 2]
            grant = await granted(holder, LONG)
            tokens.append(grant.token)
            lock_indexes.append(key(server).lock_index)
            match turn % 3:
                case 0:
                    await holder.release(grant.token)
                case 1:
                    server.end_sessions()
                case _:
                    server.write(KEY, None)
        assert tokens == sorted(set(tokens))
        assert lock_indexes != sorted(set(lock_indexes))


async def test_a_token_stays_when_the_same_session_asks_again(server: ConsulStandin) -> None:
    one = client_of(server)
    async with closing(one):
        grant = await granted(one, LONG)
        server.write("locks/others", b"")
        assert await one.acquire(LONG) == grant
        assert await one.renew(grant.token) == LONG
        assert grant.token == key(server).modify_index


@pytest.mark.parametrize("older", [False, True])
async def test_a_token_stays_when_a_request_for_the_lock_comes_twice(server: ConsulStandin, older: bool) -> None:
    server.older = older
    one = client_of(server)
    async with closing(one):
        fates = [Fate.LATE]
        server.fate = lambda asked: fates.pop() if acquiring(asked) and fates else Fate.ANSWERED
        grant = await granted(one, LONG)
        assert server.deliver() == [200]
        assert (key(server).modify_index > grant.token) == older
        assert await one.acquire(LONG) == grant
        assert await one.renew(grant.token) == LONG


async def test_who_is_written_over_has_lost_it_and_is_given_a_greater_token(server: ConsulStandin) -> None:
    one, other = client_of(server), client_of(server)
    async with closing(one, other):
        first = await granted(one, LONG)
        server.write(KEY, b"somebody was here")
        assert key(server).lock_index == 0
        assert await one.renew(first.token) is None
        assert await other.acquire(LONG) is None
        second = await granted(one, LONG)
        assert second.token > first.token
        assert await one.renew(second.token) == LONG


async def test_who_was_released_by_somebody_else_has_lost_it(server: ConsulStandin) -> None:
    one, other = client_of(server), client_of(server)
    async with closing(one, other):
        first = await granted(one, LONG)
        server.release(KEY)
        assert await one.renew(first.token) is None
        second = await granted(other, LONG)
        assert second.token > first.token
        assert await one.acquire(LONG) is None
        await one.release(first.token)
        assert await other.renew(second.token) == LONG
        await other.release(second.token)
        assert (await granted(one, LONG)).token > second.token
        assert await one.renew(first.token) is None


async def test_a_key_that_is_deleted_is_lost(server: ConsulStandin) -> None:
    one, other = client_of(server), client_of(server)
    async with closing(one, other):
        first = await granted(one, LONG)
        server.write(KEY, None)
        assert await one.renew(first.token) is None
        assert (await granted(other, LONG)).token > first.token


async def test_the_key_is_read_as_a_quorum_has_it(server: ConsulStandin) -> None:
    one = client_of(server)
    async with closing(one):
        await one.renew((await granted(one, LONG)).token)
        reads = [each for each in server.requests if each.method == "GET"]
        assert reads and all("consistent" in each.query for each in reads)


# Time ----------------------------------------------------------------------------------------------------------------


async def test_a_lock_delay_follows_a_session_that_ended_and_no_release(server: ConsulStandin) -> None:
    one, other = client_of(server, lock_delay=20), client_of(server, lock_delay=20)
    async with closing(one, other):
        first = await granted(one, LONG)
        await one.release(first.token)
        second = await granted(other, LONG)
        begun = time.monotonic()
        server.end_sessions()
        assert await one.acquire(LONG) is None
        assert (await granted_in_time(one, LONG)).token > second.token
        assert time.monotonic() - begun >= 20 / SPEED


async def test_who_waits_is_told_when_a_lock_delay_is_over(server: ConsulStandin) -> None:
    one, other = client_of(server, lock_delay=1), client_of(server, lock_delay=1)
    server.speed = 1.0
    async with closing(one, other):
        await granted(one, LONG)
        waiting = asyncio.create_task(taken_when_told(other, LONG))
        await asyncio.sleep(0.2)
        server.end_sessions()
        await waiting


async def test_an_index_that_goes_back_is_followed(server: ConsulStandin) -> None:
    server.index = 1000
    one, other = client_of(server), client_of(server)
    async with closing(one, other):
        first = await granted(one, LONG)
        hints = 0

        async def count() -> None:
            nonlocal hints
            async for _ in other.freed():
                hints += 1

        counting = asyncio.create_task(count())
        while not any(each.query.get("index") for each in server.requests):
            await asyncio.sleep(0.01)
        server.restore(5)
        second = await granted(one, LONG)
        assert second.token < first.token  # what the documentation warns of
        while not any(0 < int(each.query.get("index", "0")) < 1000 for each in server.requests):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        before = hints
        await one.release(second.token)
        while hints == before:
            await asyncio.sleep(0.01)
        counting.cancel()


# What is lost --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fate", [Fate.LOST, Fate.UNANSWERED, Fate.LATE])
@pytest.mark.parametrize("request_", ["release", "destroy"])
async def test_a_release_that_was_lost_is_not_undone_by_asking_again(
    server: ConsulStandin, fate: Fate, request_: str
) -> None:
    def concerned(asked: Asked) -> bool:
        return request_ in asked.query or request_ in asked.path

    one, other = client_of(server), client_of(server)
    async with closing(one, other):
        first = await granted(one, LONG)
        server.fate = lambda asked: fate if concerned(asked) else Fate.ANSWERED
        with pytest.raises(Unavailable):
            await one.release(first.token)
        server.fate = lambda _: Fate.ANSWERED
        assert await one.renew(first.token) is None
        second = await granted(one, LONG)
        assert second.token > first.token
        server.deliver()
        assert await one.renew(second.token) == LONG
        assert await other.acquire(LONG) is None


async def test_a_request_for_the_lock_that_comes_after_its_release_takes_nothing(server: ConsulStandin) -> None:
    one, other = client_of(server), client_of(server)
    async with closing(one, other):
        lost = True

        def first_time(asked: Asked) -> Fate:
            nonlocal lost
            late, lost = lost and acquiring(asked), lost and not acquiring(asked)
            return Fate.LATE if late else Fate.ANSWERED

        server.fate = first_time
        first = await granted(one, LONG)
        await one.release(first.token)
        assert server.deliver() == [500]  # the session is gone
        await granted(other, LONG)


async def test_a_release_whose_turn_never_came_is_not_undone(server: ConsulStandin) -> None:
    one = client_of(server, timeout=0.3)
    async with closing(one):
        first = await granted(one, LONG)
        server.pause()
        calls = await asyncio.gather(one.acquire(LONG), one.release(first.token), return_exceptions=True)
        server.resume()
        assert [type(each) for each in calls] == [Unavailable] * 2
        assert (await answered(lambda: granted_in_time(one, LONG))).token > first.token


@pytest.mark.parametrize(
    ("said", "told_of"),
    [
        (Said(403, b"Permission denied"), "403: Permission denied"),
        (Said(500, b"No cluster leader"), "500: No cluster leader"),
        (Said(200, b"<html>"), "cannot be understood.*<html>"),
        (Said(200, []), "reading the key"),
    ],
)
async def test_an_answer_that_is_none_is_unavailable(server: ConsulStandin, said: Said, told_of: str) -> None:
    server.instead = said
    one = client_of(server)
    async with closing(one):
        with pytest.raises(Unavailable, match=told_of):
            await one.acquire(LONG)


# Who may, and what can be given --------------------------------------------------------------------------------------


async def test_the_token_of_an_acl_goes_with_each_request(server: ConsulStandin) -> None:
    server.token = "secret"
    one, stranger = client_of(server, token="secret"), client_of(server)
    async with closing(one, stranger):
        await one.renew((await granted(one, LONG)).token)
        waiting = asyncio.create_task(taken_when_told(one, LONG))
        with pytest.raises(Unavailable, match="403"):
            await stranger.acquire(LONG)
        await asyncio.sleep(0.1)
        server.end_sessions()
        await waiting


async def test_a_key_that_a_newer_release_refuses_is_told_of(server: ConsulStandin) -> None:
    one = ConsulLock(f"http://127.0.0.1:{server.port}", "locks/a b")
    async with closing(one):
        with pytest.raises(Unavailable, match="invalid character"):
            await one.acquire(LONG)


@pytest.mark.parametrize(
    "wrong", [{"key": ""}, {"key": "/locks"}, {"lock_delay": 61}, {"lock_delay": -1}, {"behavior": "keep"}]
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"key|delay|behavior"):
        ConsulLock("http://127.0.0.1:8500", **({"key": KEY} | wrong))


@pytest.mark.parametrize(
    ("text", "seconds"), [("10s", 10), ("1m30s", 90), ("24h0m0s", 86400), ("1.5s", 1.5), ("250ms", 0.25), ("5µs", 5e-6)]
)
def test_durations_as_go_writes_them(text: str, seconds: float) -> None:
    assert _seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "10", "s", "10x", "10s ", "-10s"])
def test_what_is_no_duration_says_nothing(text: str) -> None:
    with pytest.raises(Unavailable, match="TTL"):
        _seconds(text)
