"""The event loop on which a cluster's requests go out: one thread, however many of them are under way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

_T = TypeVar("_T")


class Wire:
    """A thread with an event loop, begun when it is first needed; any other thread may give it work."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def begin(self, work: Coroutine[Any, Any, _T]) -> Future[_T]:
        """Begin some work; its result is waited for where it is asked for."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name=f"{self._name}-wire", daemon=True
                )
                self._thread.start()
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    def call(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Do some work and wait for it; raises what it raises."""
        return self.begin(work).result()

    def close(self, last: Coroutine[Any, Any, None]) -> None:
        """Wait for what is under way, do the last of it, and end the thread; the next work begins another."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            last.close()
            return
        asyncio.run_coroutine_threadsafe(_quiet(last), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _quiet(last: Coroutine[Any, Any, None]) -> None:
    under_way = asyncio.all_tasks() - {asyncio.current_task()}
    if under_way:
        await asyncio.wait(under_way)
    await last
