"""The docs and `--help` agree on commands and options."""

from __future__ import annotations

import re

import pytest
import typer

from oneleader.__main__ import app
from tests.docs.markdown import PAGES, ROOT

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
COMMAND_LINES = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")


def options(command: str) -> set[str]:
    """All spellings of a command's options, but for --help."""
    return {
        word
        for parameter in COMMANDS[command].params
        for word in (*parameter.opts, *parameter.secondary_opts)
        if word.startswith("-") and word not in ("-h", "--help")
    }


def test_there_are_commands() -> None:
    assert {"check", "replay", "fmt", "new", "show", "graph", "export"} <= set(COMMANDS)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_and_option_is_documented(command: str) -> None:
    section = _section(command)
    for option in options(command):
        assert f"`{option}" in section or f" {option}" in section, (
            f"docs/commands.md: {command} says nothing of {option}"
        )


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_option_documented_for_a_command_is_one(command: str) -> None:
    known = options(command)
    for option in re.findall(r"(?<![\w-])(--?[a-z][a-z-]*)", _section(command)):
        assert option in known | {"-h", "--help"}, f"docs/commands.md: {command} has no {option}"


def test_every_option_in_the_docs_is_one_of_some_command() -> None:
    known = {option for command in COMMANDS for option in options(command)} | {"--help", "--version"}
    for line in re.findall(r"oneleader [^`\n]*", TEXT):
        for option in re.findall(r"(?<![\w-])(--[a-z][a-z-]*)", line):
            assert option in known, f"no command has {option}: {line}"
    for option in re.findall(r"`(--[a-z][a-z-]*)[ `=]", TEXT):
        assert option in known | _OTHERS, f"no command has {option}"


_OTHERS = {"--strict", "--node"}
"""Options of other tools, and of nodes, that the docs name in the running text."""


def _section(command: str) -> str:
    found = re.search(rf"^## `oneleader {command}`$(.*?)(?=^## |\Z)", COMMAND_LINES, flags=re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/commands.md has no section for {command}"
    return found[1]
