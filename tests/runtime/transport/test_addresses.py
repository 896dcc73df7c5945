"""Addresses are read as they are written, and what is none is explained."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.transport.addresses import Address, BadAddress, is_loopback, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("node1.example:7000", Address("node1.example", 7000)),
        ("10.0.0.1:65535", Address("10.0.0.1", 65535)),
        ("localhost:0", Address("localhost", 0)),
        ("lock_service-1:80", Address("lock_service-1", 80)),
        ("[::1]:7000", Address("::1", 7000)),
        ("[fe80::1%eth0]:7000", Address("fe80::1%eth0", 7000)),
    ],
)
def test_an_address_is_read_and_written_the_same(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "there is no port"),
        ("node1", "there is no port"),
        (":7000", "there is no host"),
        ("node1:", "'' is no port"),
        ("node1:http", "'http' is no port"),
        ("node1:65536", "'65536' is no port"),
        ("node1:-1", "'-1' is no port"),
        ("node1:٣", "is no port"),
        ("::1:7000", "an IPv6 address stands in brackets"),
        ("[::1:7000", "the bracket is not closed"),
        ("[::1]", "a colon and a port have to follow the bracket"),
        ("[node1]:7000", "'node1' is no IPv6 address"),
        ("10.0.0:7000", "'10.0.0' is no IPv4 address"),
        ("10.0.0.256:7000", "'10.0.0.256' is no IPv4 address"),
        ("node 1:7000", "'node 1' is no host name"),
        ("http://node1:7000", "an IPv6 address stands in brackets"),
    ],
)
def test_what_is_no_address_is_explained(text: str, why: str) -> None:
    with pytest.raises(BadAddress) as told:
        parse_address(text)
    assert why in str(told.value)
    assert "[::1]:7000" in str(told.value)


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_none(text: str) -> None:
    try:
        address = parse_address(text)
    except BadAddress:
        return
    assert parse_address(str(address)) == address


def test_loopback() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "127.9.9.9", "::1")] == [True] * 3
    assert [is_loopback(host) for host in ("0.0.0.0", "::", "10.0.0.1", "fe80::1%eth0")] == [False] * 4
