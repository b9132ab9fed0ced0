"""What a door tells of a server that slows it down, on both sides of the cluster door."""

from __future__ import annotations

from migrate.doors.cluster import Verb, Write
from migrate.errors import DoorError
from tests.contract.conftest import Bench


def test_a_server_with_room_turns_nobody_away(bench: Bench, namespace: str) -> None:
    """With the seats that a server gives by default a batch is all done, and no refusal is told."""
    resource = bench.resource("ConfigMap")
    writes = [
        Write(Verb.CREATE, resource, name, namespace, body={"metadata": {"name": name}})
        for name in (f"c{i}" for i in range(40))
    ]
    assert not [r for r in bench.cluster.write_many(writes) if isinstance(r, DoorError)]
    assert not [slowed for slowed in bench.cluster.slowed() if slowed.refused]
