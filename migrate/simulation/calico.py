"""A stand-in for a running Calico, written against the cluster door: it plays on the simulated and a real API server.

It looks at what stands and writes what Calico's own programs would have written by now: the startup's objects, each
node's block, tunnel address, annotations and condition, an allocation for every pod with an address in a pool, and
of an Installation what the Tigera operator makes. Nothing is enforced and no packet moves. It is idempotent, and
reads only when nothing has changed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Self

import yaml

from migrate.calico import created, operated
from migrate.calico.addressing import Kept, Seen, Settled, affinities, handles, settle
from migrate.calico.created import Dialect, Startup
from migrate.calico.daemon import Daemon, daemon_of
from migrate.calico.ipam import Block, Range
from migrate.calico.pools import CRD_GROUP, V3_GROUP
from migrate.doors.cluster import Cluster, Verb, Write
from migrate.errors import DoorError, NotFound
from migrate.model.canonical import digest
from migrate.model.objects import (
    Object,
    Resource,
    annotations_of,
    dig,
    group_of,
    kind_of,
    metadata_of,
    name_of,
    namespace_of,
)

OPERATOR_GROUP = "operator.tigera.io"

LOOK_AGAIN = 5.0
"""Seconds after which a real server is asked again what it serves: definitions become Established one by one."""

Now = Callable[[], datetime]


def wall() -> datetime:
    """The real time; a simulated world gives its own."""
    return datetime.now(UTC)


def reconcile(cluster: Cluster, *, now: Now = wall, give_addresses: bool = False) -> bool:
    """Bring a cluster one step on as a running Calico would; True where something was written.

    `give_addresses` plays the CNI plugin too: pods that are scheduled and have no address are annotated with one,
    from which a kubelet's stand-in takes it; leave it off where something else (kwok) gives addresses.
    Raises a DoorError.
    """
    return Pass(cluster, cluster.resources(), now, give_addresses=give_addresses).run()


class StandIn:
    """Reconcile a cluster again and again in a thread of its own; for real API servers, whose nodes are kwok's."""

    def __init__(
        self, cluster: Cluster, interval: float = 0.5, *, now: Now = wall, give_addresses: bool = False
    ) -> None:
        self._cluster = cluster
        self._interval = interval
        self._now = now
        self._give = give_addresses
        self._resources: Sequence[Resource] = ()
        self._discovered = -LOOK_AGAIN
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="calico-stand-in", daemon=True)
        self.failures: list[DoorError] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the thread, and wait for the pass that is under way."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._discover()
                Pass(self._cluster, self._resources, self._now, give_addresses=self._give).run()
            except DoorError as error:
                # A conflict or a server that is down is the next pass's business; a test may look at what it was.
                self.failures = [*self.failures[-19:], error]
            self._stop.wait(self._interval)

    def _discover(self) -> None:
        """Ask what is served, which is many requests: at every pass until Calico is there, and now and then after."""
        if _find(self._resources, "IPPool") and time.monotonic() < self._discovered + LOOK_AGAIN:
            return
        self._resources = self._cluster.resources()
        self._discovered = time.monotonic()


class Pass:
    """One look at the cluster, and what follows from it."""

    def __init__(
        self, cluster: Cluster, resources: Sequence[Resource], now: Now, *, give_addresses: bool
    ) -> None:
        self.cluster = cluster
        self.resources = resources
        self.now = now
        self.give = give_addresses
        self.native = _find(resources, "IPPool", CRD_GROUP) is None
        self.dialect = Dialect(self.native)
        self.group = V3_GROUP if self.native else CRD_GROUP
        self.wrote = False
        self.kept: Kept | None = None

    def run(self) -> bool:
        """Do what is due; nothing before the CRDs are Established, which is when discovery serves them."""
        kinds = ("IPPool", "IPAMBlock", "BlockAffinity", "IPAMHandle", "ClusterInformation")
        if any(_find(self.resources, kind, self.group) is None for kind in kinds):
            return False
        nodes = self.all("Node", "")
        installation = self._operate(nodes)
        daemon = self._daemon(nodes, installation)
        if daemon is None:
            return self.wrote
        if daemon.up:
            self._start_up(daemon)
            self._network(daemon, nodes)
            self._controllers(daemon)
        self._status(daemon)
        if installation is not None:
            self._tigera(daemon)
        return self.wrote

    # --- the operator ---

    def _operate(self, nodes: Sequence[Object]) -> Object | None:
        """Make of an Installation what the operator makes, once the operator itself runs."""
        if _find(self.resources, "Installation", OPERATOR_GROUP) is None:
            return None
        installation = next(iter(self.all("Installation", OPERATOR_GROUP)), None)
        operator = self.get("Deployment", "apps", "tigera-operator", "tigera-operator")
        if installation is None or not dig(operator, "status", "availableReplicas", default=0):
            return None
        for obj in operated.workloads(len(nodes)):
            self.ensure(obj)
        if not self.all("IPPool", self.group):
            for pool in operated.pools(self.dialect, installation, self._pod_subnet(), self.at()):
                self.ensure(pool)
        return installation

    def _tigera(self, daemon: Daemon) -> None:
        """Say by TigeraStatus what the operator would: one for calico, one for the pools."""
        waiting = ""
        if not daemon.full:
            missing = len(daemon.able) - len(daemon.up)
            waiting = f'DaemonSet "calico-system/calico-node" is not available (awaiting {missing} nodes)'
        for name in ("calico-typha", "calico-kube-controllers"):
            deployment = self.get("Deployment", "apps", name, operated.NAMESPACE)
            if not waiting and not dig(deployment, "status", "availableReplicas", default=0):
                waiting = f'Deployment "calico-system/{name}" is not yet scheduled on any nodes'
        for name, reason in (("calico", waiting), ("ippools", "")):
            standing = self.get("TigeraStatus", OPERATOR_GROUP, name)
            before = dig(standing, "status", "conditions", default=None) or ()
            conditions = created.tigera_conditions(reason, before, self.at())
            if list(before) == conditions:
                continue
            if standing is None:
                self.ensure(
                    {"apiVersion": f"{OPERATOR_GROUP}/v1", "kind": "TigeraStatus", "metadata": {"name": name}}
                )
            resource = self.resource("TigeraStatus", OPERATOR_GROUP)
            body = {"status": {"conditions": conditions}}
            self.write(Write(Verb.PATCH, resource, name, body=body, subresource="status"))

    # --- calico-node's startup ---

    def _daemon(self, nodes: Sequence[Object], installation: Object | None) -> Daemon | None:
        """Find calico-node, and where it is up."""
        namespace = operated.NAMESPACE if installation is not None else "kube-system"
        obj = self.get("DaemonSet", "apps", "calico-node", namespace)
        if obj is None:
            return None
        return daemon_of(obj, nodes, self.all("Pod", "", namespace))

    def _start_up(self, daemon: Daemon) -> None:
        at = self.at()
        if self.get("ClusterInformation", self.group, "default") is None:
            kubeadm = ["kubeadm"] if self._kubeadm() else []
            startup = Startup(
                version=daemon.version or operated.VERSION,
                cluster_type=",".join([daemon.env.get("CLUSTER_TYPE", "k8s,bgp"), *kubeadm, "kdd"]),
                guid=digest(self.cluster.identity().uid)[:32],
                at=at,
            )
            for obj in created.startup_objects(self.dialect, startup):
                self.ensure(obj)
        if not self.all("IPPool", self.group):
            pool = created.default_pool(self.dialect, daemon.env, self._pod_subnet(), at)
            if pool is not None:
                self.ensure(pool)

    def _kubeadm(self) -> str:
        """Kubeadm's ClusterConfiguration as text; empty where there is none."""
        config = self.get("ConfigMap", "", "kubeadm-config", "kube-system")
        return str(dig(config, "data", "ClusterConfiguration", default=""))

    def _pod_subnet(self) -> str:
        try:
            return str(dig(yaml.safe_load(self._kubeadm() or "{}"), "networking", "podSubnet", default=""))
        except yaml.YAMLError:
            return ""

    # --- addresses ---

    def _network(self, daemon: Daemon, nodes: Sequence[Object]) -> None:
        """Give each node its tunnel addresses and each pod its allocation, and mark both."""
        blocks = self.all("IPAMBlock", self.group)
        served = _find(self.resources, "IPReservation", self.group) is not None
        seen = Seen(
            pools=self.all("IPPool", self.group),
            blocks=blocks,
            nodes=nodes,
            up=daemon.up,
            pods=self.all("Pod", ""),
            at=self.now(),
            namespaces=self.all("Namespace", "") if self.give else (),
            reservations=self.all("IPReservation", self.group) if served else (),
            config=self.get(self.dialect.ipam_config_kind, self.group, "default"),
            give=self.give,
            collect=daemon.full,
        )
        settled = settle(seen)
        self._write_blocks(settled.ledger.blocks, {name_of(block): block for block in blocks})
        self.mark_pods(settled)
        for node in daemon.up:
            self._mark_node(node, settled.tunnels[name_of(node)])
        forgotten = replace(seen, pods=(), blocks=())
        self.kept = Kept(self.resources, forgotten, settled.ledger, starved=bool(settled.events))

    def mark_pods(self, settled: Settled) -> None:
        """Leave on pods what the CNI plugin leaves there, and the events of those that got no address."""
        for pod, marks in settled.pod_marks:
            body = {"metadata": {"annotations": marks}}
            self.write(
                Write(Verb.PATCH, self.resource("Pod", ""), name_of(pod), namespace_of(pod), body=body)
            )
        for event in settled.events:
            self.ensure(event)

    def _write_blocks(self, blocks: Mapping[Range, Block], standing: Mapping[str, Object]) -> None:
        """Write what changed of blocks, then affinities and handles, which follow from the blocks."""
        if blocks and self.get(self.dialect.ipam_config_kind, self.group, "default") is None:
            self.ensure(created.ipam_config(self.dialect))
        wanted = {
            created.cidr_name(cidr): created.block_object(self.dialect, block)
            for cidr, block in blocks.items()
        }
        self._settle(wanted, standing)
        for kind, objects in (
            ("BlockAffinity", affinities(self.dialect, blocks)),
            ("IPAMHandle", handles(self.dialect, blocks)),
        ):
            self._settle(objects, {name_of(obj): obj for obj in self.all(kind, self.group)})

    def _settle(self, wanted: Mapping[str, Object], standing: Mapping[str, Object]) -> None:
        """Make what stands what is wanted: create what is missing, change what differs, delete the rest."""
        for name, obj in wanted.items():
            if name not in standing:
                self.ensure(obj)
            elif standing[name]["spec"] != obj["spec"]:
                self.replace(standing[name], obj["spec"])
        for name in standing.keys() - wanted.keys():
            self.delete(standing[name])

    def settle_one(self, kind: str, name: str, wanted: Object | None) -> None:
        """Make one of Calico's objects what is wanted; None takes it away."""
        standing = self.get(kind, self.group, name)
        self._settle(
            {name: wanted} if wanted is not None else {}, {name: standing} if standing is not None else {}
        )

    def _mark_node(self, node: Object, tunnels: Mapping[str, str]) -> None:
        resource = self.resource("Node", "")
        marks = created.node_marks(node, tunnels)
        if any(annotations_of(node).get(key) != value for key, value in marks.items()):
            node = self.write(
                Write(Verb.PATCH, resource, name_of(node), body={"metadata": {"annotations": marks}})
            )
        conditions = created.node_conditions(node, self.at())
        if conditions is not None:
            # The list is written whole: a precondition keeps what a kubelet wrote meanwhile.
            version = str(metadata_of(node).get("resourceVersion", ""))
            status = {"status": {"conditions": conditions}}
            self.write(
                Write(
                    Verb.PATCH,
                    resource,
                    name_of(node),
                    body=status,
                    resource_version=version,
                    subresource="status",
                )
            )

    # --- workloads ---

    def _status(self, daemon: Daemon) -> None:
        """Keep the DaemonSet's status where no controller does."""
        if not daemon.unattended:
            return
        status = created.daemon_status(daemon.obj, len(daemon.able), len(daemon.up))
        have: Mapping[str, Any] = daemon.obj.get("status") or {}
        if any(have.get(key) != value for key, value in status.items()):
            resource = self.resource("DaemonSet", "apps")
            name, namespace = name_of(daemon.obj), namespace_of(daemon.obj)
            self.write(
                Write(Verb.PATCH, resource, name, namespace, body={"status": status}, subresource="status")
            )

    def _controllers(self, daemon: Daemon) -> None:
        """Once kube-controllers is available it has written its configuration."""
        deployment = self.get("Deployment", "apps", "calico-kube-controllers", namespace_of(daemon.obj))
        if not dig(deployment, "status", "availableReplicas", default=0):
            return
        if self.get("KubeControllersConfiguration", self.group, "default") is None:
            made = created.controllers_config(self.dialect, self.at())
            status = made.pop("status")
            self.ensure(made)
            resource = self.resource("KubeControllersConfiguration", self.group)
            self.write(Write(Verb.PATCH, resource, "default", body={"status": status}, subresource="status"))

    # --- the door ---

    def at(self) -> str:
        """The time as the API writes it."""
        return _stamp(self.now())

    def resource(self, kind: str, group: str) -> Resource:
        """The resource that serves a kind."""
        found = _find(self.resources, kind, group)
        if found is None:
            # not yet: a server begins to serve definitions one after the other, and a pass may fall in between
            raise NotFound(f"{kind} of {group or 'the core group'} is not served")
        return found

    def all(self, kind: str, group: str, namespace: str = "") -> list[Object]:
        """Every object of a kind."""
        pages = self.cluster.pages(self.resource(kind, group), namespace=namespace)
        return [obj for page in pages for obj in page]

    def get(self, kind: str, group: str, name: str, namespace: str = "") -> Object | None:
        """One object; None where it is not there, or its kind is not served."""
        found = _find(self.resources, kind, group)
        return self.cluster.get(found, name, namespace) if found is not None else None

    def ensure(self, obj: Object) -> None:
        """Create an object unless it stands."""
        resource = self.resource(kind_of(obj), group_of(obj))
        if self.cluster.get(resource, name_of(obj), namespace_of(obj)) is None:
            self.write(Write(Verb.CREATE, resource, name_of(obj), namespace_of(obj), body=obj))

    def replace(self, obj: Object, spec: Mapping[str, Any]) -> None:
        """Change a whole spec, unless somebody else has changed the object meanwhile."""
        resource = self.resource(str(obj["kind"]), self.group)
        self.write(Write(Verb.REPLACE, resource, name_of(obj), body={**obj, "spec": spec}))

    def delete(self, obj: Object) -> None:
        """Delete this very object."""
        resource = self.resource(str(obj["kind"]), self.group)
        self.write(Write(Verb.DELETE, resource, name_of(obj), uid=str(metadata_of(obj).get("uid", ""))))

    def write(self, write: Write) -> Object:
        """Write, and note that something was written."""
        self.wrote = True
        return self.cluster.write(write)


def _find(resources: Iterable[Resource], kind: str, group: str | None = None) -> Resource | None:
    """The resource that serves a kind; of any of Calico's groups where none is named."""
    groups = {CRD_GROUP, V3_GROUP} if group is None else {group}
    return next((r for r in resources if r.kind == kind and r.group in groups), None)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
