"""One writer of a run's acts at a time: the kernel's lock on this machine, and a lock that other machines see.

The local lock is held by an open file and vanishes with the process, so a killed runner leaves none behind.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from migrate.errors import LockHeld, StateNotWritable


class SharedLock(Protocol):
    """A lock that other machines see, with a fence where the target has one."""

    def acquire(self, epoch: int, head: str) -> None:
        """Take the lock for this run; raises LockHeld with who holds it, since when and from where."""
        ...

    def renew(self, needed: float, head: str) -> None:
        """Make sure that `needed` seconds are left before an act; raises Fenced when another has taken it."""
        ...

    def release(self) -> None:
        """Give the lock back, so that nothing of ours is left behind."""
        ...


@contextmanager
def held(path: Path, holder: Mapping[str, Any]) -> Iterator[None]:
    """Hold the local lock inside the block; raises LockHeld naming who has it, StateNotWritable for a bad disk.

    `holder` is what others are told: `user`, `host`, `pid`, `since`, and in `doing` what becomes of the migration
    meanwhile, such as "amended"; without it the migration is being run.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        message = f"the lock file {path} cannot be opened: {error.strerror}"
        raise StateNotWritable(message, remedy="Give a directory that you may write: --state DIR") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _held_by(_words(descriptor)) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(dict(holder)).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def holder(path: Path) -> str:
    """What the process that holds the local lock says it does, and who it is; nothing where none holds it.

    Such as "run by ana on ops1 (process 4242), since 2026-01-05T09:00:00+00:00".
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _words(descriptor)
    else:
        return ""
    finally:
        os.close(descriptor)


def _words(descriptor: int) -> str:
    try:
        told = json.loads(os.pread(descriptor, 4096, 0))
        who = f"{told['user']} on {told['host']} (process {told['pid']}), since {told['since']}"
        return f"{told.get('doing', 'run')} by {who}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return "run by another process on this machine"


def _held_by(words: str) -> LockHeld:
    return LockHeld(
        f"this migration is being {words}",
        remedy="Wait, or stop it with Ctrl-C where it is; look at it with cnimigrate status --watch; to put traffic "
        "back at once: cnimigrate abort",
    )
