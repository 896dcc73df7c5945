"""The package is whole: it imports, and its command starts."""

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("package", PYPROJECT["tool"]["importlinter"]["root_packages"])
def test_every_package_imports_and_ships(package: str) -> None:
    importlib.import_module(package)
    assert package in PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def test_the_command_knows_its_version() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "oneleader", "--version"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert shown.stdout.split() == ["oneleader", PYPROJECT["project"]["version"]]
