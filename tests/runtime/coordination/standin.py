"""A stand-in as a process of its own, until it is killed: `python -m tests.runtime.coordination.standin NAME PORT`."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping

from tests.runtime.coordination.standin_consul import ConsulStandin
from tests.runtime.coordination.standin_http import Standin
from tests.runtime.coordination.standin_kubernetes import KubernetesStandin

CONSUL_SPEED = 10.0
"""A session of Consul's shortest TTL, 10 s, is one of 1 s there."""
STANDINS: Mapping[str, Callable[[int], Standin]] = {
    "kubernetes": lambda port: KubernetesStandin(port=port),
    "consul": lambda port: ConsulStandin(CONSUL_SPEED, port=port),
}

if __name__ == "__main__":
    STANDINS[sys.argv[1]](int(sys.argv[2]))
    threading.Event().wait()
