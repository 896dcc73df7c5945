"""What a process that runs has used so far, as Linux tells it under /proc."""

from __future__ import annotations

import os
import re
from pathlib import Path


def cpu_seconds(process: int) -> float:
    """Of all threads that it has, in the system too; to a thousandth of a millisecond where the kernel counts so."""
    try:
        tasks = [task.read_text(encoding="ascii").split() for task in Path(f"/proc/{process}/task").glob("*/schedstat")]
    except OSError:  # a thread has ended just now
        tasks = []
    if tasks:
        return sum(int(task[0]) for task in tasks) / 1e9
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(process: int) -> int:
    """Bytes of memory."""
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def open_files(process: int) -> int:
    return sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())
