"""The file's ceiling on requests in flight, over real connections: nothing gets past it, and the server lowers it further."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from migrate.kube.connect import connect
from migrate.model.ids import Side
from tests.kube.conftest import Open, Serve
from tests.kube.faulty import Received, Reply, kubeconfig
from tests.kube.kinds import CONFIG_MAPS, create

CREATED = Reply(201, {"kind": "ConfigMap", "metadata": {"name": "a"}})
PAUSE = threading.Event()
"""Never set: waiting for it takes real time."""


def slowly(received: Received) -> Reply:
    """Answer reads and writes after ten milliseconds."""
    PAUSE.wait(0.01)
    return CREATED if received.method == "POST" else Reply(200, {"metadata": {}, "items": []})


def test_the_ceiling_holds_for_reads_and_writes_together(serve: Serve, tmp_path: Path) -> None:
    """Batches of writes and lists from many threads at once: as many in flight as the file allows, never one more."""
    server = serve(slowly)
    file = kubeconfig(tmp_path / "kubeconfig", server.url, None)
    with (
        connect(file, None, Side.BLUE, in_flight=3) as cluster,
        ThreadPoolExecutor(8) as threads,
    ):
        batches = [
            threads.submit(cluster.write_many, [create(f"b{n}-{i}") for i in range(40)]) for n in range(2)
        ]
        reads = [threads.submit(lambda: list(cluster.pages(CONFIG_MAPS))) for _ in range(40)]
        assert not [r for batch in batches for r in batch.result() if isinstance(r, Exception)]
        assert all(read.result() for read in reads)
    assert len(server.received) == 120
    assert server.most_at_once == 3


def test_a_ceiling_of_one_is_one_after_the_other(serve: Serve, door: Open) -> None:
    """The lowest ceiling still gets everything done."""
    server = serve(slowly)
    results = door(server.url, in_flight=1).write_many([create(f"w{i}") for i in range(20)])
    assert not [r for r in results if isinstance(r, Exception)]
    assert server.most_at_once == 1


def test_a_busy_server_is_sent_less_than_the_ceiling(serve: Serve, door: Open, naps: list[float]) -> None:
    """After 429 the limit is lower than the ceiling, and each refused write has waited what Retry-After asked for."""
    lock, busy = threading.Lock(), [12]

    def behaviour(_: Received) -> Reply:
        with lock:
            if busy[0]:
                busy[0] -= 1
                return Reply(429, {}, {"Retry-After": "2"})
        return CREATED

    cluster = door(serve(behaviour).url, in_flight=8)
    results = cluster.write_many([create(f"w{i}") for i in range(12)])
    assert not [r for r in results if isinstance(r, Exception)]
    assert cluster._pace.limit < 8
    assert len(naps) == 12
    assert all(2.0 <= nap <= 2.5 for nap in naps)


def test_a_server_that_grows_slow_is_sent_less(serve: Serve, door: Open) -> None:
    """Latency is noticed without one refusal: fewer are in flight than while the server was quick."""
    lock, quick = threading.Lock(), [40]

    def behaviour(_: Received) -> Reply:
        with lock:
            quick[0] -= 1
            late = quick[0] < 0
        PAUSE.wait(0.3 if late else 0.002)
        return CREATED

    cluster = door(serve(behaviour).url, in_flight=12)
    assert not [
        r for r in cluster.write_many([create(f"q{i}") for i in range(40)]) if isinstance(r, Exception)
    ]
    before = cluster._pace.limit
    assert before > 4  # latency alone never lowers it further
    assert not [
        r for r in cluster.write_many([create(f"s{i}") for i in range(80)]) if isinstance(r, Exception)
    ]
    assert cluster._pace.limit < before
