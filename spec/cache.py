"""Where what is costly to make is kept from one run to the next: compiled models, the parser's tables."""

from __future__ import annotations

import os
import sys
import tempfile
from functools import cache
from pathlib import Path


def cache_directory() -> Path:
    if value := os.environ.get("ONELEADER_CACHE"):
        return Path(value)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "oneleader"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "oneleader"


def writable_cache() -> Path:
    directory = cache_directory()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if os.access(directory, os.W_OK):
            return directory
    except OSError:
        pass
    return Path(_own_directory().name)


@cache
def _own_directory() -> tempfile.TemporaryDirectory[str]:
    """Instead of a cache that cannot be written to; it goes when the program ends."""
    return tempfile.TemporaryDirectory(prefix="oneleader-", ignore_cleanup_errors=True)
