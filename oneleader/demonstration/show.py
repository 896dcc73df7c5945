"""A demonstration from its beginning to its end: looks, scripts, keys, and what is shown of them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from oneleader.demonstration.cluster import POLL_SECONDS, Cluster, running
from oneleader.demonstration.events import Story
from oneleader.demonstration.keys import Quit, listening, pressed
from oneleader.demonstration.script import Act, Step, Verb, Wait
from spec.protocol import ProcessKind

TOLD = 8
"""So many events stay on the screen."""
DONE: dict[Verb, str] = {
    "kill": "was killed",
    "pause": "was paused",
    "resume": "goes on",
    "restart": "was started anew",
    "cut": "was cut off from the others",
    "heal": "is connected to the others again",
}


@dataclass
class Demonstration:
    """A cluster under way, with what was seen of it. `tell` is given each event, with its time."""

    cluster: Cluster
    tell: Callable[[float, str], None]
    story: Story = field(default_factory=Story)
    began: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    reached: int = -1
    """The greatest token before the last act."""

    def now(self) -> float:
        """Seconds since the beginning."""
        return asyncio.get_running_loop().time() - self.began

    def look(self) -> None:
        """Tells what has changed."""
        tokens = {member.name: member.token for member in self.cluster.members.values()}
        for sentence in self.story.seen(tokens, now := self.now()):
            self.tell(now, sentence)

    async def act(self, act: Act) -> None:
        """Does something to nodes; where that is the leader, waits until there is one."""
        while not (numbers := self.cluster.numbers(act)):
            await asyncio.sleep(POLL_SECONDS)
        self.look()
        self.reached = self.story.greatest
        for number in numbers:
            if await self.cluster.do(act.verb, number):
                self.tell(self.now(), f"{self.cluster.members[number].name} {DONE[act.verb]}")
        self.look()

    async def play(self, steps: tuple[Step, ...]) -> None:
        """Does what a script says."""
        for step in steps:
            match step:
                case Act():
                    await self.act(step)
                case Wait(None):
                    while self.story.greatest <= self.reached:
                        await asyncio.sleep(POLL_SECONDS)
                case Wait(float() as seconds):
                    await asyncio.sleep(seconds)

    async def watch(self) -> None:
        """Looks again and again."""
        while True:
            self.look()
            await asyncio.sleep(POLL_SECONDS)


@contextlib.asynccontextmanager
async def demonstration(
    package: Path, names: Sequence[str], tell: Callable[[float, str], None]
) -> AsyncIterator[tuple[Demonstration, asyncio.TaskGroup]]:
    """One that is under way while the context lasts, and tasks that belong to it; nothing is left of either."""
    async with running(package, names) as cluster:
        shown = Demonstration(cluster, tell)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(cluster.watch(number)) for number in cluster.members]
            tasks.append(group.create_task(shown.watch()))
            try:
                yield shown, group
            finally:
                for task in tasks:
                    task.cancel()


async def plain(package: Path, names: Sequence[str], steps: tuple[Step, ...], seconds: float | None) -> bool:
    """Prints events as lines: for so long, or until the script has ended, or until it is stopped. Whether the script,
    if any, has come to its end."""

    def tell(now: float, sentence: str) -> None:
        try:
            print(f"{now:7.2f} s  {sentence}", flush=True)
        except BrokenPipeError:  # whoever read it has had enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if not stopped.done():
                stopped.set_result(None)

    stopped = _stopped()
    async with demonstration(package, names, tell) as (shown, _):
        playing = asyncio.ensure_future(shown.play(steps))
        try:
            ends: set[asyncio.Future[None]] = {stopped}
            if steps and seconds is None:
                ends.add(playing)
            await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if playing.done():
                playing.result()
            return playing.done()
        finally:
            playing.cancel()


async def live(
    package: Path, kinds: Sequence[ProcessKind], names: Sequence[str], steps: tuple[Step, ...], seconds: float | None
) -> bool:
    """Shows the cluster in the terminal, and does what keys say, until `q`. Whether the script has come to its end."""
    from rich.console import Console
    from rich.live import Live

    from oneleader.demonstration.screen import screen

    told: deque[str] = deque(maxlen=TOLD)
    pending: Verb | None = None
    acts: asyncio.Queue[Act] = asyncio.Queue()
    stopped = _stopped()

    def heard(key: str) -> None:
        nonlocal pending
        try:
            pending, act = pressed(pending, key, len(names))
        except Quit:
            if not stopped.done():
                stopped.set_result(None)
            return
        if act is not None:
            acts.put_nowait(act)

    async def obey(shown: Demonstration) -> None:
        await shown.play(steps)
        while True:
            await shown.act(await acts.get())

    async def paint(shown: Demonstration, display: Live) -> None:
        while True:
            asked = f"{pending} which node? 1..{len(names)}, or a for all" if pending is not None else ""
            display.update(screen(kinds, shown.cluster, shown.story, told, asked, shown.now()), refresh=True)
            await asyncio.sleep(0.1)

    def tell(now: float, sentence: str) -> None:
        told.append(f"{now:7.2f} s  {sentence}")

    with listening(heard), Live(console=Console(), auto_refresh=False, screen=True) as display:
        async with demonstration(package, names, tell) as (shown, group):
            tasks = [group.create_task(obey(shown)), group.create_task(paint(shown, display))]
            try:
                await asyncio.wait({stopped}, timeout=seconds)
            finally:
                for task in tasks:
                    task.cancel()
    return True


def _stopped() -> asyncio.Future[None]:
    """Is done when the process is told to stop: Ctrl-C, a closed terminal, a service manager."""
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[None] = loop.create_future()

    def stop() -> None:
        if not stopped.done():
            stopped.set_result(None)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    return stopped
