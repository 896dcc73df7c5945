"""The command of an emitted package: `python -m PACKAGE node.toml` runs a node."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runtime.config import BadConfig, Settings, read_config, settings_of
from runtime.coordination.addresses import BadCoordination, service_at
from runtime.coordination.hosting import hosting
from runtime.coordination.transport import NotAClient
from runtime.durations import LEASE, in_force, said
from runtime.http import metrics_answer, serving
from runtime.node import Node, NodeFailed, open_node, tls_files
from runtime.process import Process
from runtime.storage import ForeignState, StorageFailed
from runtime.trace import recording
from runtime.transport.addresses import parse_address
from runtime.transport.sockets import InsecureAddress, addresses_of
from runtime.transport.tls import BadTlsFiles, contexts

FAILED, BAD_CONFIG = 1, 2

log = logging.getLogger("oneleader")


def main(processes: Mapping[str, Process[Any, Any]], arguments: list[str] | None = None) -> int:
    """Runs a node until it is told to stop (SIGTERM or SIGINT; SIGHUP reads the certificates anew). The exit status: 0,
    1 for a node that has failed, be it at its start, 2 for a configuration with which none can run."""
    name = _command()
    protocol = next(iter(processes.values())).protocol
    parser = argparse.ArgumentParser(prog=name, description=f"A node of {protocol}.")
    parser.add_argument("config", type=Path, help="the node's configuration, in TOML")
    parser.add_argument("--node", metavar="NAME", help="which of the members this is, instead of what the file says")
    parser.add_argument(
        "--check", action="store_true", help="check the configuration and its certificates, run nothing"
    )
    spec = next(iter(processes.values())).spec_sha256
    parser.add_argument("--version", action="version", version=f"{protocol}, spec {spec[:12]}")
    parser.add_argument("--verbose", "-v", action="store_true", help="log more")
    given = parser.parse_args(arguments)
    level = logging.DEBUG if given.verbose else logging.INFO
    if not given.verbose:
        logging.getLogger("httpx").setLevel(logging.WARNING)  # or each request to a lock service is told
    logging.basicConfig(level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    try:
        config = read_config(given.config, given.node)
    except BadConfig as problem:
        print(f"{name}: {problem}", file=sys.stderr)
        return BAD_CONFIG
    try:
        settings = settings_of(config, processes)
    except BadConfig as problem:
        print(f"{name}: {given.config}: {problem}", file=sys.stderr)
        return BAD_CONFIG
    for warning in settings.warnings:
        log.warning("%s", warning)
    if given.check:
        return _checked(settings)
    if settings.config.http is not None:
        metrics_answer()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_run(settings, processes[settings.me.kind]))


def _checked(settings: Settings) -> int:
    """The exit status for what is wrong with a configuration that can be read, short of running it."""
    try:
        if (files := tls_files(settings)) is not None:
            contexts(files)
        if (where := settings.config.coordination) is not None:
            service_at(where, str(settings.me), settings.lease, files)
        else:
            asyncio.run(addresses_of(settings.listen, files is None and not settings.config.insecure))
    except InsecureAddress as problem:
        log.critical("%s", problem.told("set [tls]", "set insecure = true"))
        return BAD_CONFIG
    except (BadTlsFiles, BadCoordination, NotAClient, ModuleNotFoundError) as problem:
        log.critical("%s", problem)
        return BAD_CONFIG
    except OSError as problem:
        log.critical("%s", problem)
        return FAILED
    return 0


def _command() -> str:
    """As what this was run: `raft-election`, where a wheel is installed, or `python -m PACKAGE`."""
    whence = getattr(sys.modules.get("__main__"), "__spec__", None)
    run = Path(sys.argv[0])
    return f"python -m {whence.parent}" if run.name == "__main__.py" and whence is not None else run.name


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, where that is installed."""
    try:
        import uvloop  # type: ignore[import-not-found]
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _run(settings: Settings, process: Process[Any, Any]) -> int:
    config = settings.config
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told(by: signal.Signals) -> None:
        log.info("%s stops, by %s", settings.me, by.name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told, number)
    try:
        async with contextlib.AsyncExitStack() as stack:
            trace = recording(Path(config.trace), settings, process) if config.trace else None
            node = await stack.enter_async_context(open_node(settings, process, trace))
            loop.add_signal_handler(signal.SIGHUP, _reload, node)
            if config.http is not None:
                where = await stack.enter_async_context(serving(node, parse_address(config.http)))
                log.info("%s answers at http://%s", settings.me, where)
            if config.locks is not None:
                longest, files = settings.longest_lease, tls_files(settings)
                hosted = hosting(node, parse_address(config.locks), longest, files, insecure=config.insecure)
                _, where = await stack.enter_async_context(hosted)
                log.info("%s grants locks at %s, when it leads", settings.me, where)
            ran = f"{process.protocol}, spec {process.spec_sha256[:12]}"
            where_to = "listens at" if config.coordination is None else "is coordinated by"
            log.info("%s of %s %s %s (%s)", settings.me, config.cluster, where_to, node.transport.address, ran)
            if settings.timers:
                log.info("%s has the timers %s", settings.me, in_force(settings.timers, config.timers))
            if config.coordination is not None:
                whose = "" if LEASE in config.timers else " (the spec's)"
                log.info("%s asks for the lock for %s at a time%s", settings.me, said(settings.lease), whose)
            stopped, failed = asyncio.ensure_future(stop.wait()), asyncio.ensure_future(node.failed())
            await asyncio.wait((stopped, failed), return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if failed.done():
                failed.result()
            failed.cancel()
    except InsecureAddress as problem:
        log.critical("%s", problem.told("set [tls]", "set insecure = true"))
        return BAD_CONFIG
    except (ForeignState, BadTlsFiles, BadCoordination, NotAClient, ModuleNotFoundError) as problem:
        log.critical("%s", problem)
        return BAD_CONFIG
    except (StorageFailed, OSError, NodeFailed) as problem:
        log.critical("%s", problem)
        return FAILED
    return 0


def _reload(node: Node) -> None:
    try:
        node.reload()
        log.info("certificates were read anew")
    except (BadTlsFiles, ValueError) as problem:
        log.error("certificates are as before: %s", problem)
