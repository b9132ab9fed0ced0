"""Proxies that cut a program off at the n-th call of a door: before the call, or after its effect.

For tests that kill a run everywhere: "the effect happened, the reply was lost" is `after=True`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from migrate.doors.clock import Clock
from migrate.doors.cluster import PAGE, Cluster, ClusterIdentity, Write
from migrate.doors.doors import Doors
from migrate.doors.mover import Copied, Going, Mover, Pass
from migrate.doors.provisioner import Provision, Provisioner
from migrate.doors.slowed import Slowed
from migrate.doors.traffic import Counts, Sample, Share, Traffic
from migrate.errors import DoorError
from migrate.model.ids import RouteName, Side
from migrate.model.objects import Object, Resource

_Result = TypeVar("_Result")


class Killed(BaseException):
    """Stand for SIGKILL: no handler that catches Exception sees it."""


def writes_only(words: str) -> bool:
    """Whether a call changes something, or lets time pass."""
    return words.startswith(
        ("write ", "traffic set ", "provisioner create", "provisioner destroy", "clock sleep")
    )


@dataclass
class Fuse:
    """Counts the calls of every door that shares it, and blows once, at the n-th of them (from 1); 0 only counts.

    `after` lets the call take effect first. `only` says which calls count, by their words: `write create blue
    services shop/web`, `read blue pods`, `traffic set web 25`, `clock sleep 60`. `raises` makes what is raised.
    """

    at: int = 0
    after: bool = False
    only: Callable[[str], bool] = writes_only
    raises: Callable[[], BaseException] = Killed
    calls: list[str] = field(default_factory=list)

    def around(self, words: str, call: Callable[[], _Result]) -> _Result:
        """Make a call, unless it is the one to be cut off before."""
        if not self.only(words):
            return call()
        self.calls.append(words)
        blows = len(self.calls) == self.at
        if blows and not self.after:
            raise self.raises()
        result = call()
        if blows:
            raise self.raises()
        return result


class FaultyCluster:
    """A cluster behind a fuse; every write of a `write_many` counts on its own."""

    def __init__(self, inner: Cluster, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse

    @property
    def side(self) -> Side:
        """The inner cluster's side."""
        return self._inner.side

    @property
    def name(self) -> str:
        """The inner cluster's name."""
        return self._inner.name

    def identity(self) -> ClusterIdentity:
        """Read who this cluster is."""
        return self._fuse.around(f"read {self.side.value} identity", self._inner.identity)

    def resources(self) -> Sequence[Resource]:
        """Discover every served resource."""
        return self._fuse.around(f"read {self.side.value} resources", self._inner.resources)

    @property
    def undiscovered(self) -> Mapping[str, str]:
        """What the inner cluster's latest discovery could not see into."""
        return self._inner.undiscovered

    def pages(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        limit: int = PAGE,
        ownership: bool = False,
    ) -> Iterator[Sequence[Object]]:
        """List objects by pages; each page counts."""
        pages = self._inner.pages(
            resource, namespace=namespace, label_selector=label_selector, limit=limit, ownership=ownership
        )
        while True:
            page = self._fuse.around(f"read {self.side.value} {resource.name}", lambda: next(pages, None))
            if page is None:
                return
            yield page

    def get(self, resource: Resource, name: str, namespace: str = "") -> Object | None:
        """Read one object."""
        words = f"read {self.side.value} {resource.name} {namespace}/{name}"
        return self._fuse.around(words, lambda: self._inner.get(resource, name, namespace))

    def write(self, write: Write) -> Object:
        """Do one write; a dry run counts as a read."""
        verb = "read dry-run" if write.dry_run else f"write {write.verb.value}"
        words = f"{verb} {self.side.value} {write.resource.name} {write.namespace}/{write.name}"
        return self._fuse.around(words, lambda: self._inner.write(write))

    def write_many(self, writes: Sequence[Write]) -> Sequence[Object | DoorError]:
        """Do the writes one after another, so that a cut may fall between any two."""
        results: list[Object | DoorError] = []
        for write in writes:
            try:
                results.append(self.write(write))
            except DoorError as error:
                results.append(error)
        return results

    def send_many(self, writes: Sequence[Write]) -> Iterator[Object | DoorError]:
        """Do the writes at once: a cut falls where they would have begun."""
        return iter(self.write_many(writes))

    def warnings(self, resource: Resource, name: str, namespace: str = "") -> Sequence[str]:
        """What the inner cluster's server warned of; no call goes out for it."""
        return self._inner.warnings(resource, name, namespace)

    def slowed(self) -> Sequence[Slowed]:
        """How the inner cluster's server slowed us down; no call goes out for it."""
        return self._inner.slowed()

    def may(self, verb: str, resource: Resource, namespace: str = "") -> bool:
        """Ask for a right."""
        words = f"read {self.side.value} review {verb} {resource.name}"
        return self._fuse.around(words, lambda: self._inner.may(verb, resource, namespace))

    def requests(self) -> int:
        """The inner cluster's count."""
        return self._inner.requests()


class FaultyTraffic:
    """A balancer behind a fuse."""

    def __init__(self, inner: Traffic, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse

    @property
    def kind(self) -> str:
        """The inner mechanism's name."""
        return self._inner.kind

    def routes(self) -> tuple[RouteName, ...]:
        """The inner routes."""
        return self._inner.routes()

    def read(self, route: RouteName) -> Share:
        """Read a split."""
        return self._fuse.around(f"traffic read {route}", lambda: self._inner.read(route))

    def set(self, route: RouteName, green: int) -> None:
        """Set a split."""
        self._fuse.around(f"traffic set {route} {green}", lambda: self._inner.set(route, green))

    def counts(self, route: RouteName) -> Mapping[Side, Counts] | None:
        """Read counts."""
        return self._fuse.around(f"traffic counts {route}", lambda: self._inner.counts(route))

    def probe(self, route: RouteName, side: Side, *, count: int, rate: float) -> Sample:
        """Probe one side."""
        words = f"traffic probe {route} {side.value}"
        return self._fuse.around(words, lambda: self._inner.probe(route, side, count=count, rate=rate))

    def sample(self, route: RouteName, *, count: int, rate: float) -> Sample:
        """Sample through the mechanism."""
        return self._fuse.around(
            f"traffic sample {route}", lambda: self._inner.sample(route, count=count, rate=rate)
        )


class FaultyProvisioner:
    """A maker of clusters behind a fuse."""

    def __init__(self, inner: Provisioner, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse

    @property
    def kind(self) -> str:
        """The inner provisioner's name."""
        return self._inner.kind

    @property
    def makes(self) -> bool:
        """Whether the inner one makes the cluster."""
        return self._inner.makes

    def observe(self) -> Provision:
        """Look at how green stands."""
        return self._fuse.around("provisioner observe", self._inner.observe)

    def create(self, deadline: float) -> None:
        """Make green."""
        self._fuse.around("provisioner create", lambda: self._inner.create(deadline))

    def destroy(self, deadline: float) -> None:
        """Unmake green."""
        self._fuse.around("provisioner destroy", lambda: self._inner.destroy(deadline))


class FaultyClock:
    """A clock behind a fuse; telling the time never counts."""

    def __init__(self, inner: Clock, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse

    def now(self) -> datetime:
        """The inner clock's time."""
        return self._inner.now()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self._fuse.around(f"clock sleep {seconds:g}", lambda: self._inner.sleep(seconds))


class FaultyMover:
    """A mover behind a fuse."""

    def __init__(self, inner: Mover, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse

    def observe(self, task: Pass) -> Copied | None:
        """Ask whether a pass was done."""
        return self._fuse.around(f"mover observe {task.phase}", lambda: self._inner.observe(task))

    def copy(self, task: Pass, deadline: float, going: Going) -> Copied:
        """Copy."""
        words = f"mover copy {task.phase} {task.claim}"
        return self._fuse.around(words, lambda: self._inner.copy(task, deadline, going))

    def let_go(self, task: Pass, deadline: float, going: Going) -> None:
        """Take away what was left behind."""
        words = f"mover let go of {task.claim}"
        self._fuse.around(words, lambda: self._inner.let_go(task, deadline, going))


def behind(doors: Doors, fuse: Fuse) -> Doors:
    """All doors of a run behind one fuse."""
    return Doors(
        FaultyCluster(doors.blue, fuse),
        FaultyCluster(doors.green, fuse),
        FaultyTraffic(doors.traffic, fuse),
        FaultyProvisioner(doors.provisioner, fuse),
        FaultyClock(doors.clock, fuse),
        FaultyMover(doors.mover, fuse),
    )
