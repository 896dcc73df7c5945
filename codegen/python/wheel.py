"""An emitted package as a wheel: a zip archive with metadata, of which the same input makes the same bytes."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from codegen.python.quoting import source_name
from spec.protocol import Protocol

REQUIRES = "msgspec>=0.19"
EXTRAS = {
    "metrics": "prometheus-client>=0.20",
    "uvloop": "uvloop>=0.19",
    **dict.fromkeys(("etcd", "kubernetes", "consul"), "httpx>=0.27"),
    "zookeeper": "kazoo>=2.10,<3",
}
"""What a node uses where it is installed, and runs without."""
PYTHON = ">=3.11"
LONGEST_SUMMARY = 200
NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*([._-][A-Za-z0-9]+)*")
VERSION = re.compile(
    r"([1-9][0-9]*!)?(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*((a|b|rc)(0|[1-9][0-9]*))?"
    r"(\.post(0|[1-9][0-9]*))?(\.dev(0|[1-9][0-9]*))?(\+[a-z0-9]+(\.[a-z0-9]+)*)?"
)
"""Of PEP 440, in its canonical form."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip archive can name, for every file: when a wheel was made changes nothing in it."""


@dataclass(frozen=True)
class Wheel:
    """What a wheel is called: `raft-election`, and its version."""

    name: str
    version: str

    @property
    def package(self) -> str:
        """The package in it."""
        return re.sub(r"[-_.]+", "_", self.name).lower()

    @property
    def file(self) -> str:
        return f"{self.package}-{self.version}-py3-none-any.whl"

    @property
    def folder(self) -> str:
        """Of its metadata."""
        return f"{self.package}-{self.version}.dist-info"


def wheel_name(protocol: Protocol) -> str:
    """What a protocol's wheel is called, unless something else is said."""
    return f"{protocol.name.replace('_', '-').strip('-')}-election"


def wheel_version(protocol: Protocol, base: str) -> str:
    """A version that names the spec: wheels of two specs are never taken for one another."""
    return f"{base}+spec.{protocol.source.sha256[:12]}"


def wheel_of(wheel: Wheel, protocol: Protocol, modules: Mapping[str, str]) -> bytes:
    """The archive. `modules` are the package's, by their path within it."""
    files = {f"{wheel.package}/{path}": text for path, text in sorted(modules.items())}
    files |= {
        f"{wheel.package}/py.typed": "",
        f"{wheel.package}/{protocol.name}.elect": protocol.source.text,
        f"{wheel.folder}/METADATA": _metadata(wheel, protocol),
        f"{wheel.folder}/WHEEL": "Wheel-Version: 1.0\nGenerator: oneleader\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{wheel.folder}/entry_points.txt": f"[console_scripts]\n{wheel.name} = {wheel.package}.__main__:run\n",
        f"{wheel.folder}/top_level.txt": f"{wheel.package}\n",
    }
    record = f"{wheel.folder}/RECORD"
    files[record] = _record(files, record)
    return _archive(files)


def _metadata(wheel: Wheel, protocol: Protocol) -> str:
    return "".join(f"{line}\n" for line in _metadata_lines(wheel, protocol))


def _metadata_lines(wheel: Wheel, protocol: Protocol) -> Iterator[str]:
    said = " ".join(protocol.description.split()) or "A leader election."
    spec, sha256 = source_name(protocol), protocol.source.sha256
    yield "Metadata-Version: 2.1"
    yield f"Name: {wheel.name}"
    yield f"Version: {wheel.version}"
    yield f"Summary: {said[:LONGEST_SUMMARY]}"
    yield f"Keywords: leader election,{protocol.name},spec-sha256-{sha256}"
    yield f"Requires-Python: {PYTHON}"
    yield f"Requires-Dist: {REQUIRES}"
    for extra, wanted in EXTRAS.items():
        yield f"Provides-Extra: {extra}"
        yield f'Requires-Dist: {wanted}; extra == "{extra}"'
    yield "Description-Content-Type: text/markdown"
    yield ""
    yield f"# {wheel.name}"
    yield ""
    yield said
    yield ""
    yield f"A node of the protocol `{protocol.name}`, emitted by Oneleader from `{spec}`:"
    yield ""
    yield f"    spec-sha256: {sha256}"
    yield ""
    yield f"The spec itself is in the package, as `{wheel.package}/{protocol.name}.elect`. Nodes talk to each other"
    yield "only if they were made from the same spec."
    yield ""
    yield f"    {wheel.name} node.toml"
    yield ""
    yield "runs a node. The runtime in this package is a part of Oneleader, under the Apache License 2.0"
    yield "(https://www.apache.org/licenses/LICENSE-2.0)."


def _record(files: Mapping[str, str], own: str) -> str:
    """Each file with its hash and size; itself without."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    for path, content in files.items():
        body = content.encode()
        digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).decode().rstrip("=")
        rows.writerow((path, f"sha256={digest}", len(body)))
    rows.writerow((own, "", ""))
    return text.getvalue()


def _archive(files: Mapping[str, str]) -> bytes:
    """Stored, not deflated: what deflate makes of a text depends on the version of zlib."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        for path, text in files.items():
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.create_system = 3  # Unix, whatever this machine is: for the rights below
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, text.encode())
    return whole.getvalue()
