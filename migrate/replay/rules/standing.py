"""What green has of its own under a name of ours: tried once green stands, on what is decided already."""

from __future__ import annotations

from migrate.replay.kinds import Kind
from migrate.replay.rule import Rule, skip

PROVIDED: frozenset[Kind] = frozenset(
    {
        ("storage.k8s.io", "StorageClass"),
        ("networking.k8s.io", "IngressClass"),
        ("scheduling.k8s.io", "PriorityClass"),
        ("node.k8s.io", "RuntimeClass"),
        ("snapshot.storage.k8s.io", "VolumeSnapshotClass"),
        ("gateway.networking.k8s.io", "GatewayClass"),
    }
)
"""The kinds that whoever builds a cluster brings along, and of which only the builder knows what they mean there."""

PROVIDES = skip(
    "green.provides",
    "classes (of storage, ingress, priority, runtime, snapshots or gateways) that green has of its own",
    "green has a class of this name of its own",
    *sorted(PROVIDED),
)

STANDS = skip(
    "green.stands",
    "anything else that another hand has made on green, where the conflict policy says skip",
    "green has an object of this name of its own",
)

STANDING: tuple[Rule, ...] = (PROVIDES, STANDS)
