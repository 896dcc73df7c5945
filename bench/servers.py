"""Real servers, each alone, on loopback."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

from runtime.transport.tls import TlsFiles

JARS = tuple(Path("/usr/share/java") / name for name in ("zookeeper.jar", "slf4j-simple.jar"))
"""Where Debian's package has them; what else they need, their manifests name."""
STARTS_WITHIN = 60.0


class Server:
    """A server's process, with its data in a folder. It is started again on the same port, with the same data."""

    needs: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.other_port = free_ports(2)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def hosts(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + STARTS_WITHIN
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError((self.folder / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.02)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def pause(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def command(self) -> list[str]:
        raise NotImplementedError

    def ready(self) -> bool:
        raise NotImplementedError


class EtcdServer(Server):
    """Its election timeout is 0.2 s: so it grants leases from 1 s."""

    needs = "etcd (Debian: etcd-server)"

    @staticmethod
    def installed() -> bool:
        return shutil.which("etcd") is not None

    election = 200
    scheme = "http"

    def command(self) -> list[str]:
        client, peer = f"{self.scheme}://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.other_port}"
        return [
            *(
                "etcd",
                "--name",
                "one",
                "--data-dir",
                str(self.folder / "data"),
                "--logger",
                "zap",
                "--log-level",
                "error",
            ),
            *("--heartbeat-interval", str(self.election // 10), "--election-timeout", str(self.election)),
            *("--listen-client-urls", client, "--advertise-client-urls", client),
            *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"one={peer}"),
        ]

    def ready(self) -> bool:
        return b'"health":"true"' in said(self.port, b"GET /health HTTP/1.0\r\n\r\n")


class SlowEtcdServer(EtcdServer):
    """With etcd's own election timeout."""

    election = 1000


class TlsEtcdServer(EtcdServer):
    """Wants a certificate of its clients."""

    scheme = "https"

    def __init__(self, folder: Path, files: TlsFiles) -> None:
        super().__init__(folder)
        self.files = files

    def command(self) -> list[str]:
        own = ("--cert-file", str(self.files.certificate), "--key-file", str(self.files.key))
        return [*super().command(), *own, "--client-cert-auth", "--trusted-ca-file", str(self.files.authority)]

    def ready(self) -> bool:
        context = ssl.create_default_context(cafile=str(self.files.authority))
        context.load_cert_chain(self.files.certificate, self.files.key)
        return b'"health":"true"' in said(self.port, b"GET /health HTTP/1.0\r\n\r\n", context)


class ZooKeeperServer(Server):
    """A tick of 0.1 s: so it grants sessions from 0.2 s."""

    needs = "ZooKeeper and java (Debian: zookeeper)"
    tick = 0.1

    @staticmethod
    def installed() -> bool:
        return shutil.which("java") is not None and all(jar.exists() for jar in JARS)

    def command(self) -> list[str]:
        config = self.folder / "zoo.cfg"
        config.write_text(
            f"tickTime={round(self.tick * 1000)}\nminSessionTimeout=200\nmaxSessionTimeout=60000\n"
            f"dataDir={self.folder / 'data'}\nclientPort={self.port}\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\n"
            "admin.enableServer=false\n4lw.commands.whitelist=ruok,srvr,wchs\n"
        )
        return [
            *("java", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", ":".join(map(str, JARS))),
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            *("org.apache.zookeeper.server.quorum.QuorumPeerMain", str(config)),
        ]

    def ready(self) -> bool:
        return b"Mode: standalone" in said(self.port, b"srvr")


class HostingGroup(Server):
    """Three nodes of ours, whose leader hosts locks."""

    needs = "nothing"
    longest = "250 ms"
    elections = ("150 ms .. 300 ms",) * 3
    """How long each waits before it stands for election."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        ports = free_ports(6)
        self.members, self.locks = ports[:3], ports[3:]
        self.port = self.locks[0]
        self.processes: list[subprocess.Popen[bytes]] = []

    @staticmethod
    def installed() -> bool:
        return True

    @property
    def hosts(self) -> str:
        return ",".join(f"127.0.0.1:{port}" for port in self.locks)

    def start(self) -> None:
        members = "\n".join(f'node{i + 1} = "127.0.0.1:{port}"' for i, port in enumerate(self.members))
        for number in range(3):
            config = self.folder / f"node{number + 1}.toml"
            config.write_text(
                f'cluster = "group"\nnode = "node{number + 1}"\nstate = "{self.folder}/{{node}}.state"\n'
                f'locks = "127.0.0.1:{self.locks[number]}"\nlongest-lease = "{self.longest}"\n'
                f'[timers]\nelection = "{self.elections[number]}"\nheartbeat = "20 ms"\n[members]\n{members}\n',
                encoding="utf-8",
            )
            with (self.folder / "log").open("ab") as log:
                command = [sys.executable, "-m", "generated.raft", str(config)]
                self.processes.append(subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL))

    def pause(self) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes.clear()


class FirstHostingGroup(HostingGroup):
    """The first node leads, also when all have been stopped for a while; the others would much later. Locks can be had
    for longer than a test lasts."""

    longest = "20 s"
    elections = ("3 s .. 3.5 s", "20 s .. 30 s", "20 s .. 30 s")


class KubernetesStandIn(Server):
    """The tests' own, written from the documented API: what it measures is the client."""

    needs = "nothing"
    name = "kubernetes"
    path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/none"
    """What there is an answer to."""

    @staticmethod
    def installed() -> bool:
        return True

    def command(self) -> list[str]:
        return [sys.executable, "-m", "tests.runtime.coordination.standin", self.name, str(self.port)]

    def ready(self) -> bool:
        return said(self.port, f"GET {self.path} HTTP/1.0\r\n\r\n".encode()) != b""


class ConsulStandIn(KubernetesStandIn):
    """Its time passes ten times as fast: Consul grants no session of less than 10 s."""

    name = "consul"
    path = "/v1/kv/none"


def said(port: int, asked: bytes, tls: ssl.SSLContext | None = None) -> bytes:
    """What a server says to this before it closes the connection; nothing where there is none yet."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as plain, contextlib.ExitStack() as stack:
            connection = plain
            if tls is not None:
                connection = stack.enter_context(tls.wrap_socket(plain, server_hostname="localhost"))
            connection.sendall(asked)
            answer = b""
            while more := connection.recv(4096):
                answer += more
            return answer
    except OSError:
        return b""


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens at now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
