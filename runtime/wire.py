"""Messages as bytes: each in an envelope that says which message it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Union

import msgspec

from runtime.process import Process


@dataclass(frozen=True)
class Letter:
    """A message with its own number, unlike that of any other of its sender, and the number of the message whose
    handling it was sent in (0: of none). It is what a leader knows by whether it has been answered, and what joins the
    traces of several nodes."""

    number: int
    answers: int
    message: Any


class Unreadable(Exception):
    """Bytes that are no message of the protocol to this kind of process."""


class TooLarge(Exception):
    """A number that has no room where numbers are stored and sent, in 64 bits."""


@dataclass(frozen=True)
class Codec:
    """How the messages of a protocol are written and read by one kind of process."""

    encode: Callable[[Letter], bytes]
    """Raises TooLarge."""
    decode: Callable[[bytes], Letter]
    """Raises Unreadable."""


def codec_of(process: Process[Any, Any]) -> Codec:
    """The codec of a kind of process: it reads what that kind receives, and writes anything."""
    return _codec(tuple(process.message_types[name] for name in sorted(process.receives)))


def codec_reading(types: tuple[type[Any], ...]) -> Codec:
    """The codec of whoever receives some messages of a protocol, by their types."""
    return _codec(types)


@cache
def _codec(received: tuple[type[Any], ...]) -> Codec:
    of = Union[received] if received else msgspec.UnsetType  # noqa: UP007
    letter: type[Any] = msgspec.defstruct(
        "Letter", [("number", int), ("answers", int), ("message", of)], array_like=True, forbid_unknown_fields=True
    )
    decoder = msgspec.msgpack.Decoder(letter)
    encoder = msgspec.msgpack.Encoder()

    def encode(one: Letter) -> bytes:
        return _fitting(encoder, (one.number, one.answers, one.message))

    def decode(payload: bytes) -> Letter:
        try:
            found = decoder.decode(payload)
        except (msgspec.MsgspecError, ValueError) as problem:
            raise Unreadable(str(problem)) from None
        return Letter(found.number, found.answers, found.message)

    return Codec(encode, decode)


def _fitting(encoder: msgspec.msgpack.Encoder, value: object) -> bytes:
    """Raises TooLarge."""
    try:
        return encoder.encode(value)
    except OverflowError as problem:
        raise TooLarge(f"a number is too large to be stored or sent: {problem}") from None


@dataclass(frozen=True)
class Fields:
    """How the durable variables of a kind of process are written and read, by name."""

    encode: Callable[[Any], bytes]
    """Raises TooLarge."""
    decoders: Mapping[str, Callable[[bytes], Any]]


def fields_of(process: Process[Any, Any]) -> Fields:
    """The codec of a process's durable variables."""
    state: Any = process.state_type
    return _fields(state, process.durable)


@cache
def _fields(state: Any, durable: tuple[str, ...]) -> Fields:
    types = {field.name: field.type for field in msgspec.structs.fields(state)}
    decoders = {name: msgspec.msgpack.Decoder(types[name]).decode for name in durable}
    encoder = msgspec.msgpack.Encoder(order="deterministic")
    return Fields(lambda value: _fitting(encoder, value), decoders)
