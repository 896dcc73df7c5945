"""What stands in for the API server of Kubernetes: Leases alone, as its API reference documents them. Not the real
thing: it knows of them only what is written here."""

from __future__ import annotations

import copy
import json
import re
import ssl
import time
from collections.abc import Iterator
from typing import Any

from tests.runtime.coordination.standin_http import Asked, Said, Standin

ONE = re.compile(r"/apis/coordination\.k8s\.io/v1/namespaces/([^/]+)/leases(?:/([^/]+))?")
MICRO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
LARGEST = 2**31 - 1


class KubernetesStandin(Standin):
    def __init__(self, token: str | None = None, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.token = token
        self.leases: dict[tuple[str, str], dict[str, Any]] = {}
        self.events: list[tuple[int, tuple[str, str], dict[str, Any]]] = []
        self.version = self.compacted = 100
        super().__init__(tls, port)

    def delete(self, namespace: str, name: str) -> None:
        with self.changed:
            gone = self.leases.pop((namespace, name))
            self._tell((namespace, name), "DELETED", gone)

    def write(self, namespace: str, name: str, spec: dict[str, Any], annotations: dict[str, str] | None = None) -> None:
        """By somebody who need not know of the version. Other fields of the record stay."""
        with self.changed:
            before = self.leases.get((namespace, name))
            lease = copy.deepcopy(before) or {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {}}
            lease["metadata"] |= {"name": name} | ({} if annotations is None else {"annotations": annotations})
            lease["spec"] = lease.get("spec", {}) | spec
            assert _wrong(lease) is None, _wrong(lease)
            uid = f"uid-{self.version}" if before is None else before["metadata"]["uid"]
            self._store((namespace, name), lease, "ADDED" if before is None else "MODIFIED", uid)

    def compact(self) -> None:
        """Forgets what has happened: who watches from before hears so."""
        with self.changed:
            self.events.clear()
            self.version += 1
            self.compacted = self.version
            self.changed.notify_all()

    def answer(self, asked: Asked) -> Said:
        if self.token is not None and asked.headers.get("Authorization") != f"Bearer {self.token}":
            return _failure(401, "Unauthorized")
        found = ONE.fullmatch(asked.path)
        if found is None:
            return _failure(404, "the server could not find the requested resource")
        namespace, name = found[1], found[2]
        with self.changed:
            if asked.method == "GET" and name is None and asked.query.get("watch") == "1":
                return Said(200, self._watch(namespace, asked))
            if asked.method == "GET" and name is not None:
                lease = self.leases.get((namespace, name))
                return _failure(404, f'leases "{name}" not found') if lease is None else Said(200, lease)
            if asked.method == "POST" and name is None:
                return self._create(namespace, json.loads(asked.body))
            if asked.method == "PUT" and name is not None:
                return self._update(namespace, name, json.loads(asked.body))
        return _failure(405, "the server does not allow this method on the requested resource")

    def _create(self, namespace: str, lease: dict[str, Any]) -> Said:
        name = lease["metadata"]["name"]
        if lease["metadata"].get("resourceVersion"):
            return _failure(500, "resourceVersion should not be set on objects to be created")
        if lease["metadata"].get("namespace") not in (None, namespace):
            return _failure(400, "the namespace of the object does not match the namespace on the request")
        if (namespace, name) in self.leases:
            return _failure(409, f'leases "{name}" already exists')
        if wrong := _wrong(lease):
            return _failure(422, wrong)
        return Said(201, self._store((namespace, name), lease, "ADDED", f"uid-{self.version}"))

    def _update(self, namespace: str, name: str, lease: dict[str, Any]) -> Said:
        before = self.leases.get((namespace, name))
        if before is None:
            return _failure(404, f'leases "{name}" not found')
        version = lease["metadata"].get("resourceVersion")
        if lease["metadata"].get("name") != name or not version:
            return _failure(422, "metadata.resourceVersion: must be specified for an update")
        if version != before["metadata"]["resourceVersion"]:
            return _failure(409, f'Operation cannot be fulfilled on leases "{name}": the object has been modified')
        if lease["metadata"].get("uid") not in (None, before["metadata"]["uid"]):
            return _failure(409, "Precondition failed: UID in precondition")
        if wrong := _wrong(lease):
            return _failure(422, wrong)
        return Said(200, self._store((namespace, name), lease, "MODIFIED", before["metadata"]["uid"]))

    def _store(self, at: tuple[str, str], lease: dict[str, Any], event: str, uid: str) -> dict[str, Any]:
        stored = copy.deepcopy(lease)
        self.leases[at] = stored
        stored["metadata"] |= {"namespace": at[0], "uid": uid}
        self._tell(at, event, stored)
        return stored

    def _tell(self, at: tuple[str, str], event: str, lease: dict[str, Any]) -> None:
        self.version += 1
        lease["metadata"]["resourceVersion"] = str(self.version)
        self.events.append((self.version, at, {"type": event, "object": copy.deepcopy(lease)}))
        self.changed.notify_all()

    def _watch(self, namespace: str, asked: Asked) -> Iterator[dict[str, Any]]:
        name = asked.query["fieldSelector"].removeprefix("metadata.name=")
        deadline = time.monotonic() + float(asked.query["timeoutSeconds"])
        if asked.query.get("resourceVersion"):
            seen = int(asked.query["resourceVersion"])
        else:
            with self.changed:
                seen = self.version
                here = copy.deepcopy(self.leases.get((namespace, name)))
            if here is not None:
                yield {"type": "ADDED", "object": here}
        while time.monotonic() < deadline:
            with self.changed:
                too_old = seen < self.compacted
                fresh = [one for one in self.events if one[0] > seen and one[1] == (namespace, name)]
                if not fresh and not too_old:
                    self.changed.wait(0.2)
            if too_old:
                yield {"type": "ERROR", "object": _failure(410, f"too old resource version: {seen}").body}
                return
            for version, _, event in fresh:
                self._running.wait()
                seen = version
                yield event


def _wrong(lease: dict[str, Any]) -> str | None:
    """What validation refuses."""
    if (lease.get("apiVersion"), lease.get("kind")) != ("coordination.k8s.io/v1", "Lease"):
        return "no Lease"
    spec = lease["spec"]
    if not isinstance(spec.get("holderIdentity", ""), str):
        return "spec.holderIdentity: must be a string"
    seconds, transitions = spec.get("leaseDurationSeconds", 1), spec.get("leaseTransitions", 0)
    if type(seconds) is not int or not 0 < seconds <= LARGEST:
        return "spec.leaseDurationSeconds: must be greater than 0"
    if type(transitions) is not int or not 0 <= transitions <= LARGEST:
        return "spec.leaseTransitions: must be greater than or equal to 0"
    if not all(MICRO_TIME.fullmatch(spec[key]) for key in ("acquireTime", "renewTime") if key in spec):
        return "spec.renewTime: no MicroTime"
    return None


def _failure(code: int, message: str) -> Said:
    return Said(code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code})
