"""Emitted packages as text: what is committed is what is emitted, and names and words of a spec stay what they are."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from codegen.python.expressions import NotEmitted
from codegen.python.loaded import loaded
from codegen.python.names import attribute_name, class_name, module_name
from codegen.python.quoting import safe
from modelcheck.model import Model
from modelcheck.semantics import initial
from spec.diagnostics import SpecError
from tests.codegen.python.emitted import (
    BROKEN,
    ROOT,
    SHIPPED,
    Beside,
    found_in,
    protocol_at,
    protocol_of,
    texts_of,
)
from tests.golden import assert_golden
from tests.properties.protocols import model_of

NAMES = (
    *("class", "len", "state", "now", "armed", "me", "done", "Now", "messages", "initial", "send", "broadcast"),
    *("effects", "everyone", "frozenset", "int", "bool", "str", "tuple", "State", "Step", "Turn", "Message", "def"),
    *("KINDS", "PROCESS", "PROTOCOL", "natural", "within_", "replaced", "msgspec", "Literal", "TypeAlias", "match"),
    *("case", "type", "_", "_x", "x_", "class_", "class__", "now_", "restarted", "receive", "timeout", "is_quorum"),
    *("Exception", "Timer", "Everyone", "Process", "sender", "entry", "some", "import", "None_", "print", "any", "all"),
    *("annotations", "Impossible", "super", "sorted", "optional_natural", "timer_", "message_", "start_", "_1"),
)
"""What Python, or emitted code, calls something else."""

EVERYWHERE = """protocol named
type {other} = {value} | other_value
process {kind}:
    durable {variable}: int 0..3 = 0
    mode: {other} = other_value
    many: set of {kind} = {{}}
    timer {timer}: 1 s
message {message}({parameter}: int 0..3)
network: loss
faults: restart
define {defined}({given}: int 0..3): {given} + 1 < 3
on start:
    reset {timer}
on timeout {timer} if {defined}({variable}):
    let {local} = {variable} + 1
    {variable} := {local}
    mode := {value}
    broadcast {message}({local})
    reset {timer}
on {message}({local}) from {sender} if {local} > {variable}:
    {procedure}({local})
    many := {{{drawn} in many + {{{sender}}} if {drawn} != self}}
    send {message}({variable}) to {sender}
input {asked}({local}: int 0..3) if {local} != {variable}:
    {procedure}({local})
    stop {timer}
procedure {procedure}({local}: int 0..3):
    {variable} := {local}
    many := many + {{self}}
check small: 2 {kind}s, channel <= 1
"""

PLAIN = {
    "kind": "node",
    "other": "sort",
    "value": "first",
    "variable": "held",
    "timer": "clock",
    "message": "thing",
    "parameter": "carried",
    "defined": "small",
    "given": "than",
    "local": "new",
    "sender": "source",
    "drawn": "one",
    "asked": "ask",
    "procedure": "keep",
}
"""What things are called where nothing else is said of them."""


def of_names(**given: str) -> str:
    """A spec in which each sort of thing is called as given, or plainly."""
    return EVERYWHERE.format(**{**PLAIN, **given})


def is_right(text: str) -> bool:
    """Whether the spec is emitted, and then rightly; False where it may not be called so, or is refused."""
    try:
        protocol = protocol_of(text)
    except SpecError:
        return False
    try:
        texts = texts_of(protocol)
    except NotEmitted:
        return False
    assert found_in(protocol, texts, (2,)) == ()
    model: Model = model_of(protocol)
    with loaded(protocol, texts) as modules:
        both = Beside(model, modules)
        both.begins()
        begun = initial(model).state
        assert begun is not None
        both.look(begun)
    return True


@pytest.mark.parametrize("name", ["raft", "lease"])
def test_what_is_committed_is_what_is_emitted(name: str) -> None:
    folder, texts = ROOT / "generated" / name, texts_of(protocol_at(ROOT / f"spec/protocols/{name}.elect"))
    for file, text in texts.items():
        assert_golden(folder / file, text)
    assert {path.name for path in folder.glob("*.py")} == set(texts)


@pytest.mark.parametrize("path", [*SHIPPED, *BROKEN], ids=lambda path: path.stem)
def test_every_shipped_spec_is_emitted_and_loads(path: Path) -> None:
    protocol = protocol_at(path)
    texts = texts_of(protocol)
    for text in texts.values():
        assert max(map(len, text.split("\n"))) <= 120
    with loaded(protocol, texts) as modules:
        assert {kind: module.PROCESS.kind for kind, module in modules.items()} == {k: k for k in modules}
    assert found_in(protocol, texts, (3,)) == ()


@pytest.mark.slow
def test_mypy_accepts_what_is_emitted(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "runtime", tmp_path / "runtime", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (*SHIPPED, *BROKEN):
        folder = tmp_path / f"of_{path.stem}"
        folder.mkdir()
        for name, text in texts_of(protocol_at(path)).items():
            (folder / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(tmp_path / ".cache")]
    done = subprocess.run([*command, "."], cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


def is_allowed(thing: str, name: str) -> bool:
    try:
        protocol_of(of_names(**{thing: name}))
    except SpecError:
        return False
    return True


def mixed(first: int) -> str:
    """A spec in which each sort of thing is called like something else that Python, or emitted code, uses."""
    given = {}
    for position, thing in enumerate(PLAIN):
        name = NAMES[(first + 4 * position) % len(NAMES)]
        if is_allowed(thing, name):
            given[thing] = name
    return of_names(**given)


def test_names_that_python_uses_are_emitted_rightly_or_refused() -> None:
    assert sum(is_right(mixed(first)) for first in range(0, len(NAMES), 6)) >= 6


@pytest.mark.slow
def test_all_names_that_python_uses_are_emitted_rightly_or_refused_everywhere() -> None:
    assert sum(is_right(mixed(first)) for first in range(len(NAMES))) >= len(NAMES) // 2


def test_most_names_that_python_uses_may_be_used() -> None:
    for name in ("class", "now", "done", "type", "int", "_"):
        assert is_right(of_names(variable=name)), name
    for name in ("State", "now", "Exception", "_"):
        assert is_right(of_names(message=name)), name
    for name in ("len", "state", "natural"):
        assert is_right(of_names(local=name, sender=f"{name}_2")), name
        assert is_right(of_names(procedure=name)), name


@pytest.mark.parametrize("kind", ["class", "messages", "messages_", "runtime", "len", "State", "state", "_k"])
def test_a_kind_may_be_called_as_a_module_is(kind: str) -> None:
    assert is_right(of_names(kind=kind)) or kind in ("class",)


@pytest.mark.parametrize("name", ["__x", "__init__", "__slots__", "__class__"])
def test_names_with_two_underscores_are_refused_where_python_changes_them(name: str) -> None:
    with pytest.raises(NotEmitted, match="two underscores"):
        texts_of(protocol_of(of_names(variable=name)))
    assert is_right(of_names(local=name, sender=f"{name}a", drawn=f"{name}b"))


def test_messages_that_would_be_one_class_are_refused() -> None:
    text = of_names().replace("network:", "message Thing()\nnetwork:")
    with pytest.raises(NotEmitted, match="`thing` and `Thing`"):
        texts_of(protocol_of(text))


def test_two_names_never_become_one() -> None:
    names = [f"{name}{'_' * more}" for name in NAMES for more in range(3)]
    distinct = set(names)
    assert len({attribute_name(name) for name in distinct}) == len(distinct)
    assert len({module_name(name) for name in distinct}) == len(distinct)
    assert all(class_name(name).isidentifier() for name in distinct)


WORDS = (
    "ends with a backslash \\",
    "\\N{no such thing} \\x \\u12",
    "'''three''' and ''' more",
    "tab\tin it",
)


@pytest.mark.parametrize("words", WORDS)
def test_words_of_a_spec_stay_in_docstrings(words: str) -> None:
    text = of_names().replace("protocol named\n", f'protocol named\n\n"{words}"\n')
    text = text.replace("    reset clock\n", f'    reset clock # {words} """ + evil() + """ and "\n', 1)
    protocol = protocol_of(text)
    for emitted in texts_of(protocol).values():
        assert not [node for node in ast.walk(ast.parse(emitted)) if isinstance(node, ast.Name) and node.id == "evil"]
    assert is_right(text)


def test_words_that_are_no_words_are_left_out() -> None:
    assert ast.literal_eval(f'"""{safe(chr(0) + chr(12) + chr(92))} """') == "  \\ "
    for quotes in range(1, 9):
        assert '"""' not in safe('"' * quotes)


def test_a_spec_may_be_called_anything() -> None:
    protocol = protocol_of(of_names(), 'a """ \\ b.elect')
    texts = texts_of(protocol)
    assert found_in(protocol, texts, (2,)) == ()
