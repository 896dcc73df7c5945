"""The option `--with-deployment`: files that a user changes afterwards, and that are never written over."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from codegen.deployment.files import deployment_of
from codegen.python.wheel import Wheel
from oneleader.console import fail, problems_told, write
from spec.protocol import Protocol


def planned(folder: Path, protocol: Protocol, wheel: Wheel) -> dict[Path, str]:
    """What is to be written into a folder. Ends the run where that cannot be, or would replace something."""
    if not folder.is_dir() and (folder.exists() or not folder.parent.is_dir()):
        fail(f"--with-deployment: {folder} is no folder, and none can be made there")
    files = {folder / one.name: one.text for one in deployment_of(protocol, wheel)}
    for path in files:
        if path.exists():
            fail(f"--with-deployment: {path} is there already, and is not written over")
    return files


def write_new(files: Mapping[Path, str]) -> None:
    """Writes them, all or none."""
    try:
        for path, text in files.items():
            with problems_told(str(path.parent)):
                path.parent.mkdir(exist_ok=True)
            write(path, text)
    except BaseException:
        for path in files:
            path.unlink(missing_ok=True)
        raise
