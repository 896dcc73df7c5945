"""Golden files: what a text was when somebody last looked at it and found it good.

`UPDATE_GOLDEN=1 python -m pytest ...` writes them anew; look at what changed before you commit it.
"""

import os
from pathlib import Path


def assert_golden(path: Path, text: str) -> None:
    """Fails where the text is not what the file holds."""
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{path} differs; UPDATE_GOLDEN=1 writes it anew"
