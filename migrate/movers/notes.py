"""Notes of movers, a file each: whole or not there, whenever the process dies."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write(path: Path, note: Any) -> None:
    """Put a note in the place of the one before it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(note), encoding="utf-8")
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)


def read(path: Path) -> dict[str, Any]:
    """A note, or an empty one where there is none to be read."""
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}
