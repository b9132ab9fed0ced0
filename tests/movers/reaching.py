"""The two ends of a mover under test, as files and as API servers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from migrate.doors.clock import Clock
from migrate.doors.cluster import Cluster, Verb, Write
from migrate.model.ids import Side
from migrate.model.migration import Migration
from migrate.model.objects import Object, Ref, Resource
from migrate.movers.ends import Ends
from migrate.simulation.seed import seed_yaml
from migrate.simulation.world import World
from tests.movers.copying import Green
from tests.movers.volsync import Played, VolSync, defined

NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", namespaced=True)


@dataclass(frozen=True)
class Stage:
    """The ends of a mover of kind volsync, and the stand-in that plays on them."""

    ends: Ends
    volsync: VolSync
    claim: Ref


def ends(
    migration: Migration,
    folder: Path,
    clusters: Mapping[Side, Cluster] | None = None,
    clock: Clock | None = None,
) -> Ends:
    """The ends of a migration, with a folder for kubeconfigs and notes; without clusters no door is asked."""
    return Ends(migration, Green(folder), folder / "notes", clusters or {}, clock or Brisk())


def asked(argv: list[str], **more: Any) -> Migration:
    """A migration that has all data copied by a program, or by what else is said."""
    mover = {"kind": "command", "command": argv, **more}
    if not argv:
        del mover["command"]
    volumes = [{"namespace": "*", "as": "copy", "reason": "it is much", "mover": mover}]
    return Migration.model_validate(
        {
            "metadata": {"name": "dc1"},
            "blue": {"kubeconfig": "/blue.yaml", "context": "admin@blue"},
            "workloads": {"volumes": volumes},
        }
    )


def claimed(claim: Ref, **spec: Any) -> Object:
    """A claim of the fewest fields."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": claim.name, "namespace": claim.namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec},
    }


@contextmanager
def on_simulated(folder: Path, claim: Ref, **spec: Any) -> Iterator[Stage]:
    """Two simulated API servers that serve VolSync's kinds."""
    with World.create(folder / "world.db") as world:
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": claim.namespace}}
        for side in Side:
            seed_yaml(world, side, yaml.safe_dump_all([space, claimed(claim, **spec)]), side.value)
        clusters = {side: world.cluster(side) for side in Side}
        with defined(clusters, lambda: world.clock().sleep(1.0)):
            yield _stage(folder, clusters, world.clock(), claim)


@contextmanager
def serving(kubeconfigs: Sequence[Path]) -> Iterator[Mapping[Side, Cluster]]:
    """Two real API servers that serve VolSync's kinds."""
    from migrate.kube.connect import connect

    with ExitStack() as stack:
        pairs = zip(Side, kubeconfigs, strict=True)
        clusters = {side: stack.enter_context(connect(path, None, side)) for side, path in pairs}
        stack.enter_context(defined(clusters, lambda: time.sleep(0.2)))
        yield clusters


@contextmanager
def on_real(folder: Path, clusters: Mapping[Side, Cluster]) -> Iterator[Stage]:
    """Real API servers, with the claim in a namespace of the test's own."""
    claim = Ref("", "PersistentVolumeClaim", f"copying-{uuid4().hex[:8]}", "data")
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": claim.namespace}}
    with ExitStack() as stack:
        for cluster in clusters.values():
            cluster.write(Write(Verb.CREATE, NAMESPACES, claim.namespace, body=space))
            stack.callback(cluster.write, Write(Verb.DELETE, NAMESPACES, claim.namespace))
            cluster.write(Write(Verb.CREATE, CLAIMS, claim.name, claim.namespace, body=claimed(claim)))
        yield _stage(folder, clusters, Brisk(), claim)


class Brisk:
    """The machine's clock, with short sleeps."""

    def now(self) -> datetime:
        """The machine's."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """A tenth of a second at most."""
        time.sleep(min(seconds, 0.1))


def _stage(folder: Path, clusters: Mapping[Side, Cluster], clock: Clock, claim: Ref) -> Stage:
    playing = VolSync(clusters, folder, claim.namespace)
    migration = asked([], kind="volsync", volsync={"countImage": "busybox:1.37"})
    return Stage(ends(migration, folder, clusters, Played(clock, playing)), playing, claim)
