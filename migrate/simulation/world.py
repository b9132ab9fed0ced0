"""One simulated world: two clusters, a balancer with clients, and time, in one file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from migrate.model.ids import Side
from migrate.model.objects import Object
from migrate.simulation.clock import SimulatedClock, jumped_from
from migrate.simulation.controllers.context import Context
from migrate.simulation.controllers.index import Index
from migrate.simulation.controllers.kubelet import CALICO_NAMESPACES, POD_IP
from migrate.simulation.controllers.manager import Manager
from migrate.simulation.controllers.view import Event, Key
from migrate.simulation.failures import Failures
from migrate.simulation.following import Following
from migrate.simulation.mover import SimulatedMover
from migrate.simulation.network import Network
from migrate.simulation.provisioner import SimulatedProvisioner
from migrate.simulation.server import SimulatedCluster
from migrate.simulation.store import Store
from migrate.simulation.storeview import StoreView
from migrate.simulation.traffic import Routed, SimulatedTraffic
from migrate.simulation.worldfile import from_micros, to_micros

EPOCH = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""When a world begins that is given no time: fixed, so that the same calls give the same world."""

_ROUNDS = 500
_OUTSIDE = {Side.BLUE: "198.18.0.0/16", Side.GREEN: "198.19.0.0/16"}
_MANAGER = "kube-controller-manager"
_CONCERNS_CALICO = "concerns-calico"
_SEEN = f"seen:{Side.GREEN.value}"
_CALICO_GROUPS = ("projectcalico.org", "operator.tigera.io")
_CALICO_LEDGER = {"ipamblocks", "ipamhandles", "blockaffinities"}  # only the stand-in itself writes them


class World:
    """A world, open. Make one with `create` or `open`; close it when done.

    Several processes may have the same file open; each call of a door is one transaction.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._clusters = {side: SimulatedCluster(store, side) for side in Side}
        self._managed = {side: SimulatedCluster(store, side, manager=_MANAGER) for side in Side}
        self._views = {side: StoreView(store, side.value) for side in Side}
        self._managers = {side: Manager() for side in Side}
        self._indexes: dict[Side, Index] = {}
        self._calico = Following()
        self._calico_looks = 0
        self._pods: dict[str, tuple[Object, bool]] | None = (
            None  # None: more than pods has changed for Calico
        )
        self._network = Network(store)
        self._clock = SimulatedClock(store, self.settle)
        self.failures = Failures(store)

    @classmethod
    def create(cls, path: Path, *, now: datetime | None = None, seed: int = 0, alone: bool = False) -> World:
        """Make an empty world; FileExistsError where there is a file. `now` defaults to a fixed time (`EPOCH`).

        `alone` where nobody else opens it meanwhile, and a crash may spoil it.
        """
        store = Store(path, fresh=True, alone=alone)
        with store.transaction():
            store.set_number("clock", to_micros(now or EPOCH))
            store.set_number("seed", seed)
        return cls(store)

    @classmethod
    def open(cls, path: Path) -> World:
        """Open a world; FileNotFoundError where there is none, ValueError for another format."""
        return cls(Store(path, fresh=False))

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def __enter__(self) -> Self:
        """The world itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    @property
    def store(self) -> Store:
        """The file, for what seeds a world."""
        return self._store

    def clock(self) -> SimulatedClock:
        """The world's clock."""
        return self._clock

    def cluster(self, side: Side) -> SimulatedCluster:
        """One side's API server; it raises Unreachable until the side has been seeded or made."""
        return self._clusters[side]

    def traffic(self, routes: Sequence[Routed], *, rate: float = 100.0) -> SimulatedTraffic:
        """The balancer, carrying these routes; `rate` is what the outside client sends a second over each of them."""
        return SimulatedTraffic(self._store, routes, rate=rate)

    def mover(self) -> SimulatedMover:
        """Who copies what lies on volumes."""
        return SimulatedMover(self._store)

    def provisioner(
        self,
        *,
        version: str = "",
        pod_cidr: str = "10.48.0.0/14",
        service_cidr: str = "10.112.0.0/16",
        nodes: int = 3,
        name: str = "green",
        kubeconfig: Path | None = None,
        classes: Sequence[Mapping[str, object]] = (),
    ) -> SimulatedProvisioner:
        """What makes green; an empty `version` is the newest that the simulation knows."""
        return SimulatedProvisioner(
            self._store,
            version=version,
            pod_cidr=pod_cidr,
            service_cidr=service_cidr,
            nodes=nodes,
            name=name,
            kubeconfig=kubeconfig,
            classes=classes,
        )

    def effects(self) -> Mapping[str, int]:
        """How many times each effect of ours really changed something.

        Keys are `VERB SIDE RESOURCE[/SUBRESOURCE] [NAMESPACE/]NAME`, as in `create green services shop/web`, for a
        weight `set route ROUTE PERCENT`, and `provision green NAME`. A write that changed nothing is no effect.
        """
        return {
            str(key): int(count)
            for key, count in self._store.rows("SELECT key, count FROM effects ORDER BY key")
        }

    def counters(self) -> Mapping[str, Mapping[str, int]]:
        """What the outside client has seen since the beginning, per route: requests and failed ones."""
        found: dict[str, Mapping[str, int]] = {}
        for route in self._network.routes():
            requests, failed = self._network.counted(route, source="client")
            found[route] = {"requests": requests, "failed": failed}
        return found

    def requests(self, side: Side) -> int:
        """How many writes of ours a side's server has received, by any process; reads are not kept."""
        return self._store.number(f"requests:{side.value}")

    def firings(self, side: Side) -> Sequence[tuple[str, str, datetime]]:
        """Every firing of a CronJob on a side: namespace, name, scheduled time."""
        rows = self._store.rows(
            "SELECT ns, name, due FROM firings WHERE side = ? ORDER BY due, ns, name", side.value
        )
        return [(row[0], row[1], from_micros(row[2])) for row in rows]

    def fired_twice(self) -> Sequence[tuple[str, str, datetime]]:
        """Firings of the same CronJob at the same time on both sides."""
        sql = (
            "SELECT b.ns, b.name, b.due FROM firings b JOIN firings g ON b.ns = g.ns AND b.name = g.name"
            " AND b.due = g.due WHERE b.side = 'blue' AND g.side = 'green' ORDER BY b.due, b.ns, b.name"
        )
        return [(row[0], row[1], from_micros(row[2])) for row in self._store.rows(sql)]

    def settle(self) -> None:
        """Run the controllers of both sides until nothing changes; RuntimeError if they never come to rest."""
        for _ in range(_ROUNDS):
            busy = [
                self._round(side) for side in Side if self._store.value(f"cluster:{side.value}") is not None
            ]
            # Calico's stand-in looks at everything at once, so it waits until the others are at rest.
            if not any(busy) and not self._calico_pass():
                return
        message = f"the controllers have not come to rest in {_ROUNDS} rounds"
        raise RuntimeError(message)

    def _calico_pass(self) -> bool:
        """Let Calico's stand-in look at green where something of its concern has changed."""
        if not self._store.number(_CONCERNS_CALICO):
            return False
        changed, self._pods = self._pods, None
        with self._store.transaction():
            self._store.set_number(_CONCERNS_CALICO, 0)
            self._calico_looks += 1
            looked = self._store.next_number("calico-looks")
            index = self._indexes.get(Side.GREEN)
            if looked != self._calico_looks or index is None or index.seen != self._store.number(_SEEN):
                # Another process has run the controllers or the stand-in since: what is kept here is old.
                self._calico_looks, changed = looked, None
            wrote = self._calico(self._managed[Side.GREEN], now=self._store.now, changed=changed)
        self._pods = {}
        return wrote

    def _round(self, side: Side) -> bool:
        """One round of a side's controllers in one transaction; whether there was anything to do."""
        now = self._store.number("clock")
        due = self._store.rows(
            "SELECT EXISTS (SELECT 1 FROM timers WHERE side = ? AND due <= ?)", side.value, now
        )
        if not due[0][0] and not self._views[side].waiting():
            return False
        try:
            with self._store.transaction():
                ctx = self._context(side)
                events = self._managers[side].round(ctx)
                if side is Side.GREEN:
                    self._note([event for event in events if _concerns_calico(event, ctx.index)])
        except BaseException:
            # What was taken back in the file must not stay in memory.
            self._indexes.pop(side, None)
            self._managers[side] = Manager()
            self._pods = None
            raise
        self._indexes[side].seen = self._store.number(f"seen:{side.value}")
        return True

    def _note(self, events: Iterable[Event]) -> None:
        """Keep for Calico's stand-in what concerns it: the pods, as long as nothing but pods has changed."""
        for event in events:
            self._store.set_number(_CONCERNS_CALICO, 1)
            if self._pods is None or event.plural != "pods" or event.name.startswith("calico-"):
                self._pods = None
            else:
                self._pods[event.obj["metadata"]["uid"]] = (event.obj, event.deleted)

    def _context(self, side: Side) -> Context:
        about = self._store.value(f"cluster:{side.value}") or {}
        stamp = self._store.number("rewritten")
        index = self._indexes.get(side)
        if index is None or index.stamp != stamp or index.seen != self._store.number(f"seen:{side.value}"):
            # Another process has run the controllers since, or a side was seeded anew.
            index = Index.read(self._views[side])
            index.stamp = stamp
            self._pods = None
        self._indexes[side] = index

        def fired(key: Key, times: Iterable[datetime]) -> None:
            rows = [(side.value, key.namespace, key.name, to_micros(moment)) for moment in times]
            self._store.run_many("INSERT OR IGNORE INTO firings VALUES (?, ?, ?, ?)", rows)

        return Context(
            cluster=self._managed[side],
            view=self._views[side],
            index=index,
            now=self._store.now(),
            pod_cidr=str(about.get("pod_cidr") or ""),
            outside=_OUTSIDE[side],
            calico_gives=side is Side.GREEN,
            jumped_from=jumped_from(self._store),
            unready=lambda key: self.failures.keeps_unready(side, key.namespace, key.name),
            fired=fired,
        )


def _concerns_calico(event: Event, index: Index) -> bool:
    """Whether a change may make Calico do something: its own objects, nodes, its workloads, and where pods are."""
    if event.plural == "pods" and not event.group:
        pod = index.pods.get(event.key)
        if pod is None or event.deleted or pod.finished or pod.key.name.startswith("calico-"):
            return True
        return bool(pod.node) and not pod.host_network and f'"{POD_IP}":' not in event.text
    if event.plural in {"deployments", "daemonsets"}:
        return event.namespace in CALICO_NAMESPACES
    if event.plural in _CALICO_LEDGER:
        return False
    return event.group.endswith(_CALICO_GROUPS) or event.plural in {
        "nodes",
        "namespaces",
        "customresourcedefinitions",
    }
