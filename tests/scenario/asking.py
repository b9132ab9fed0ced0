"""Ask a real API server, with the lab's own client, whether it acts as it was told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.lab.control_plane import ControlPlane
from tests.lab.errors import ApiError


def answer(plane: ControlPlane, path: str, body: dict[str, Any]) -> str:
    """What a server says to a create that is only tried; empty where it would take it."""
    try:
        plane.api.create(f"{path}?dryRun=All", body)
    except ApiError as error:
        return str(error)
    return ""


def stands(plane: ControlPlane, path: str) -> bool:
    """Whether a side has an object, or serves a collection."""
    try:
        plane.api.get(path)
    except ApiError as error:
        if error.status in {404, 429}:  # 429 while the storage of a new kind is made ready
            return False
        raise
    return True


def until(plane: ControlPlane, what: str, holds: Callable[[], bool]) -> None:
    """Wait until a server acts as it was told."""
    plane.api.close()
    plane.wait_until(what, holds)
