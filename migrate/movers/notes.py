"""Notes of movers, a file each: whole or not there, whenever the process dies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from migrate import files


def write(path: Path, note: Any) -> None:
    """Put a note in the place of the one before it, durably; nobody else can read it."""
    files.replace(path, json.dumps(note), mode=0o600)


def read(path: Path) -> dict[str, Any]:
    """A note, or an empty one where there is none to be read."""
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}
