"""The change window that the migration file gives: no cutover begins, and no weight rises, outside it."""

from __future__ import annotations

from datetime import datetime

from migrate.engine.step import Scene
from migrate.errors import Stopped


def insist_on_window(scene: Scene, what: str) -> None:
    """Raise Stopped outside the window; going back, and ending what was begun, never ask."""
    window = scene.migration.window
    if window is None:
        return
    now = scene.doors.clock.now()
    if not datetime.fromisoformat(window.start) <= now < datetime.fromisoformat(window.end):
        message = f"{what}: it is {now.isoformat(timespec='minutes')}, outside the window"
        remedy = f"The window is {window.start} to {window.end}; run again then, or change it and cnimigrate amend."
        raise Stopped(message, remedy=remedy)
