"""What was stored is read back whole or not at all: damaged files, kills, power cuts, full and read-only disks.

Power cuts are not pulled plugs. A program's writes and syncs are recorded, and after each of them every set of writes
that was not synced is taken away (of many writes, random sets; torn writes, at random sectors)."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from runtime.process import Name
from runtime.storage import (
    DurableStore,
    ForeignState,
    Identity,
    MemoryStorage,
    Storage,
    StorageFailed,
    StorageInUse,
    row,
    verified,
)
from tests.runtime.disk import Disk, Event, Files, Said, Sync, child, contents, put, traced, without_strace

IDENTITY = Identity("raft", "ab" * 32, "blue", {"node": 3}, Name("node", 0))
STATE, JOURNAL = "state", "state-journal"
Fields = dict[str, bytes]

needs_strace = pytest.mark.skipif(without_strace() is not None, reason=without_strace() or "")

PROGRAM = """
import os
from runtime.process import Name
from runtime.storage import ForeignState, Identity, Storage, StorageFailed, StorageInUse
path, identity = sys.argv[1], Identity("raft", "ab" * 32, "blue", {"node": 3}, Name("node", 0))
def say(text):
    os.write(1, (text + "\\n").encode())
"""


def numbered(number: int, length: int = 1) -> Fields:
    """A state in which every field tells its number."""
    return dict.fromkeys(("term", "voted_for"), b"%d" % number * length)


def fields_of(folder: Path) -> Fields:
    with Storage.open(folder / STATE, IDENTITY, create=False) as storage:
        return storage.load()


@pytest.fixture(scope="module")
def memory_folder() -> Iterator[Path]:
    """A folder where syncs cost nothing, if there is one."""
    shared = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=shared if os.access(shared, os.W_OK) else None))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A folder with a state that replaced an older one."""
    folder = tmp_path / "stored"
    folder.mkdir()
    with Storage.open(folder / STATE, IDENTITY) as storage:
        storage.store(numbered(1))
        storage.store(numbered(2))
    return folder


# What it is for ------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DurableStore]:
    opened: DurableStore = Storage.open(tmp_path / STATE, IDENTITY) if request.param == "file" else MemoryStorage()
    yield opened
    opened.close()


def test_a_new_store_is_empty(store: DurableStore) -> None:
    assert store.load() == {}


def test_only_the_given_fields_change(store: DurableStore) -> None:
    store.store({"term": b"1", "voted_for": b""})
    store.store({"term": b"2"})
    store.store({})
    assert store.load() == {"term": b"2", "voted_for": b""}


def test_closing_twice_is_allowed(store: DurableStore) -> None:
    store.close()
    store.close()


def test_a_state_is_there_after_reopening_whatever_its_names_and_sizes(tmp_path: Path) -> None:
    state = {"": b"", "ü `'\"\0": bytes(range(256)), "large": b"x" * 100_000}
    with Storage.open(tmp_path / STATE, IDENTITY) as storage:
        storage.store(state)
    with Storage.open(str(tmp_path / STATE), IDENTITY) as storage:
        assert storage.load() == state


def test_a_path_with_signs_that_mean_something_in_a_uri(tmp_path: Path) -> None:
    folder = tmp_path / "a?b#c%20d"
    folder.mkdir()
    with Storage.open(folder / STATE, IDENTITY) as storage:
        storage.store(numbered(1))
    assert fields_of(folder) == numbered(1)
    assert sorted(contents(folder)) == [STATE, JOURNAL]


def test_threads_may_share_a_storage(tmp_path: Path) -> None:
    with Storage.open(tmp_path / STATE, IDENTITY) as storage:

        def work(name: str) -> None:
            for number in range(10):
                storage.store({name: b"%d" % number})

        threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert storage.load() == dict.fromkeys("abc", b"9")


def test_nothing_is_loaded_or_stored_after_closing(tmp_path: Path) -> None:
    storage = Storage.open(tmp_path / STATE, IDENTITY)
    storage.close()
    with pytest.raises(StorageFailed, match="was closed"):
        storage.store(numbered(1))
    with pytest.raises(StorageFailed, match="was closed"):
        storage.load()


# Whose it is ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (replace(IDENTITY, protocol="ring"), "another protocol: expected protocol `ring`, found `raft`"),
        (replace(IDENTITY, spec_sha256="cd" * 32), "another spec_sha256: expected spec_sha256 `cdcd.*found `abab"),
        (replace(IDENTITY, cluster="green"), "another cluster: expected cluster `green`, found `blue`"),
        (replace(IDENTITY, sizes={"node": 5}), "another size: expected size `5 node`, found `3 node`. Give all nodes"),
        (replace(IDENTITY, process=Name("node", 1)), "another process: expected process `node 2`, found `node 1`"),
        (replace(IDENTITY, process=Name("clerk", 0)), "another process: expected process `clerk 1`, found `node 1`"),
    ],
)
def test_the_state_of_another_is_refused_and_left_alone(stored: Path, other: Identity, message: str) -> None:
    before = contents(stored)
    with pytest.raises(ForeignState, match=message):
        Storage.open(stored / STATE, other)
    assert contents(stored) == before
    assert fields_of(stored) == numbered(2)


def test_a_newer_format_is_refused(stored: Path) -> None:
    execute(stored / STATE, "PRAGMA user_version = 2")
    with pytest.raises(ForeignState, match=r"format version 2\. Expected version 1"):
        Storage.open(stored / STATE, IDENTITY)


def test_a_database_of_another_application_is_refused_and_left_alone(tmp_path: Path) -> None:
    execute(tmp_path / STATE, "CREATE TABLE orders (number)")
    before = contents(tmp_path)
    with pytest.raises(ForeignState, match="another application"):
        Storage.open(tmp_path / STATE, IDENTITY)
    assert contents(tmp_path) == before


def test_another_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / STATE).write_bytes(b"{}" * 1000)
    with pytest.raises(ForeignState, match="no SQLite database"):
        Storage.open(tmp_path / STATE, IDENTITY)
    assert contents(tmp_path) == {STATE: b"{}" * 1000}


def test_an_empty_file_is_no_new_state(tmp_path: Path) -> None:
    (tmp_path / STATE).touch()
    with pytest.raises(ForeignState, match="is empty"):
        Storage.open(tmp_path / STATE, IDENTITY)


@pytest.mark.parametrize("content", [b"x", b"\0", b"some text", b"x" * 511, b"x" * 512, b"\0" * 5000])
def test_a_file_of_anything_else_is_called_no_state(tmp_path: Path, content: bytes) -> None:
    """SQLite takes a file of one byte for a new database."""
    (tmp_path / STATE).write_bytes(content)
    with pytest.raises(ForeignState, match="is no state of a node"):
        Storage.open(tmp_path / STATE, IDENTITY)
    assert contents(tmp_path) == {STATE: content}


def test_a_folder_is_no_state(tmp_path: Path) -> None:
    with pytest.raises(ForeignState, match="is no file"):
        Storage.open(tmp_path, IDENTITY)


def test_a_state_that_was_lost_is_not_made_anew(stored: Path) -> None:
    (stored / STATE).unlink()
    with pytest.raises(ForeignState, match="but there is its journal"):
        Storage.open(stored / STATE, IDENTITY)


def test_a_file_that_must_exist_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="There is no file"):
        Storage.open(tmp_path / STATE, IDENTITY, create=False)
    assert contents(tmp_path) == {}


def test_the_folder_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match=f"There is no folder {tmp_path}/unmounted,"):
        Storage.open(tmp_path / "unmounted" / STATE, IDENTITY)
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed, match=f"There is no folder {tmp_path}/file,"):
        Storage.open(tmp_path / "file" / STATE, IDENTITY)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DELETE FROM kept WHERE name = 'term'", "a row is missing, or is older"),
        ("DELETE FROM kept WHERE name = 'cluster'", "a row is missing, or is older"),
        ("DELETE FROM kept WHERE part = 'whole'", "a row is missing, or is older"),
        ("DELETE FROM kept", "a row is missing, or is older"),
        ("UPDATE kept SET value = x'00' WHERE name = 'term'", "row `term` .field. does not fit its checksum"),
        ("UPDATE kept SET value = 7 WHERE name = 'term'", "row 'term' has values of other types"),
        ("UPDATE kept SET part = 'field' WHERE name = 'cluster'", "row `cluster` .field. does not fit its checksum"),
        ("CREATE TABLE more (number)", "its tables are not what was made"),
        ("PRAGMA journal_mode = WAL", "its header or its tables"),
    ],
)
def test_rows_that_are_not_what_was_stored_are_refused(stored: Path, statement: str, message: str) -> None:
    execute(stored / STATE, statement)
    with pytest.raises(ForeignState, match=message):
        Storage.open(stored / STATE, IDENTITY)


def test_a_row_of_an_earlier_store_is_refused(stored: Path) -> None:
    old = row("field", "term", b"1")
    execute(stored / STATE, "UPDATE kept SET value = ?, checksum = ? WHERE name = 'term'", old.value, old.checksum)
    with pytest.raises(ForeignState, match="a row is missing, or is older"):
        Storage.open(stored / STATE, IDENTITY)


def test_no_rows_at_all_are_damage() -> None:
    with pytest.raises(Exception, match="a row is missing"):
        verified([])


def execute(path: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(statement, values)
    connection.close()


# One at a time -------------------------------------------------------------------------------------------------------


def test_a_file_is_opened_once(stored: Path) -> None:
    with Storage.open(stored / STATE, IDENTITY) as storage:
        with pytest.raises(StorageInUse, match="is in use"):
            Storage.open(stored / STATE, IDENTITY)
        storage.store(numbered(3))
    assert fields_of(stored) == numbered(3)


def test_a_file_is_opened_by_one_process_until_that_ends(stored: Path) -> None:
    program = f"{PROGRAM}\nstorage = Storage.open(path, identity)\nsay('open')\nsys.stdin.read()"
    arguments = child(program, str(stored / STATE))
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(StorageInUse, match="is in use"):
            Storage.open(stored / STATE, IDENTITY)
        holder.kill()
        holder.wait()
        assert fields_of(stored) == numbered(2)


def test_of_two_that_make_a_file_one_gets_it(tmp_path: Path) -> None:
    """The other finds it in use, or has it after the first is done; neither replaces the other's."""
    program = f"""{PROGRAM}
sys.stdin.readline()
try:
    with Storage.open(path, identity) as storage:
        storage.store({{"by %d" % os.getpid(): b""}})
        say("stored")
except StorageInUse:
    say("in use")
"""
    arguments = child(program, str(tmp_path / STATE))
    both = [subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)]
    for one in both:
        assert one.stdin is not None
        one.stdin.write(b"\n")
        one.stdin.flush()
    said = [one.communicate()[0].decode().strip() for one in both]
    assert set(said) in ({"stored"}, {"stored", "in use"})
    assert len(fields_of(tmp_path)) == said.count("stored")
    assert sorted(contents(tmp_path)) == [STATE, JOURNAL]


# Damage --------------------------------------------------------------------------------------------------------------


def found_in(folder: Path, files: Files) -> Fields | None:
    """What is loaded of the files; None where they are refused."""
    put(folder, files)
    try:
        return fields_of(folder)
    except (ForeignState, StorageFailed):
        return None


def cut(files: Files, every: int) -> Iterator[Files]:
    """The files with one of them cut off."""
    for name, content in files.items():
        yield from ({**files, name: content[:at]} for at in range(0, len(content), every))


def flipped(files: Files, every: int) -> Iterator[Files]:
    """The files with one byte of one of them changed."""
    for name, content in files.items():
        for at in range(0, len(content), every):
            yield {**files, name: content[:at] + bytes([content[at] ^ (1 << at % 8)]) + content[at + 1 :]}


@pytest.mark.parametrize("every", [23, pytest.param(1, marks=pytest.mark.slow)])
def test_a_damaged_file_is_what_was_stored_or_is_refused(memory_folder: Path, stored: Path, every: int) -> None:
    """Never the older state: that is nowhere any more but in the journal, which is void."""
    files = contents(stored)
    refused = 0
    for damaged in (*cut(files, every), *flipped(files, every)):
        found = found_in(memory_folder / "damaged", damaged)
        assert found in (numbered(2), None)
        refused += found is None
    assert refused > len(files[STATE]) / every


def test_a_header_that_is_no_text_is_told(stored: Path) -> None:
    """SQLite names in its complaint what it found."""
    raw = (stored / STATE).read_bytes()
    (stored / STATE).write_bytes(
        raw.replace(b"CREATE TABLE kept (part", b"CREATE TABLE kept (par\xe1\xff", 1)[: len(raw)]
    )
    with pytest.raises(ForeignState, match="is damaged"):
        Storage.open(stored / STATE, IDENTITY)


@needs_strace
@pytest.mark.parametrize("every", [401, pytest.param(61, marks=pytest.mark.slow)])
def test_a_damaged_file_of_a_killed_store_is_old_or_new_or_refused(
    memory_folder: Path, stored: Path, every: int
) -> None:
    before = contents(stored)
    for size, events in stores(stored):
        disk = Disk(before)
        for event in events:
            disk = disk.after(event)
            states = (numbered(2), numbered(3, size), None)
            for damaged in (*cut(disk.cached(), every), *flipped(disk.cached(), every)):
                assert found_in(memory_folder / "damaged", damaged) in states


def stores(stored: Path) -> Iterator[tuple[int, list[Event]]]:
    """What one store does to the disk, for a small state and for one of many pages. `stored` is as it was before."""
    before = contents(stored)
    for size in (1, 6000):
        put(stored, before)
        yield size, after_opening(traced(storing(3, 3, size), str(stored / STATE), files=(STATE, JOURNAL)))
    put(stored, before)


def storing(first: int, last: int, size: int) -> str:
    """A program that opens the state, stores numbered states, and says when it has done each."""
    return f"""{PROGRAM}
with Storage.open(path, identity) as storage:
    say("loaded " + storage.load().get("term", b"0").decode())
    for number in range({first}, {last} + 1):
        storage.store({{name: b"%d" % number * {size} for name in ("term", "voted_for")}})
        say("stored %d" % number)
"""


def after_opening(events: list[Event]) -> list[Event]:
    return events[next(at for at, event in enumerate(events) if isinstance(event, Said)) + 1 :]


# Kills and power cuts ------------------------------------------------------------------------------------------------


def told(events: list[Event]) -> int:
    """The number of the last state of which was said that it is stored, or that it was loaded."""
    return max((int(event.text.split()[1]) for event in events if isinstance(event, Said)), default=0)


@needs_strace
@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_a_process_killed_between_two_system_calls_leaves_old_or_new(tmp_path: Path, every: int) -> None:
    """From before the file is made until after the last store; a store that had returned is never lost."""
    folder = tmp_path / "state"
    said, last = "", ""
    calls = "pwrite64,fdatasync,fsync,link,unlink"
    for count in range(1, 1000, every):
        put(folder, {})
        kill = ["-e", f"trace={calls}", "-e", f"inject={calls}:signal=KILL:when={count}"]
        arguments = ["strace", "-f", "-o", "/dev/null", *kill, *child(storing(1, 3, 1), str(folder / STATE))]
        ended = subprocess.run(arguments, capture_output=True, text=True, check=False)
        said = ended.stdout
        last = said.split()[-1] if said else "0"
        with Storage.open(folder / STATE, IDENTITY) as storage:
            found = storage.load()
        allowed = [numbered(number) if number else {} for number in (int(last), int(last) + 1)]
        assert found in allowed[: 1 if ended.returncode == 0 else 2], count
        if ended.returncode == 0:
            break
    assert last == "3", said


@needs_strace
@pytest.mark.parametrize("size", [1, 6000])
def test_after_a_power_cut_there_is_what_was_stored_last_or_what_was_being_stored(
    memory_folder: Path, stored: Path, size: int
) -> None:
    disk, random = Disk(contents(stored)), Random(1)
    events = traced(storing(3, 4, size), str(stored / STATE), files=(STATE, JOURNAL))
    for done in range(len(events)):
        disk = disk.after(events[done])
        last = max(told(events[: done + 1]), 2)
        allowed = [numbered(number, size if number > 2 else 1) for number in (last, last + 1)]
        for left in disk.after_power_cut(random):
            assert found_in(memory_folder / "left", left) in allowed, (done, events[done])


@needs_strace
def test_what_was_loaded_after_a_kill_survives_a_power_cut(memory_folder: Path, stored: Path) -> None:
    """A killed store may have reached the system's memory only. What the next process loads of it, it acts upon."""
    random = Random(2)
    _, events = next(stores(stored))
    killed = Disk(contents(stored))
    opening = f"""{PROGRAM}
with Storage.open(path, identity) as storage:
    say("loaded " + storage.load()["term"].decode())
"""
    for event in events:
        killed = killed.after(event)
        put(stored, killed.cached())
        disk = killed
        loaded: Fields | None = None
        for step in traced(opening, str(stored / STATE), files=(STATE, JOURNAL)):
            disk = disk.after(step)
            if isinstance(step, Said):
                loaded = numbered(int(step.text.split()[1]))
            if loaded is not None:
                for left in disk.after_power_cut(random):
                    assert found_in(memory_folder / "left", left) == loaded


@needs_strace
def test_the_power_cuts_find_a_store_that_does_not_sync(memory_folder: Path, stored: Path) -> None:
    """A negative control: the same writes without the syncs lose what was stored."""
    before = contents(stored)
    _, events = next(stores(stored))
    disk = Disk(before)
    for event in events:
        if not isinstance(event, Sync):
            disk = disk.after(event)
    assert any(found_in(memory_folder / "left", left) != numbered(3) for left in disk.after_power_cut(Random(3)))


# Disks that are full or read-only ------------------------------------------------------------------------------------


def test_after_a_failed_store_every_further_one_is_refused(tmp_path: Path) -> None:
    """The disk is full in that no file may grow beyond a limit."""
    program = f"""{PROGRAM}
import resource
storage = Storage.open(path, identity)
storage.store({{"term": b"1", "voted_for": b"1"}})
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
for value in (b"2" * 200000, b"3"):
    try:
        storage.store({{"term": value, "voted_for": value}})
    except StorageFailed as error:
        say("failed: " + str(error))
try:
    storage.load()
except StorageFailed:
    say("not loaded")
"""
    ended = subprocess.run(child(program, str(tmp_path / STATE)), capture_output=True, text=True, check=True)
    first, second, load = ended.stdout.splitlines()
    assert "cannot be written" in first and "SQLITE_" in first
    assert first in second and "until it is opened anew" in second
    assert load == "not loaded"
    assert fields_of(tmp_path) == numbered(1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(filler: Path) -> None:
    """Takes all room that the disk has."""
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass


def test_a_full_disk_loses_nothing(small_disk: Path) -> None:
    filler = small_disk / "filler"
    with Storage.open(small_disk / STATE, IDENTITY) as storage:
        storage.store(numbered(1))
        fill(filler)
        storage.store(numbered(2))  # takes the place of the older state, and needs none of its own
        with pytest.raises(StorageFailed, match="disk is full"):
            storage.store(numbered(3, 6000))
        with pytest.raises(StorageFailed, match=r"disk is full.*until it is opened anew"):
            storage.store(numbered(4))
    filler.unlink()
    assert fields_of(small_disk) == numbered(2)


def test_a_full_disk_gets_no_new_file(small_disk: Path) -> None:
    fill(small_disk / "filler")
    with pytest.raises(StorageFailed, match=r"the disk is full\. Make room, and start"):
        Storage.open(small_disk / STATE, IDENTITY)
    assert list(contents(small_disk)) == ["filler"]


def test_a_disk_without_room_for_a_name_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    with pytest.raises(StorageFailed, match=r"the disk is full\. Make room, and start"):
        Storage.open(tmp_path / STATE, IDENTITY)


@pytest.mark.parametrize("made", [True, False], ids=["there", "new"])
@pytest.mark.parametrize("read_only", ["folder", "file"])
def test_what_may_not_be_written_is_told(made: bool, read_only: str) -> None:
    """In a process without privileges, for which nothing but the right to write is missing."""
    folder = Path(tempfile.mkdtemp())
    try:
        if made:
            with Storage.open(folder / STATE, IDENTITY) as storage:
                storage.store(numbered(1))
            (folder / JOURNAL).unlink()
            (folder / STATE).chmod(0o444 if read_only == "file" else 0o666)
        folder.chmod(0o777 if made and read_only == "file" else 0o555)
        program = f"""{PROGRAM}
if os.getuid() == 0:
    os.setuid(65534)
try:
    Storage.open(path, identity)
except StorageFailed as error:
    say(str(error))
"""
        ended = subprocess.run(child(program, str(folder / STATE)), capture_output=True, text=True, check=True)
        assert "cannot be written" in ended.stdout and str(folder / STATE) in ended.stdout
        folder.chmod(0o755)
        assert sorted(contents(folder)) == ([STATE] if made else [])
        if made:
            (folder / STATE).chmod(0o600)
            assert fields_of(folder) == numbered(1)
    finally:
        shutil.rmtree(folder)
