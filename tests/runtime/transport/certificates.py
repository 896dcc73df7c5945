"""Certificates for tests, made with the `openssl` command."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from runtime.transport.tls import TlsFiles

_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Authority:
    """Signs certificates. Its files are in the folder, by its name."""

    folder: Path
    name: str

    @property
    def certificate(self) -> Path:
        return self.folder / f"{self.name}.pem"

    @property
    def key(self) -> Path:
        return self.folder / f"{self.name}.key"

    def sign(self, file: str, *names: str) -> TlsFiles:
        """A certificate with these DNS names."""
        request, key, certificate, extensions = (
            self.folder / f"{self.name}-{file}.{ending}" for ending in ("csr", "key", "pem", "ext")
        )
        extensions.write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in names) + "\n")
        _openssl("req", "-new", *_CURVE, "-subj", f"/CN={file}", "-keyout", key, "-out", request)
        by = ("-CA", self.certificate, "-CAkey", self.key, "-set_serial", "7", "-days", "2", "-extfile", extensions)
        _openssl("x509", "-req", "-in", request, *by, "-out", certificate)
        return TlsFiles(certificate, key, self.certificate)


def authority(folder: Path, name: str) -> Authority:
    """A new one."""
    made = Authority(folder, name)
    where = ("-keyout", made.key, "-out", made.certificate)
    _openssl("req", "-x509", *_CURVE, "-subj", f"/CN={name}", "-days", "2", *where)
    return made


def encrypted(files: TlsFiles) -> TlsFiles:
    """The same with a passphrase on its key."""
    key = files.key.with_suffix(".locked")
    _openssl("pkcs8", "-topk8", "-in", files.key, "-out", key, "-passout", "pass:secret")
    return TlsFiles(files.certificate, key, files.authority)


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)
