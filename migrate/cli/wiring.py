"""The one place that picks real or simulated sides."""

from __future__ import annotations

import hashlib
import os
import select
import shutil
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrate.calico.documents import documents
from migrate.cli import say
from migrate.cli.project import Project
from migrate.cli.slowing import telling
from migrate.doors.clock import Clock
from migrate.doors.cluster import Cluster
from migrate.doors.doors import Doors
from migrate.doors.provisioner import Provisioner
from migrate.doors.reading import green_serves, read_inventory
from migrate.doors.slowed import Slowed
from migrate.doors.traffic import Traffic
from migrate.errors import StateNotWritable, Stopped, Unreachable
from migrate.model.action import State
from migrate.model.ids import Side
from migrate.model.inventory import Inventory
from migrate.model.migration import Migration
from migrate.model.objects import Object
from migrate.planning.routes import exposed, route_names
from migrate.planning.sides import is_url

if TYPE_CHECKING:
    from migrate.kube.cluster import KubeCluster

DOWNLOAD = 60.0
"""Seconds for fetching Calico's manifests."""


class SystemClock:
    """The machine's clock; a signal handler may `wake` whoever sleeps, so that a soak of days hears Ctrl-C."""

    def __init__(self) -> None:
        # a pipe, because a lock taken by the sleeper could not be taken again in a handler on the same thread
        self._woken, self._waker = os.pipe()

    def now(self) -> datetime:
        """The time in the local zone, with its offset."""
        return datetime.now(UTC).astimezone()

    def sleep(self, seconds: float) -> None:
        """Wait, or return early when woken; whoever waits for something looks whether it was asked to stop."""
        select.select([self._woken], [], [], max(0.0, seconds))

    def wake(self) -> None:
        """End this and every later sleep at once."""
        os.write(self._waker, b"x")


class LateCluster:
    """Green before it exists: connects on first use, through the kubeconfig that its provisioner names."""

    side = Side.GREEN

    def __init__(self, provisioner: Provisioner, context: str | None, in_flight: int) -> None:
        self._provisioner = provisioner
        self._context = context
        self._in_flight = in_flight
        self._cluster: KubeCluster | None = None

    @property
    def name(self) -> str:
        """Green's name, or "green" while there is none."""
        return self._cluster.name if self._cluster is not None else "green"

    def __getattr__(self, attribute: str) -> Any:
        """Everything else is the connected cluster's; raises Unreachable while there is none."""
        return getattr(self._connected(), attribute)

    def slowed(self) -> Sequence[Slowed]:
        """How green's server slowed us down; nobody asks for green for this alone."""
        return self._cluster.slowed() if self._cluster is not None else ()

    def close(self) -> None:
        """Close the connections, where there were any."""
        if self._cluster is not None:
            self._cluster.close()

    def _connected(self) -> Cluster:
        if self._cluster is None:
            from migrate.kube.connect import connect

            seen = self._provisioner.observe()
            if seen.state is not State.DONE or seen.kubeconfig is None:
                message = f"green does not exist yet: {seen.evidence or seen.state}"
                raise Unreachable(message)
            self._cluster = connect(seen.kubeconfig, self._context, Side.GREEN, in_flight=self._in_flight)
        return self._cluster


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the simulated balancer: its name and the Services behind it."""

    name: str
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wired:
    """The doors of a command, and what beside them depends on the sides: whether they are real, Calico's manifests."""

    doors: Doors
    real: bool
    calico: tuple[Object, ...]
    digests: dict[str, str]


@contextmanager
def wired(project: Project, *, installing: bool = True) -> Iterator[Wired]:
    """Open the doors that the migration file asks for, real or simulated.

    Without `installing` Calico's manifests are not read: going back needs none.
    """
    migration = project.migration
    calico, digests = manifests(migration) if installing else ((), {})
    if migration.blue.simulated is not None:
        with _simulated(project, migration) as doors:
            yield Wired(doors, real=False, calico=calico, digests=digests)
        return
    with _real(project, migration) as doors:
        yield Wired(doors, real=True, calico=calico, digests=digests)


@contextmanager
def turning(project: Project) -> Iterator[tuple[Traffic, Clock]]:
    """Open the traffic alone, for the red button: it must not wait for a cluster, a download or a login."""
    if project.migration.blue.simulated is not None:
        with wired(project) as simulated:
            yield simulated.doors.traffic, simulated.doors.clock
        return
    clock = SystemClock()
    yield _traffic(project, clock), clock


def _traffic(project: Project, clock: Clock) -> Traffic:
    from migrate import cutovers

    store = cutovers.FileStore(project.state / "traffic.json")
    return cutovers.traffic(project.migration.cutover, clock, store)


@contextmanager
def rehearsing(project: Project, live: Wired) -> Iterator[Wired]:
    """Open a fresh simulated world seeded from the live doors; nothing is written through those."""
    from migrate import replay
    from migrate.simulation.seed import seed
    from migrate.simulation.world import World

    shutil.rmtree(project.rehearsal, ignore_errors=True)
    project.rehearsal.mkdir(mode=0o700, parents=True)
    migration = project.migration
    with World.create(project.rehearsal / "world.db", now=live.doors.clock.now(), alone=True) as world:
        # a world converts nothing: it has the versions in which the run will read
        blue = read_inventory(live.doors.blue, at=replay.readable(green_serves(live.doors)))
        seed(world, Side.BLUE, blue, name=live.doors.blue.name)
        provisioner = _rehearsed_provisioner(world, live, migration, blue)
        doors = _world_doors(world, migration, blue, provisioner)
        del blue  # the world has it: a big cluster should not lie in memory all through its rehearsal
        yield Wired(doors, real=False, calico=live.calico, digests=live.digests)


@contextmanager
def staged(project: Project, recording: Path) -> Iterator[Wired]:
    """Open a world made of a recorded blue, without network: the same recording gives the same world.

    Calico is the stand-in of the simulation, whatever the file names; a green that the file takes as existing stands
    there fresh. The world lies in the project's state directory, which must be new. Raises RecordingError for what is
    no recorded cluster.
    """
    from migrate.simulation.manifests import calico
    from migrate.simulation.seed import seed, seed_objects
    from migrate.simulation.standing import Standing
    from migrate.simulation.world import World

    migration, name = project.migration, written_name(project.written)
    with World.create(project.state / "recorded.db") as world:
        seed_objects(world, Side.BLUE, recorded(str(recording)), name)
        world.settle()
        blue = read_inventory(world.cluster(Side.BLUE))
    with World.create(project.state / "world.db") as world:
        # read once more, as a real blue would be: Secrets get stand-in values, whatever the recording has there
        seed(world, Side.BLUE, blue, name=name)
        provisioner = _made_provisioner(world, migration, blue)
        if migration.green.provisioner.kind == "existing":
            provisioner.create(0.0)
            provisioner = Standing()
        doors = _world_doors(world, migration, blue, provisioner)
        yield Wired(doors, real=False, calico=calico(migration.green.calico.version), digests={})


def manifests(migration: Migration) -> tuple[tuple[Object, ...], dict[str, str]]:
    """Read Calico's manifests from where the file says, with the digest of what was read.

    Raises Stopped where they cannot be had or a checksum differs.
    """
    install = migration.green.calico.install
    if not install.source:
        if migration.blue.simulated is None:
            return (), {}  # Calico stands on green already: it is judged, and nothing of it is written
        from migrate.simulation.manifests import calico

        return calico(migration.green.calico.version), {}
    text = _text(install.source)
    digest = hashlib.sha256(text.encode()).hexdigest()
    if install.sha256 and digest != install.sha256:
        message = f"green.calico.install.from: {install.source} has sha256 {digest}, not {install.sha256}"
        raise Stopped(
            message, remedy="Somebody changed the file: look at it before you write the new checksum."
        )
    return documents(text, source=install.source), {"green.calico.install": digest}


def _text(source: str) -> str:
    try:
        if is_url(source):
            with urllib.request.urlopen(source, timeout=DOWNLOAD) as answer:  # noqa: S310  # the operator's own URL
                return str(answer.read().decode())
        path = Path(source)
        if path.is_dir():
            parts = sorted(p for p in path.iterdir() if p.suffix in {".yaml", ".yml", ".json"})
            return "\n---\n".join(p.read_text() for p in parts)
        return path.read_text()
    except (OSError, UnicodeDecodeError, ValueError) as error:
        message = f"green.calico.install.from: {source} cannot be read: {error}"
        raise Stopped(
            message, remedy="Name a file, a directory or a URL that this machine reaches."
        ) from error


@contextmanager
def _real(project: Project, migration: Migration) -> Iterator[Doors]:
    from migrate import movers, provisioners
    from migrate.kube.connect import connect

    clock = SystemClock()
    spec = migration.green.provisioner
    assert migration.blue.kubeconfig is not None  # the file's check has seen to it
    ceiling = migration.limits.in_flight
    blue = connect(Path(migration.blue.kubeconfig), migration.blue.context, Side.BLUE, in_flight=ceiling)
    provisioner = provisioners.provisioner(spec, directory=project.state / "green", name=migration.name)
    late = LateCluster(provisioner, spec.context, ceiling)
    green: Any = late
    clusters = {Side.BLUE: blue, Side.GREEN: green}
    mover = movers.mover(movers.Ends(migration, provisioner, project.state / "movers", clusters, clock))
    with blue, closing(late), telling(blue, green):
        yield Doors(blue, green, _traffic(project, clock), provisioner, clock, mover)


@contextmanager
def _simulated(project: Project, migration: Migration) -> Iterator[Doors]:
    from migrate.simulation.seed import seed_objects
    from migrate.simulation.world import World

    path = project.state / "world.db"
    objects = None if path.exists() else recorded(migration.blue.simulated or "")
    project.make_state()
    part = path.with_suffix(".new")
    if objects is not None:
        # seeded beside its place, so that a killed seeding leaves no half world
        for left in (part, part.with_name(f"{part.name}-wal"), part.with_name(f"{part.name}-shm")):
            left.unlink(missing_ok=True)
        with World.create(part) as world:
            seed_objects(world, Side.BLUE, objects, blue_name(migration))
            world.settle()
        if part.with_name(f"{part.name}-wal").exists():
            # closing folds this side file into the world; where the disk had no room for that, half of it is missing
            message = f"the simulated world {path} cannot be written: the disk is full"
            raise StateNotWritable(message, remedy="Make room, or give another directory: --state DIR")
        part.rename(path)
    with World.open(path) as world:
        blue = read_inventory(
            world.cluster(Side.BLUE),
            only=[
                ("", "Service"),
                ("", "Node"),
                ("networking.k8s.io", "Ingress"),
                ("storage.k8s.io", "StorageClass"),
                ("networking.k8s.io", "IngressClass"),
            ],
        )
        provisioner = _made_provisioner(world, migration, blue)
        yield _world_doors(world, migration, blue, provisioner)


def recorded(source: str) -> Sequence[Object]:
    """The objects of a recorded blue: of a file, a directory or a snapshot; the embedded demo's for an empty name.

    Says what is not in a snapshot; raises RecordingError for what is no recorded cluster.
    """
    from migrate.simulation import recorded as judged
    from migrate.simulation import recording

    if not source:
        demo = resources.files("migrate.simulation") / "data" / "demo-blue.yaml"
        return judged.of_text(demo.read_text(encoding="utf-8"), "the embedded cluster")
    objects = judged.of_path(Path(source))
    for words in recording.left_out(Path(source)):
        say.note(f"{source}: {words}")
    return objects


def blue_name(migration: Migration) -> str:
    """What a simulated blue is called."""
    return "dc1-old" if not migration.blue.simulated else Path(migration.blue.simulated).name.split(".")[0]


def written_name(written: Migration) -> str:
    """What blue is called as far as the file says: its context, else the kubeconfig's own name."""
    if written.blue.kubeconfig is None:
        return blue_name(written)
    return written.blue.context or Path(written.blue.kubeconfig).name.split(".")[0]


def _world_doors(world: Any, migration: Migration, blue: Inventory, provisioner: Provisioner) -> Doors:
    clock: Clock = world.clock()
    return Doors(
        world.cluster(Side.BLUE),
        world.cluster(Side.GREEN),
        world.traffic(routes(migration, blue)),
        provisioner,
        clock,
        world.mover(),
    )


def routes(migration: Migration, blue: Inventory) -> Sequence[Route]:
    """The routes of a simulated balancer; one that names no Service carries the exposed ones."""
    named = {r.name: r.services for r in migration.cutover.routes}
    return [Route(str(name), tuple(named.get(name) or exposed(blue))) for name in route_names(migration)]


def _made_provisioner(world: Any, migration: Migration, blue: Inventory) -> Provisioner:
    network = migration.green.network
    made: Provisioner = world.provisioner(
        version=_version_of_green(migration, blue.version),
        pod_cidr=network.pod_cidr,
        service_cidr=network.service_cidr,
        nodes=max(3, len(blue.of("Node"))),
        name=migration.name,
        classes=[*blue.of("StorageClass", "storage.k8s.io"), *blue.of("IngressClass", "networking.k8s.io")],
    )
    return made


def _version_of_green(migration: Migration, blue: str) -> str:
    """Blue's Kubernetes, or the first that the planned Calico was tested with where blue is older than that."""
    from migrate.assess.families.version import minor, tested_with

    tested, ours = tested_with(migration.green.calico.version), minor(blue)
    if tested is None or ours is None or ours >= tested[0]:
        return blue
    return "v{}.{}.0".format(*tested[0])


def _rehearsed_provisioner(world: Any, live: Wired, migration: Migration, blue: Inventory) -> Provisioner:
    from migrate.simulation.seed import seed
    from migrate.simulation.standing import Standing

    if live.doors.provisioner.observe().state is State.DONE:
        green = read_inventory(live.doors.green, ownership=True)
        seed(world, Side.GREEN, green, name=live.doors.green.name)
        return Standing()
    return _made_provisioner(world, migration, blue)
