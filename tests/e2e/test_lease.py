"""Services that want one lock, as real processes: whoever holds it is killed and paused, and what they wrote is looked
at, and what their clients recorded."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.lease_failover import SETTINGS, World, holder, killed, paused, world
from bench.servers import EtcdServer, ZooKeeperServer
from oneleader.__main__ import app
from tests.runtime.coordination.proxy import proxy_to

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "spec/protocols/lease.elect"
INSTALLED = {"etcd": EtcdServer.installed(), "zookeeper": ZooKeeperServer.installed()}
PAUSES = 2


@pytest.mark.parametrize("system", [*SETTINGS])
def test_what_is_stale_is_refused_and_what_was_done_is_the_models(system: str, tmp_path: Path) -> None:
    if not INSTALLED.get(system, True):
        pytest.skip(f"{system} is not installed")

    async def main() -> World:
        async with world(SETTINGS[system], tmp_path) as whole:
            await paused(whole)
            await killed(whole)
            await paused(whole)
            await asyncio.sleep(0.3)
        return whole

    whole = asyncio.run(main())
    store = whole.store
    assert store.in_order()
    assert len({seen.write.token for seen in store.seen if seen.taken}) >= 4
    stale = [seen for seen in store.seen if not seen.taken]
    assert stale, "a holder that wakes goes on to write"
    # Whoever wakes finds by its clock that it does not hold; but for a write that it was about to send when it stopped.
    assert sum(seen.write.believed for seen in stale) <= PAUSES < len(stale)
    traces = [str(path) for path in sorted(tmp_path.glob("*.ndjson"))]
    outside = [] if system == "embedded" else ["--outside", "lock_service"]
    result = CliRunner().invoke(app, ["validate-trace", str(SPEC), *traces, *outside])
    assert result.exit_code == 0, result.output
    assert "are a behaviour of lease" in result.output
    trace = Path(next(path for path in traces if '"holding":true' in Path(path).read_text()))
    trace.write_text(trace.read_text().replace('"holding":true', '"holding":false', 1))
    result = CliRunner().invoke(app, ["validate-trace", str(SPEC), *traces, *outside])
    assert result.exit_code == 1, result.output
    assert "this is no step of the model" in result.output
    assert "client4" not in result.output, "nobody is drawn who is not there"


def test_a_holder_that_is_cut_off_has_given_up_before_another_writes(tmp_path: Path) -> None:
    """Its network is cut, and its requests and answers come late when it is healed."""
    if not INSTALLED["etcd"]:
        pytest.skip("etcd is not installed")

    async def main() -> World:
        async with contextlib.AsyncExitStack() as stack:
            names = ["client1", "client2", "client3"]
            proxies = {name: await stack.enter_async_context(proxy_to(0)) for name in names}

            def through(name: str, address: str) -> str:
                host, _, path = address.removeprefix("etcd://").partition("/")
                proxies[name].target = int(host.rpartition(":")[2])
                return f"etcd://127.0.0.1:{proxies[name].port}/{path}"

            async with world(SETTINGS["etcd"], tmp_path, between=through) as whole:
                for _ in range(3):
                    node, token = await holder(whole)
                    after = len(whole.store.seen)
                    proxies[node].cut()
                    seen = await whole.store.first_taken(after, token)
                    last = [one for one in whole.store.seen if one.write.token == token and one.write.believed][-1]
                    assert last.at < seen.at, "it had given up by then"
                    proxies[node].heal()
                await asyncio.sleep(0.5)
            return whole

    whole = asyncio.run(main())
    assert whole.store.in_order()
    assert not any(seen.write.believed for seen in whole.store.seen if not seen.taken)


def test_a_token_that_went_back_is_seen(tmp_path: Path) -> None:
    """What comes from outside is taken as it comes, but two clients may not lead with one token."""

    async def main() -> None:
        async with world(SETTINGS["etcd"], tmp_path, clients=1) as whole:
            await whole.store.first_taken(0, -1)

    if not INSTALLED["etcd"]:
        pytest.skip("etcd is not installed")
    asyncio.run(main())
    first = tmp_path / "client1.ndjson"
    second = tmp_path / "client2.ndjson"
    second.write_text(first.read_text(encoding="utf-8").replace('"client",0', '"client",1'), encoding="utf-8")
    arguments = ["validate-trace", str(SPEC), str(first), str(second), "--outside", "lock_service"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1, result.output
    assert "one_leader_per_token is false" in result.output
