"""Fixtures of the tests of the real cluster door."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from migrate.kube.access import Access
from migrate.kube.cluster import KubeCluster
from migrate.kube.kubeconfig import read_kubeconfig
from migrate.kube.transport import WIDTH, Transport
from migrate.model.ids import Side
from tests.kube.faulty import Behaviour, FaultyServer, kubeconfig

Serve = Callable[[Behaviour], FaultyServer]
Open = Callable[..., KubeCluster]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers that end with the test."""
    with ExitStack() as stack:
        yield lambda behaviour: stack.enter_context(FaultyServer(behaviour))


@pytest.fixture
def naps() -> list[float]:
    """How long the door waited, each time; it does not really wait."""
    return []


@pytest.fixture
def door(tmp_path: Path, naps: list[float]) -> Iterator[Open]:
    """Open doors to a server's URL, with the given user of the kubeconfig; they end with the test."""

    async def nap(seconds: float) -> None:
        naps.append(seconds)

    with ExitStack() as stack:

        def open_door(
            url: str,
            user: Any = None,
            *,
            timeout: float = 5.0,
            patience: float = 30.0,
            in_flight: int = WIDTH,
            **cluster: Any,
        ) -> KubeCluster:
            chosen = read_kubeconfig(
                kubeconfig(tmp_path / "kubeconfig", url, user, **cluster), None, Side.GREEN
            )
            access = Access(chosen)
            opened = KubeCluster(
                "them",
                Side.GREEN,
                access,
                Transport(access, timeout=timeout, in_flight=in_flight),
                patience=patience,
                sleep=nap,
            )
            return stack.enter_context(opened)

        yield open_door
