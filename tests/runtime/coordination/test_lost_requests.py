"""Many random calls of several clients, while requests and answers are lost or late: never do two believe that they
hold the lock, tokens grow, and what was released is not granted again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from random import Random

import pytest

from runtime.coordination.consul import ConsulLock
from runtime.coordination.kubernetes import KubernetesLock
from runtime.coordination.service import LockService, Unavailable
from tests.runtime.coordination.standin_consul import ConsulStandin
from tests.runtime.coordination.standin_http import Fate, Standin
from tests.runtime.coordination.standin_kubernetes import KubernetesStandin
from tests.runtime.coordination.worlds import answered, closing, granted

LONG = 3600
STEPS = 300
CLIENTS = 3
BACKENDS: dict[str, tuple[Callable[[], Standin], Callable[[str], LockService]]] = {
    "kubernetes": (KubernetesStandin, lambda url: KubernetesLock(url, "default", "orders")),
    "consul": (ConsulStandin, lambda url: ConsulLock(url, "orders")),
    "consul, deleting": (ConsulStandin, lambda url: ConsulLock(url, "orders", behavior="delete")),
}


class Believed:
    """What the clients may believe from what they were told. No time to live ends meanwhile."""

    def __init__(self) -> None:
        self.holder: int | None = None
        self.token = -1
        """The greatest that was granted."""
        self.over: set[int] = set()
        """Tokens that nobody holds any more."""
        self.grants = 0

    def granted(self, client: int, token: int) -> None:
        assert self.holder in (None, client), f"{client} is granted {token} while {self.holder} holds {self.token}"
        assert token not in self.over, f"{client} is granted {token} again"
        if self.holder is None:
            assert token > self.token, f"{token} after {self.token}"
            self.grants += 1
        else:
            assert token == self.token, f"{client} held {self.token} and is granted {token}"
        self.holder, self.token = client, token

    def ended(self, client: int) -> None:
        if self.holder == client:
            self.holder = None
            self.over.add(self.token)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("backend", BACKENDS)
async def test_whatever_is_lost_one_holds_it_and_tokens_grow(backend: str, seed: int) -> None:
    random = Random(f"{backend} {seed}")
    start, make = BACKENDS[backend]
    server = start()
    url = f"http://127.0.0.1:{server.port}"
    clients = [make(url) for _ in range(CLIENTS)]
    believed = Believed()

    async def step(number: int) -> None:
        client = clients[number]
        match random.choice(("acquire", "acquire", "renew", "release")):
            case "acquire":
                grant = await client.acquire(LONG)
                if grant is not None:
                    believed.granted(number, grant.token)
                else:
                    assert believed.holder != number, f"{number} holds {believed.token} and is refused"
            case "renew":
                renewed = await client.renew(believed.token)
                assert (renewed is not None) == (believed.holder == number)
            case _:
                token = random.choice((believed.token, believed.token, believed.token - 1))
                if token == believed.token:
                    believed.ended(number)
                await client.release(token)

    try:
        async with closing(*clients):
            for _ in range(STEPS):
                weights = random.choice(((1, 0, 0, 0), (9, 1, 1, 1), (1, 1, 1, 1)))
                server.fate = lambda _, weights=weights: random.choices(tuple(Fate), weights)[0]  # type: ignore[misc]
                with contextlib.suppress(Unavailable):
                    await step(random.randrange(CLIENTS))
                if random.random() < 0.3:
                    server.deliver()
            server.fate = lambda _: Fate.ANSWERED
            server.deliver()
            for number, client in enumerate(clients):
                if believed.holder == number:
                    believed.ended(number)
                    await answered(lambda client=client: client.release(believed.token))  # type: ignore[misc]
        assert believed.grants > 3
        last = make(url)
        async with closing(last):
            assert (await granted(last, LONG)).token > believed.token
    finally:
        server.kill()


@pytest.mark.parametrize("backend", BACKENDS)
async def test_calls_of_one_client_are_made_one_after_another(backend: str) -> None:
    start, make = BACKENDS[backend]
    server = start()
    client = make(f"http://127.0.0.1:{server.port}")
    try:
        async with closing(client):
            grant = await granted(client, LONG)
            before = len(server.requests)
            await client.renew(grant.token)
            alone = [each.path for each in server.requests[before:]]
            before = len(server.requests)
            await asyncio.gather(*(client.renew(grant.token) for _ in range(5)))
            assert [each.path for each in server.requests[before:]] == alone * 5
    finally:
        server.kill()
