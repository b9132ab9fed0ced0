"""Free TCP ports on the loopback address, kept from other labs on this machine."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import IO

from tests.lab.errors import LabError

# Below the range from which the kernel takes ports for outgoing connections: a server that is stopped
# and started again finds its port as it left it.
LOWEST, HIGHEST = 20000, 32000
ATTEMPTS = 200


class Ports:
    """Reserve ports until close; each is locked by a file, so that labs in parallel never pick the same."""

    def __init__(self) -> None:
        self._locks: list[IO[bytes]] = []
        self._folder = Path(tempfile.gettempdir()) / f"cnimigrate-lab-ports-{os.getuid()}"
        self._folder.mkdir(mode=0o700, exist_ok=True)

    def take(self) -> int:
        """Return a port on which nothing listens; it stays ours until close."""
        for port in random.SystemRandom().sample(range(LOWEST, HIGHEST), ATTEMPTS):
            if self._lock(port):
                return port
        raise LabError(f"no free port between {LOWEST} and {HIGHEST} in {ATTEMPTS} tries")

    def close(self) -> None:
        """Give all ports back."""
        for lock in self._locks:
            lock.close()
        self._locks.clear()

    def _lock(self, port: int) -> bool:
        lock = (self._folder / str(port)).open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                # As servers written in Go do; else a port just left would look taken for a minute.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            lock.close()
            return False
        self._locks.append(lock)
        return True
