"""The service, on a runtime with a known mistake: python -m tests.chaos.mistaken MISTAKE NODE.TOML WRITES.DB"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.chaos.application import end_with_parent, main
from tests.runtime import test_seeded_bugs

if __name__ == "__main__":
    end_with_parent()
    mistake = getattr(test_seeded_bugs, sys.argv[1])
    with pytest.MonkeyPatch.context() as patch:
        mistake(patch)
        sys.exit(asyncio.run(main(Path(sys.argv[2]), Path(sys.argv[3]))))
