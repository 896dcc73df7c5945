"""What stands in for an agent of Consul: sessions and keys, as its documentation has them, and its published source
where that says nothing. Not the real thing: it knows of them only what is written here. Its time can pass faster."""

from __future__ import annotations

import base64
import json
import math
import re
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any

from tests.runtime.coordination.standin_http import Asked, Said, Standin

SECONDS = re.compile(r"(\d+)(ms|s)")
KEY = re.compile(r"[A-Za-z0-9,\-_./]+")
"""What the latest releases take for a key."""


@dataclass
class Session:
    time_to_live: float
    lock_delay: float
    behavior: str
    ends: float


@dataclass
class Key:
    value: bytes
    create_index: int
    modify_index: int
    lock_index: int = 0
    session: str = ""


class ConsulStandin(Standin):
    """A session ends one and a half TTLs after it was renewed: not before one, and not after two, as documented."""

    def __init__(self, speed: float = 1.0, token: str | None = None, port: int = 0) -> None:
        self.speed, self.token = speed, token
        self.sessions: dict[str, Session] = {}
        self.keys: dict[str, Key] = {}
        self.delayed: dict[str, float] = {}
        self.index = 10
        """That of the last write to the log."""
        self.written = 0
        """That of the last write to any key."""
        self.restored = 0
        self.older = False
        """Older releases write also what changes nothing."""
        self.load = 1.0
        """By what the TTL in answers to renewals is longer than it was asked for."""
        self._ended = threading.Event()
        super().__init__(port=port)
        threading.Thread(target=self._end_sessions, daemon=True).start()

    def kill(self) -> None:
        self._ended.set()
        super().kill()

    def now(self) -> float:
        return time.monotonic() * self.speed

    def write(self, path: str, value: bytes | None) -> None:
        """By somebody who takes no notice of the lock. None deletes."""
        with self.changed:
            if value is None:
                self._delete(path)
            else:
                self._put(path, value).lock_index = 0

    def release(self, path: str) -> None:
        """By somebody who looks up whose it is, and gives it back for them."""
        with self.changed:
            key = self.keys[path]
            self._put(path, key.value).session = ""

    def end_sessions(self) -> None:
        """As an operator may."""
        with self.changed:
            for name in tuple(self.sessions):
                self.invalidate(name)

    def restore(self, index: int) -> None:
        """From a snapshot that was made at that index and has no keys."""
        with self.changed:
            self.keys.clear()
            self.sessions.clear()
            self.index = self.written = index
            self.restored += 1  # whoever waits is answered then
            self.changed.notify_all()

    def answer(self, asked: Asked) -> Said:
        if self.token is not None and asked.headers.get("X-Consul-Token") != self.token:
            return Said(403, "Permission denied")
        _, version, sort, rest = asked.path.split("/", 3)
        assert version == "v1"
        with self.changed:
            if sort == "kv":
                if not KEY.fullmatch(rest):
                    return Said(400, "key contains invalid character")
                return self._read(rest, asked) if asked.method == "GET" else self._write(rest, asked)
            what, _, name = rest.partition("/")
            assert sort == "session" and asked.method == "PUT"
            if what == "create":
                return self._create(json.loads(asked.body))
            if what == "renew":
                session = self.sessions.get(name)
                if session is None:
                    return Said(404, f"Session id '{name}' not found")
                session.ends = self.now() + 1.5 * session.time_to_live
                said = f"{session.time_to_live * self.load:g}s"
                return Said(200, [{"ID": name, "TTL": said, "Behavior": session.behavior}])
            assert what == "destroy"
            self.invalidate(name)
            return Said(200, True)

    def _create(self, wanted: dict[str, Any]) -> Said:
        time_to_live = _seconds(wanted["TTL"])
        if not 10 <= time_to_live <= 86400:
            return Said(500, f"Invalid Session TTL '{wanted['TTL']}', must be between [10s=24h0m0s]")
        if wanted.get("Checks", ["serfHealth"]) or wanted.get("NodeChecks", ["serfHealth"]):
            return Said(500, "this stand-in knows no health checks")
        name = str(uuid.uuid4())
        ends = self.now() + 1.5 * time_to_live
        self.sessions[name] = Session(time_to_live, _seconds(wanted["LockDelay"]), wanted["Behavior"], ends)
        self.index += 1
        return Said(200, {"ID": name})

    def _read(self, path: str, asked: Asked) -> Said:
        after = int(asked.query.get("index", "0"))
        deadline = time.monotonic() + (_seconds(asked.query["wait"]) if after else 0)
        restored = self.restored
        while self._index(path) <= after and (left := deadline - time.monotonic()) > 0 and restored == self.restored:
            self.changed.wait(left)
        headers = {"X-Consul-Index": str(self._index(path))}
        key = self.keys.get(path)
        if key is None:
            return Said(404, "", headers)
        value = base64.b64encode(key.value).decode()
        record = {"Key": path, "Value": value, "Flags": 0, "LockIndex": key.lock_index}
        record |= {"CreateIndex": key.create_index, "ModifyIndex": key.modify_index}
        return Said(200, [record | ({"Session": key.session} if key.session else {})], headers)

    def _index(self, path: str) -> int:
        key = self.keys.get(path)
        return key.modify_index if key is not None else max(1, self.written)

    def _write(self, path: str, asked: Asked) -> Said:
        assert asked.method == "PUT"
        key = self.keys.get(path)
        if (session := asked.query.get("acquire")) is not None:
            if session not in self.sessions:
                return Said(500, f'invalid session "{session}"')
            if self.delayed.get(path, -math.inf) > self.now() or (key is not None and key.session not in ("", session)):
                return Said(200, False)
            if key is not None and key.session == session:
                if key.value != asked.body or self.older:
                    self._put(path, asked.body)
                return Said(200, True)
            key = self._put(path, asked.body)
            key.session = session
            key.lock_index += 1
            return Said(200, True)
        session = asked.query["release"]  # it need not be there any more
        if key is None or key.session != session:
            return Said(200, False)
        self._put(path, asked.body).session = ""
        return Said(200, True)

    def _put(self, path: str, value: bytes) -> Key:
        self.index += 1
        self.written = self.index
        key = self.keys.setdefault(path, Key(value, self.index, self.index))
        key.value, key.modify_index = value, self.index
        self.changed.notify_all()
        return key

    def _delete(self, path: str) -> None:
        self.index += 1
        self.written = self.index
        self.keys.pop(path, None)
        self.changed.notify_all()

    def invalidate(self, name: str) -> None:
        session = self.sessions.pop(name, None)
        for path, key in tuple(self.keys.items()):
            if session is not None and key.session == name:
                if session.lock_delay:
                    self.delayed[path] = self.now() + session.lock_delay
                if session.behavior == "delete":
                    self._delete(path)
                else:
                    self._put(path, key.value).session = ""

    def _end_sessions(self) -> None:
        while not self._ended.wait(0.01):
            self._running.wait()
            with self.changed:
                for name in [name for name, session in self.sessions.items() if session.ends <= self.now()]:
                    self.invalidate(name)


def _seconds(duration: str) -> float:
    found = SECONDS.fullmatch(duration)
    assert found is not None, duration
    return int(found[1]) * (0.001 if found[2] == "ms" else 1.0)
