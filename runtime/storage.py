"""The durable state of one node, in one SQLite file: what was stored is there after a power cut, and is either read
back as it was or not at all.

A file belongs to one process of one cluster that runs one spec. Whatever else is found is told as an error and left as
it is: a node that forgot its vote, or took another's for its own, could elect a second leader.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import sqlite3
import stat
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Protocol, Self

from runtime.process import Name

FORMAT: Final = 1
"""The version of the file's layout."""
APPLICATION: Final = 0x4F4E4C44
"""How SQLite's header says that a file is one of ours."""
SMALLEST: Final = 512
"""So many bytes has the smallest database of SQLite."""
TABLE: Final = (
    "CREATE TABLE kept (part TEXT NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL, checksum BLOB NOT NULL, "
    "PRIMARY KEY (part, name)) WITHOUT ROWID"
)
# One table for all parts, so that a store of a small state changes one page.
IDENTITY, FIELD, WHOLE = "identity", "field", "whole"

# How a store gets to the disk. SQLite copies the page to its journal and syncs that, twice, writes the page in its
# place and syncs it, and only then makes the journal void, and syncs that: four fdatasync calls. With PERSIST and an
# exclusive lock none of them changes the length of a file or a folder, so that none waits for the file system's own
# journal, as those of DELETE and TRUNCATE do (about ten times as long on ext4). WAL needs one fdatasync. It takes
# half as long where a sync is cheap, and a quarter where the disk is what takes the time. It is not used because
# there the newest state is the end of a log: when that end is damaged, or the log was not copied along with its file,
# SQLite silently goes back to an older state. Here the newest state has taken the place of the older one, so that
# whatever is damaged or missing fails a checksum. Nodes store when terms change and not at every message, so this
# costs an election a few syncs.
# EXTRA is FULL, and syncs the folder where a journal is deleted; `fullfsync` makes macOS empty the disk's cache.
SETTINGS: Final = (
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA fullfsync = ON",
    "PRAGMA synchronous = EXTRA",
)
FORGETTING: Final = (
    "Do not delete the file to get past this: a node that forgets what it stored can help to elect a second leader"
)


class StorageFailed(Exception):
    """The disk did not do what it was asked to. What is on it is not known until the storage is opened anew."""


class StorageInUse(StorageFailed):
    """Another process, or another storage of this one, has the file open."""


class ForeignState(Exception):
    """The file is not the sound state of this process. It was left as it is."""


@dataclass(frozen=True)
class Identity:
    """Whose state it is: the process, the cluster that it belongs to, of what size that is, and the spec that it runs.

    A quorum of few and a quorum of many need not meet: where members were added one by one, each of two might elect a
    leader, with one token."""

    protocol: str
    spec_sha256: str
    cluster: str
    sizes: Mapping[str, int]
    """How many processes there are of each kind."""
    process: Name


class DurableStore(Protocol):
    """Where a node keeps its durable fields. The values are the caller's encoding. All calls block."""

    def load(self) -> dict[str, bytes]:
        """The fields by name; empty where nothing was ever stored. Raises ForeignState, StorageFailed."""

    def store(self, changed: Mapping[str, bytes]) -> None:
        """Replaces the given fields, all or none. They survive a power cut once it has returned. Raises
        StorageFailed, and does so ever after: until the storage is opened anew, it is not known which of the two is
        on disk."""

    def close(self) -> None:
        """Gives the file free. Nothing can be loaded or stored any more. May be called again."""


class MemoryStorage:
    """A store for simulations: it outlives the node, and not the program."""

    def __init__(self, fields: Mapping[str, bytes] | None = None) -> None:
        self._fields = dict(fields or {})

    def load(self) -> dict[str, bytes]:
        return dict(self._fields)

    def store(self, changed: Mapping[str, bytes]) -> None:
        self._fields.update(changed)

    def close(self) -> None:
        """Nothing: a node that is started again finds what it had stored."""


# Rows and their checksums --------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """A row of the table. `checksum` covers the others."""

    part: str
    name: str
    value: bytes
    checksum: bytes


class Damaged(Exception):
    """Rows that cannot all be what was stored; the message says which."""


def row(part: str, name: str, value: bytes) -> Row:
    """The row with its checksum."""
    digest = hashlib.sha256()
    for piece in (part.encode(), name.encode(), value):
        digest.update(len(piece).to_bytes(8, "big"))
        digest.update(piece)
    return Row(part, name, value, digest.digest())


def whole(rows: Iterable[Row]) -> Row:
    """The row that vouches for all others together: one that is missing, or of an earlier store, does not fit it."""
    digest = hashlib.sha256()
    for one in sorted(rows):
        digest.update(one.checksum)
    return row(WHOLE, "sha256", digest.digest())


def described(identity: Identity) -> dict[str, str]:
    """An identity as it is stored, and as messages tell it. Processes are counted from 1."""
    return {
        "protocol": identity.protocol,
        "spec_sha256": identity.spec_sha256,
        "cluster": identity.cluster,
        "size": ", ".join(f"{size} {kind}" for kind, size in sorted(identity.sizes.items())),
        "process": f"{identity.process.kind} {identity.process.number + 1}",
    }


def identity_rows(identity: Identity) -> list[Row]:
    return [row(IDENTITY, name, text.encode()) for name, text in described(identity).items()]


def field_rows(fields: Mapping[str, bytes]) -> list[Row]:
    return [row(FIELD, name, value) for name, value in fields.items()]


def verified(found: Sequence[Sequence[object]]) -> tuple[dict[str, str], dict[str, bytes]]:
    """The identity, as `described`, and the fields. Raises Damaged."""
    rows: list[Row] = []
    for part, name, value, checksum in found:
        if not (isinstance(part, str) and isinstance(name, str) and isinstance(value, bytes)):
            raise Damaged(f"its row {name!r} has values of other types than were stored")
        rows.append(row(part, name, value))
        if rows[-1].checksum != checksum:
            raise Damaged(f"its row `{name}` ({part}) does not fit its checksum")
    vouching = [one for one in rows if one.part == WHOLE]
    others = [one for one in rows if one.part != WHOLE]
    if vouching != [whole(others)]:
        raise Damaged("its rows are sound one by one, but a row is missing, or is older than the others")
    identity = {one.name: one.value.decode() for one in others if one.part == IDENTITY}
    return identity, {one.name: one.value for one in others if one.part == FIELD}


# The file ------------------------------------------------------------------------------------------------------------


class Storage:
    """The state of a process in a file, which no other can open meanwhile. Threads may share it."""

    def __init__(self, path: Path, connection: sqlite3.Connection, identity: Identity, fields: Mapping[str, bytes]):
        self._path = path
        self._connection = connection
        self._identity = identity
        self._fields = dict(fields)
        self._lock = threading.Lock()
        self._unusable: str | None = None

    @classmethod
    def open(cls, path: str | Path, identity: Identity, *, create: bool = True) -> Storage:
        """The state in a file. The file is made where there is none, unless `create` is false; its folder has to exist.

        What it holds is on disk when this returns, however the process before it ended. Raises ForeignState,
        StorageInUse, StorageFailed."""
        try:
            path = Path(path).resolve()
            if not path.parent.is_dir():
                raise StorageFailed(
                    f"There is no folder {path.parent}, in which the state of the node is to be kept. Make it, or name "
                    f"another; if it was there before, its disk may not be mounted."
                )
            if not _is_there(path):
                _expect_new(path, create)
                _create(path, identity)
            connection = _connected(path)
        except OSError as error:
            raise StorageFailed(_failure(Path(path), error)) from error
        try:
            _take(path, connection)
            fields = _fields(path, connection, identity)
            _settle(path, connection)
        except BaseException:
            connection.close()
            raise
        return cls(path, connection, identity, fields)

    def load(self) -> dict[str, bytes]:
        """The fields by name; empty for a new file. Raises ForeignState where they have been damaged since they were
        opened, StorageFailed."""
        with self._lock:
            self._expect_usable()
            return _fields(self._path, self._connection, self._identity)

    def store(self, changed: Mapping[str, bytes]) -> None:
        """As of DurableStore."""
        with self._lock:
            self._expect_usable()
            if not changed:
                return
            fields = {**self._fields, **changed}
            vouching = whole([*identity_rows(self._identity), *field_rows(fields)])
            try:
                _write(self._connection, [*field_rows(changed), vouching])
            except sqlite3.Error as error:
                self._unusable = _failure(self._path, error)
                raise StorageFailed(self._unusable) from error
            except BaseException:
                self._unusable = f"A store into {self._path} was interrupted, so it is not known what is on disk."
                raise
            self._fields = fields

    def close(self) -> None:
        """As of DurableStore."""
        with self._lock:
            self._unusable = self._unusable or f"The storage {self._path} was closed."
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _expect_usable(self) -> None:
        if self._unusable is not None:
            raise StorageFailed(f"{self._unusable} Nothing is loaded or stored until it is opened anew.")


def _is_there(path: Path) -> bool:
    """Raises ForeignState where what is there cannot be a state."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(found.st_mode):
        raise ForeignState(f"{path} is no file. Name the file that holds the state of this process, or will hold it.")
    if found.st_size < SMALLEST:
        # SQLite would take an empty file for a new database, and some of those with a byte in it. Ours are never seen
        # before they are complete.
        what = "is empty" if found.st_size == 0 else f"is no state of a node: it has {found.st_size} bytes"
        raise ForeignState(
            f"{path} {what}. Expected the state of this process: a file that was made here has at least {SMALLEST} "
            f"bytes, so it was cut off, or made by something else. If it is this node's state, restore it from its "
            f"disk. {FORGETTING}; if it never was one, remove it."
        )
    return True


def _expect_new(path: Path, create: bool) -> None:
    """Raises ForeignState, StorageFailed where the file should have been there."""
    if not create:
        raise StorageFailed(f"There is no file {path}, and none may be made. Check the path and its disk.")
    journal = _journal(path)
    if journal.exists():
        # It would be played back into the new file. Its own file was lost, or deleted by half.
        raise ForeignState(
            f"There is no file {path}, but there is its journal, {journal.name}. Expected both or neither: the state "
            f"of a node was here and has gone. Put it back. If it was removed on purpose, remove the journal too, but "
            f"consider that a node that forgets what it stored can help to elect a second leader."
        )


def _journal(path: Path) -> Path:
    return path.with_name(f"{path.name}-journal")


def _create(path: Path, identity: Identity) -> None:
    """Makes the file, complete at once: a crash leaves none, or one that was never used. Only its owner may read it.
    Raises OSError, StorageFailed."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
    try:
        _fill(Path(name), identity)
        os.fsync(handle)
        # Unlike a rename, a link does not replace the file of a process that was faster.
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        os.close(handle)
        os.unlink(name)  # noqa: PTH108 - the name of the handle, and nothing of a path


def _fill(path: Path, identity: Identity) -> None:
    rows = identity_rows(identity)
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = MEMORY")
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(f"PRAGMA user_version = {FORMAT}")
            connection.execute(TABLE)
            _write(connection, [*rows, whole(rows)])
    except sqlite3.Error as error:
        raise StorageFailed(_failure(path, error)) from error


def _write(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Raises sqlite3.Error."""
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)", rows)
    connection.execute("COMMIT")


def _connected(path: Path) -> sqlite3.Connection:
    """Raises StorageFailed."""
    # The file is never opened but by SQLite: its lock ends when any handle that the process has on the file is closed.
    try:
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode=rw", uri=True, timeout=0, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise StorageFailed(_failure(path, error)) from error
    connection.text_factory = _text
    return connection


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")


def _take(path: Path, connection: sqlite3.Connection) -> None:
    """Locks the file until the connection is closed. What a crash left half done is rolled back by SQLite."""
    with _reading(path):
        for setting in SETTINGS:
            connection.execute(setting)
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")


def _settle(path: Path, connection: sqlite3.Connection) -> None:
    """Writes and syncs all that was read. A process that was killed in a store may have left the new state in the
    system's memory alone, and the node would act on what a power cut could still undo."""
    try:
        (mode,) = connection.execute("PRAGMA journal_mode = PERSIST").fetchone()
        connection.execute("VACUUM")
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except (sqlite3.Error, OSError) as error:
        raise StorageFailed(_failure(path, error)) from error
    if mode != "persist":
        raise StorageFailed(f"SQLite keeps the journal of {path} in mode `{mode}`, and was asked for `persist`.")


def _fields(path: Path, connection: sqlite3.Connection, identity: Identity) -> dict[str, bytes]:
    """Raises ForeignState, StorageFailed."""
    with _reading(path):
        _expect_ours(path, connection)
        found = connection.execute("SELECT part, name, value, checksum FROM kept").fetchall()
    try:
        whose, fields = verified(found)
    except Damaged as damage:
        raise ForeignState(_corrupt(path, str(damage))) from damage
    _expect_same(path, described(identity), whose)
    return fields


def _expect_ours(path: Path, connection: sqlite3.Connection) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION:
        raise ForeignState(
            f"{path} is a SQLite database of another application. Expected the state of a node, whose application id "
            f"is {APPLICATION:#x}; found {application:#x}. Give this process a path of its own."
        )
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != FORMAT:
        raise ForeignState(
            f"{path} has format version {version}. Expected version {FORMAT}, the only one that this runtime reads. "
            f"Start the node with the package that wrote the file, or with a newer one. {FORGETTING}."
        )
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    tables = connection.execute("SELECT sql FROM sqlite_schema").fetchall()
    if mode == "wal" or tables != [(TABLE,)]:
        raise ForeignState(_corrupt(path, "its header or its tables are not what was made"))
    problems = [problem for (problem,) in connection.execute("PRAGMA integrity_check").fetchall()]
    if problems != ["ok"]:
        raise ForeignState(_corrupt(path, f"SQLite says: {'; '.join(problems)}"))


def _expect_same(path: Path, expected: Mapping[str, str], found: Mapping[str, str]) -> None:
    if found == expected:
        return
    names = [name for name in expected if found.get(name) != expected[name]]
    differences = "; ".join(f"expected {name} `{expected[name]}`, found `{found.get(name, '')}`" for name in names)
    if "cluster" in names or "process" in names:
        advice = "Give each process the path of its own file"
    elif names == ["size"]:
        advice = (
            "Give all nodes the members that they had. To have others, stop all nodes, and let all of them start as a "
            "new cluster, with a new name and new files"
        )
    else:
        advice = (
            "Start the package that was emitted from the spec with which the file was written. To run another spec, "
            "stop all nodes of the cluster, and let all of them start with new files"
        )
    raise ForeignState(f"{path} holds the state of another {names[0]}: {differences}. {advice}. {FORGETTING}.")


# Errors --------------------------------------------------------------------------------------------------------------

CAUSES: Final = {
    sqlite3.SQLITE_FULL: "the disk is full. Make room",
    sqlite3.SQLITE_READONLY: "it may not be written. Check the rights on the file and its folder, and how its disk "
    "is mounted",
    sqlite3.SQLITE_CANTOPEN: "the file or its journal cannot be opened. Check the rights on its folder, and how its "
    "disk is mounted",
    sqlite3.SQLITE_IOERR: "the disk reported an error, or has no room left. Check the disk and the kernel's log",
}
# What the system says before SQLite is asked.
SYSTEM_CAUSES: Final = {
    errno.ENOSPC: sqlite3.SQLITE_FULL,
    errno.EDQUOT: sqlite3.SQLITE_FULL,
    errno.EROFS: sqlite3.SQLITE_READONLY,
    errno.EACCES: sqlite3.SQLITE_READONLY,
    errno.EPERM: sqlite3.SQLITE_READONLY,
    errno.EIO: sqlite3.SQLITE_IOERR,
}


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Tells what SQLite says of a file that is being read. Raises ForeignState, StorageInUse, StorageFailed."""
    try:
        yield
    except UnicodeDecodeError as error:  # not even the names in SQLite's own complaint are text
        raise ForeignState(_corrupt(path, "its header or its tables are not what was made")) from error
    except sqlite3.Error as error:
        code = _code(error)
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise StorageInUse(
                f"{path} is in use. Expected to be the only one that has it open, and found it locked by another "
                f"process, or by this one. Stop the other node, or give each a path of its own."
            ) from error
        if code == sqlite3.SQLITE_NOTADB:
            raise ForeignState(
                f"{path} is no state of a node: it is no SQLite database (SQLite says: {error}). Either the path is "
                f"wrong, and this process needs one of its own, or the file was damaged, and has to be restored from "
                f"its disk. {FORGETTING}."
            ) from error
        if code in CAUSES:
            raise StorageFailed(_failure(path, error)) from error
        raise ForeignState(_corrupt(path, f"SQLite says: {error}")) from error


def _code(error: Exception) -> int | None:
    """SQLite's primary result code."""
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None


def _failure(path: Path, error: Exception) -> str:
    code = SYSTEM_CAUSES.get(error.errno or 0) if isinstance(error, OSError) else _code(error)
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    cause = CAUSES.get(code or 0, "the system or SQLite refused it. Mend what it complains of")
    return (
        f"The state of the node in {path} cannot be written: {cause}, and start the node again; until then it does not "
        f"take part. ({name}: {error})"
    )


def _corrupt(path: Path, how: str) -> str:
    return (
        f"{path} is damaged: {how}. Expected exactly what was last stored. Nothing was changed. Keep the file, and "
        f"check its disk. {FORGETTING}; let the node join again as a new one, if its protocol allows for that."
    )
