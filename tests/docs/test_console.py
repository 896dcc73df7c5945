"""Every command in the docs is run, and prints what the page shows.

A ```console block has commands after `$ ` and what they print. The blocks of a page are run in order, in one temporary
directory that holds the shipped specs and the schemas as a checkout does (`spec/protocols`, `spec/broken`, `docs`). A
block with `file=NAME` writes that file; a ```diff block with `file=NAME` changes it. A block with `solver` is left out
where Z3 is not installed. A line `...` stands for any lines. Times, amounts of
memory, numbers of threads and hashes of specs may differ. `UPDATE_GOLDEN=1` writes the outputs anew.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.markdown import PAGES, ROOT, Block, blocks, replaced

HAS_SOLVER = importlib.util.find_spec("z3") is not None
SEPARATOR = "\x1e"
ELISION = "..."
VERIFY = "oneleader check spec/protocols/raft.elect"
VARYING = (
    (re.compile(r"\b\d+\.\d+ s\b"), "0.00 s"),
    (re.compile(r"\b[\d,.]+ [MG]iB\b"), "0.0 MiB"),
    (re.compile(r"\b\d+ threads?\b"), "2 threads"),
    (re.compile(r"\bspec [0-9a-f]{12}\b"), "spec 000000000000"),
)


@dataclass(frozen=True)
class Command:
    text: str
    output: str


def commands(block: Block) -> list[Command]:
    """The commands of a block, each with the output that the page shows. One that ends in a backslash goes on."""
    found: list[Command] = []
    lines = iter(block.text.splitlines())
    for line in lines:
        if line.startswith("$ "):
            text = line[2:]
            while text.endswith("\\"):
                text += "\n" + next(lines)
            found.append(Command(text, ""))
        else:
            assert found, f"{block.name}: a console block begins with a command"
            found[-1] = Command(found[-1].text, f"{found[-1].output}{line}\n")
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_prints_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    prepare(tmp_path)
    for block in blocks(page):
        if block.language == "diff" and block.option("file"):
            path = tmp_path / str(block.option("file"))
            path.write_text(patched(path.read_text(encoding="utf-8"), block), encoding="utf-8")
        elif block.option("file"):
            (tmp_path / str(block.option("file"))).write_text(block.text, encoding="utf-8")
        elif block.language == "console" and (HAS_SOLVER or "solver" not in block.info):
            _try(block, tmp_path)


def _try(block: Block, folder: Path) -> None:
    wanted = commands(block)
    outputs = run([command.text for command in wanted], folder)
    for command, output in zip(wanted, outputs, strict=True):
        assert "Traceback" not in output, f"{block.name}: $ {command.text}\n{output}"
    if all(fits(output, command.output) for command, output in zip(wanted, outputs, strict=True)):
        return
    if os.environ.get("UPDATE_GOLDEN"):
        kept = [o if not fits(o, c.output) else c.output for c, o in zip(wanted, outputs, strict=True)]
        replaced(block, "".join(f"$ {c.text}\n{o}" for c, o in zip(wanted, kept, strict=True)))
        return
    for command, output in zip(wanted, outputs, strict=True):
        assert normal(output) == normal(command.output), f"{block.name}: $ {command.text}"


def prepare(folder: Path) -> None:
    """A folder such as a checkout is, as far as the commands in the docs are concerned."""
    for name in ("protocols", "broken"):
        if (ROOT / "spec" / name).is_dir():
            shutil.copytree(ROOT / "spec" / name, folder / "spec" / name)
    (folder / "docs").mkdir()
    for schema in (ROOT / "docs").glob("*.schema.json"):
        shutil.copy(schema, folder / "docs")
    tools = folder / ".tools"
    tools.mkdir()
    command = tools / "oneleader"
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m oneleader "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    python = tools / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    # What `make verify` does once it has set itself up; a test below holds the Makefile to that.
    make = tools / "make"
    make.write_text(f'#!/bin/sh\n[ "$*" = verify ] && exec {VERIFY}\n', encoding="utf-8")
    make.chmod(0o755)


def run(texts: list[str], folder: Path) -> list[str]:
    """What each command prints, on both streams; `$?` is the status of the one before it."""
    script = "status=0\n" + "".join(f"printf '\\036'\n(exit $status)\n{text}\nstatus=$?\n" for text in texts)
    environment = {
        **os.environ,
        "PATH": f"{folder / '.tools'}:{os.environ['PATH']}",
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
    }
    result = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
    return [re.sub(r"[ \t]+$", "", output, flags=re.MULTILINE) for output in result.stdout.split(SEPARATOR)[1:]]


def normal(text: str) -> str:
    """A text without what differs from run to run."""
    for pattern, instead in VARYING:
        text = pattern.sub(instead, text)
    return text


def fits(output: str, shown: str) -> bool:
    """Whether an output is what the page shows, with its elisions."""
    parts = normal(shown).split(f"{ELISION}\n")
    pattern = r"(?:.*\n)*?".join(re.escape(part) for part in parts)
    return re.fullmatch(pattern, normal(output)) is not None


def patched(text: str, block: Block) -> str:
    """The text after a change: where the lines with a blank or a `-` stand, those with a blank or a `+` stand then."""
    old = "".join(f"{line[1:]}\n" for line in block.text.splitlines() if not line.startswith("+"))
    new = "".join(f"{line[1:]}\n" for line in block.text.splitlines() if not line.startswith("-"))
    assert text.count(old) == 1, f"{block.name}: this change fits {text.count(old)} places of the file"
    return text.replace(old, new)


def test_an_elision_stands_for_any_lines() -> None:
    assert fits("a\nb\nc\n", "a\n...\nc\n")
    assert fits("a\nc\n", "a\n...\nc\n")
    assert not fits("a\nb\n", "a\n...\nc\n")
    assert fits("0.12 s; 3.4 MiB\n", "9.99 s; 1,024.0 MiB\n")
    assert not fits("12 states\n", "13 states\n")


def test_make_verify_is_what_the_readme_says() -> None:
    assert f"\t$(BIN)/{VERIFY}\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
