"""Small file systems of a test's own: full, read-only; only root may mount."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


class Disk:
    """A mounted tmpfs."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __truediv__(self, name: str) -> Path:
        return self.place / name

    def read_only(self) -> None:
        """Let nobody write."""
        subprocess.run(["mount", "-o", "remount,ro", str(self.place)], check=True)

    def writable(self) -> None:
        """Let everybody write again."""
        subprocess.run(["mount", "-o", "remount,rw", str(self.place)], check=True)


@contextmanager
def mounted(place: Path, options: str) -> Iterator[Disk]:
    """Mount a tmpfs for the time of the block."""
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=True)
    try:
        yield Disk(place)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@cache
def may_mount() -> bool:
    """Whether this process may mount."""
    if os.geteuid() != 0:
        return False
    with TemporaryDirectory() as directory:
        try:
            with mounted(Path(directory) / "probe", "size=64k"):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False


needs_root = pytest.mark.skipif(not may_mount(), reason="only root may mount a small file system")
