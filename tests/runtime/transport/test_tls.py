"""With TLS, a node is whom its certificate names, and files are read anew without a restart."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest

from runtime.process import Name
from runtime.transport.addresses import Address
from runtime.transport.limits import Limits
from runtime.transport.tcp import TcpTransport
from runtime.transport.tls import BadTlsFiles, TlsFiles, certified, contexts
from tests.runtime.transport.certificates import authority, encrypted
from tests.runtime.transport.nodes import ONE, TWO, eventually, joined, made, member, reserved, started

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl command")


@dataclass(frozen=True)
class Files:
    """Certificates of the cluster's authority, and one of another's that has the same name."""

    one: TlsFiles
    two: TlsFiles
    wild: TlsFiles
    strange: TlsFiles
    locked: TlsFiles


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    ours = authority(tmp_path_factory.mktemp("ours"), "authority")
    theirs = authority(tmp_path_factory.mktemp("theirs"), "authority")
    one = ours.sign("one", "elsewhere", "NODE1.orders")
    strange = replace(theirs.sign("two", "node2.orders"), authority=ours.certificate)
    return Files(one, ours.sign("two", "node2.orders"), ours.sign("wild", "*.orders"), strange, encrypted(one))


def run(scene: Callable[[dict[Name, Address]], Awaitable[None]]) -> None:
    async def play() -> None:
        with reserved(ONE, TWO) as addresses:
            await scene(addresses)

    asyncio.run(play())


@needs_openssl
def test_nodes_with_their_certificates_talk(files: Files) -> None:
    async def scene(addresses: dict[Name, Address]) -> None:
        async with started(member(ONE, addresses), files.one) as one:
            for round_ in (1, 2):
                async with started(member(TWO, addresses), files.two) as two:
                    await joined(one, two)
                    payloads = [bytes((number,)) * 60_000 for number in range(20)]
                    for payload in payloads:
                        one.transport.send(TWO, payload)
                    two.transport.send(ONE, b"small")
                    await eventually(lambda two=two: len(two.got) == 20)  # type: ignore[misc]
                    await eventually(lambda round_=round_: len(one.got) == round_)  # type: ignore[misc]
                    assert two.got == [(ONE, payload) for payload in payloads]
                await eventually(lambda round_=round_: one.broken == [TWO] * round_)  # type: ignore[misc]

    run(scene)


@needs_openssl
def test_a_certificate_with_another_name_is_refused(files: Files) -> None:
    async def scene(addresses: dict[Name, Address]) -> None:
        for wrong in (files.one, files.wild):
            async with started(member(ONE, addresses), files.one) as one, started(member(TWO, addresses), wrong) as two:
                one.transport.send(TWO, b"secret")
                await eventually(lambda: one.transport.stats.refused["certificate"] > 1)
                await eventually(lambda: two.transport.stats.refused_by_peer["certificate"] > 1)
                assert not one.transport.connected(TWO)
                assert two.got == []

    run(scene)


@needs_openssl
def test_a_refusal_is_no_error_of_the_event_loop(files: Files) -> None:
    async def scene(addresses: dict[Name, Address]) -> None:
        errors: list[dict[str, object]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, error: errors.append(error))
        async with started(member(ONE, addresses), files.one) as one, started(member(TWO, addresses), files.one) as two:
            await eventually(lambda: one.transport.stats.refused["certificate"] > 3)
            await eventually(lambda: two.transport.stats.refused_by_peer["certificate"] > 3)
        assert errors == []

    run(scene)


@needs_openssl
def test_other_names_can_be_configured(files: Files) -> None:
    async def scene(addresses: dict[Name, Address]) -> None:
        async with started(member(TWO, addresses), files.two) as two:
            got: list[bytes] = []
            one = TcpTransport(
                member(ONE, addresses),
                lambda _, payload: got.append(payload),
                lambda _: None,
                Random(1),
                tls=files.one,
                certificate_names={TWO: "node2.payments"},
            )
            await one.start()
            await eventually(lambda: one.stats.refused["certificate"] > 0)
            await eventually(lambda: two.transport.stats.refused_by_peer["certificate"] > 0)
            assert not two.transport.connected(ONE)
            await one.close()

    run(scene)


@needs_openssl
@pytest.mark.parametrize("how", ["another authority", "no certificate", "no TLS", "an older TLS"])
def test_who_has_no_certificate_of_the_authority_is_refused(files: Files, how: str) -> None:
    async def scene(addresses: dict[Name, Address]) -> None:
        async with started(member(ONE, addresses), files.one) as one:
            if how in {"another authority", "no TLS"}:
                async with started(member(TWO, addresses), None if how == "no TLS" else files.strange) as two:
                    one.transport.send(TWO, b"secret")
                    await eventually(lambda: one.transport.stats.refused["tls"] > 1)
                    assert not two.transport.connected(ONE)
                    assert two.got == []
                return
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(files.one.authority)
            context.check_hostname = False
            if how == "an older TLS":
                context.load_cert_chain(files.two.certificate, files.two.key)
                context.maximum_version = ssl.TLSVersion.TLSv1_2
            try:
                reader, writer = await asyncio.open_connection(*addresses[ONE], ssl=context)
                assert await reader.read() == b""
                writer.transport.abort()
            except (ssl.SSLError, ConnectionError):
                pass
            await eventually(lambda: one.transport.stats.refused["tls"] > 0)

    run(scene)


@needs_openssl
def test_strangers_who_do_not_begin_tls_are_cut_off(files: Files) -> None:
    async def scene(addresses: dict[Name, Address]) -> None:
        few = Limits(unauthenticated=3, handshake_seconds=1.5)
        async with started(member(ONE, addresses), files.one, few) as one:
            strangers = [await asyncio.open_connection(*addresses[ONE]) for _ in range(8)]
            await eventually(lambda: one.transport.stats.refused["crowded"] == 5)
            await eventually(lambda: one.transport.stats.refused["timeout"] == 3)
            for reader, writer in strangers:
                assert await reader.read() == b""
                writer.transport.abort()
            async with started(member(TWO, addresses), files.two) as two:
                await joined(one, two)

    run(scene)


@needs_openssl
def test_files_are_read_anew_for_new_connections_and_bad_ones_change_nothing(files: Files, tmp_path: Path) -> None:
    live = TlsFiles(tmp_path / "certificate", tmp_path / "key", tmp_path / "authority")

    def install(them: TlsFiles) -> None:
        for source, target in ((them.certificate, live.certificate), (them.key, live.key)):
            shutil.copy(source, target)
        shutil.copy(them.authority, live.authority)

    async def scene(addresses: dict[Name, Address]) -> None:
        install(files.two)
        async with started(member(TWO, addresses), live) as two:
            async with started(member(ONE, addresses), files.one) as one:
                await joined(one, two)
                live.key.write_text("broken off in the midd")
                with pytest.raises(BadTlsFiles, match="are no certificate and its key"):
                    two.transport.reload()
                install(files.wild)
                live.authority.unlink()
                with pytest.raises(BadTlsFiles, match="authority cannot be read: No such file"):
                    two.transport.reload()
                one.transport.send(TWO, b"as before")
                await eventually(lambda: two.got == [(ONE, b"as before")])
            async with started(member(ONE, addresses), files.one) as one:  # also for new connections
                await joined(one, two)
                install(files.strange)
                two.transport.reload()
                one.transport.send(TWO, b"still")
                await eventually(lambda: len(two.got) == 2)
                assert one.broken == []
            async with started(member(ONE, addresses), files.one) as one:
                await eventually(lambda: one.transport.stats.refused["tls"] > 1)
                install(files.two)
                two.transport.reload()
                await joined(one, two)

    run(scene)


@needs_openssl
def test_files_that_cannot_be_are_named(files: Files, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    for wrong, words in (
        (replace(files.one, key=files.two.key), "are no certificate and its key"),
        (replace(files.one, certificate=empty), "empty and .* are no certificate"),
        (replace(files.one, authority=empty), "empty has no certificates of an authority"),
        (replace(files.one, key=tmp_path), "cannot be read: Is a directory"),
        (files.locked, "without a passphrase"),
    ):
        with pytest.raises(BadTlsFiles, match=words):
            contexts(wrong)


@needs_openssl
def test_with_tls_a_node_may_listen_to_all(files: Files) -> None:
    async def scene(addresses: dict[Name, Address]) -> None:
        node = made(replace(member(ONE, addresses), listen=Address("0.0.0.0", 0)), files.one)
        await node.transport.start()
        assert node.transport.address.port > 0
        await node.transport.close()

    run(scene)


@pytest.mark.parametrize(
    ("certificate", "names"),
    [
        (None, set()),
        ({}, set()),
        ({"subject": ((("commonName", "node1.orders"),),)}, set()),
        ({"subjectAltName": (("DNS", "Node1.Orders"), ("DNS", "x"))}, {ONE}),
        ({"subjectAltName": (("DNS", "*.orders"), ("IP Address", "node1.orders"))}, set()),
        ({"subjectAltName": (("DNS", "node1.orders"), ("DNS", "node2.orders"))}, {ONE, TWO}),
    ],
)
def test_names_are_taken_from_whole_dns_entries(certificate: Mapping[str, object] | None, names: set[Name]) -> None:
    assert certified(certificate, {ONE: "node1.orders", TWO: "node2.orders"}) == names


@needs_openssl
def test_a_node_says_that_others_will_refuse_its_certificate(files: Files, caplog: pytest.LogCaptureFixture) -> None:
    async def scene(addresses: dict[Name, Address]) -> None:
        for them, words in (
            (files.two, None),
            (files.one, "it does not carry the name node2.orders"),
            (files.strange, "certificate verify failed"),
        ):
            caplog.clear()
            async with started(member(TWO, addresses), them) as two:
                two.transport.reload()
            said = [one.getMessage() for one in caplog.records if "own_certificate_unfit" in one.getMessage()]
            assert len(said) == (0 if words is None else 2)
            assert all(words is not None and words in each for each in said)

    run(scene)
