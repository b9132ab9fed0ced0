"""Whether the Calico that stands on green works: verdicts from what was listed, nothing is asked of a cluster here.

A zero exit code or a Ready pod says little: kube-controllers is Ready while its data feed still waits for every
calico-node (seen on v3.32.1), nodes keep CalicoIsUp when Calico is gone. So each verdict looks at what Calico itself
writes when it works.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from migrate.calico import pools as ip_pools
from migrate.calico.created import selects
from migrate.calico.leftovers import addresses, leftovers
from migrate.calico.manifests import OPERATOR_GROUP
from migrate.calico.pools import CRD_GROUP, V3_GROUP, of_calico
from migrate.model.inventory import Inventory
from migrate.model.migration import Pool
from migrate.model.objects import Object, Resource, dig, labels_of, metadata_of, name_of, namespace_of
from migrate.model.verdict import Verdict, failed, inconclusive, passed

GROUPS = frozenset({CRD_GROUP, V3_GROUP, OPERATOR_GROUP})
KINDS = frozenset(
    {
        ("", "Node"),
        ("", "Pod"),
        ("apps", "DaemonSet"),
        ("apps", "Deployment"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
    }
)

NAMESPACES = ("calico-system", "kube-system")

# Without these nothing of Calico starts; the others of its 22 CRDs follow in the same manifest.
NEEDED_CRDS = (
    "blockaffinities",
    "clusterinformations",
    "felixconfigurations",
    "globalnetworkpolicies",
    "ipamblocks",
    "ipamhandles",
    "ippools",
    "networkpolicies",
    "tiers",
)


def concerns(resource: Resource) -> bool:
    """Whether Calico's readiness is judged by objects of this resource."""
    return resource.group in GROUPS or (resource.group, resource.kind) in KINDS


def readiness(inventory: Inventory, pools: Sequence[Pool], *, pods_run: bool = False) -> tuple[Verdict, ...]:
    """Judge green's Calico; `pools` are the planned ones, default included.

    A node has a block as soon as it has a tunnel's address, which an encapsulated pool gives it; without
    encapsulation only once a pod runs there, so that blocks are judged then only where `pods_run` says so.
    """
    tunnels = any(pool.encapsulation != "None" and not pool.namespaces for pool in pools)
    return (
        crds(inventory),
        node_daemon(inventory),
        kube_controllers(inventory),
        *operator(inventory),
        datastore(inventory),
        nodes_up(inventory),
        *ip_pools.compare(pools, of_calico(inventory, "IPPool")),
        *((blocks(inventory),) if tunnels or pods_run else ()),
        *leftovers(inventory),
        addresses(inventory),
    )


def crds(inventory: Inventory) -> Verdict:
    """Whether Calico's CustomResourceDefinitions are there and Established."""
    check = "calico/crds"
    found = {
        name_of(crd): crd
        for crd in inventory.of("CustomResourceDefinition", "apiextensions.k8s.io")
        if dig(crd, "spec", "group") in {CRD_GROUP, V3_GROUP}
    }
    # Native v3 CRDs stand instead of the old ones, never beside them.
    native = bool(found) and not any(name.endswith(f".{CRD_GROUP}") for name in found)
    group = V3_GROUP if native else CRD_GROUP
    missing = [f"{plural}.{group}" for plural in NEEDED_CRDS if f"{plural}.{group}" not in found]
    if missing:
        return failed(check, f"missing: {', '.join(missing)}", "write Calico's CustomResourceDefinitions")
    waiting = sorted(
        name for name, crd in found.items() if condition(crd, "Established").get("status") != "True"
    )
    if waiting:
        return failed(
            check, f"not Established: {', '.join(waiting)}", "wait; look at their condition NamesAccepted"
        )
    return passed(check, f"{len(found)} definitions of {group} are Established")


def node_daemon(inventory: Inventory) -> Verdict:
    """Whether calico-node is up to date and ready on every node that can run it."""
    check = "calico/node"
    daemon = _daemon(inventory)
    if daemon is None:
        return failed(check, "there is no DaemonSet calico-node", "install Calico")
    able = [node for node in inventory.of("Node") if selects(daemon, node)]
    if not able:
        return inconclusive(check, "no node can run calico-node", "join nodes to green")
    gap = _rollout_gap(daemon)
    desired = int(dig(daemon, "status", "desiredNumberScheduled", default=0))
    if not gap and desired < len(able):
        gap = f"wanted on {desired}, and {len(able)} nodes can run it"
    if gap:
        where = _unready_nodes(inventory, daemon)
        named = f"; not ready on {', '.join(where)}" if where else ""
        remedy = f"look at the pods k8s-app=calico-node in {namespace_of(daemon)}, their events and logs"
        return failed(check, f"DaemonSet {namespace_of(daemon)}/calico-node: {gap}{named}", remedy)
    return passed(check, f"calico-node is ready on {desired} of {len(able)} nodes")


def kube_controllers(inventory: Inventory) -> Verdict:
    """Whether calico-kube-controllers is Available and its data feed can run.

    The feed polls until DaemonSet calico-node is fully updated and available, every 5 s, and starts no sooner: the
    pod is Ready meanwhile, and neither addresses nor deleted nodes are cleaned up.
    """
    check = "calico/kube-controllers"
    deployment = _named(inventory, "Deployment", "calico-kube-controllers")
    if deployment is None:
        return failed(check, "there is no Deployment calico-kube-controllers", "install Calico")
    where = f"{namespace_of(deployment)}/calico-kube-controllers"
    if condition(deployment, "Available").get("status") != "True":
        return failed(check, f"Deployment {where} is not Available", "look at its pod's events and logs")
    daemon = _daemon(inventory)
    gap = _rollout_gap(daemon) if daemon is not None else "there is no DaemonSet calico-node"
    if gap:
        return failed(
            check,
            f"Deployment {where} is Available, but its data feed waits for calico-node: {gap}",
            f"mend calico-node; if nothing is cleaned up then: kubectl -n {namespace_of(deployment)} rollout restart"
            " deployment/calico-kube-controllers",
        )
    stale = _stale_affinities(inventory)
    if stale:
        return failed(
            check,
            f"Deployment {where} is Available, but address blocks of nodes that are gone still stand: {', '.join(stale)}",
            f"kubectl -n {namespace_of(deployment)} rollout restart deployment/calico-kube-controllers",
        )
    return passed(check, f"Deployment {where} is Available{_feed_note(inventory, deployment)}")


def operator(inventory: Inventory) -> tuple[Verdict, ...]:
    """What the operator says of its components; nothing where no Installation stands."""
    if not inventory.of("Installation", OPERATOR_GROUP):
        return ()
    statuses = {name_of(status): status for status in inventory.of("TigeraStatus", OPERATOR_GROUP)}
    verdicts = [_tigera(name, status) for name, status in sorted(statuses.items())]
    if "calico" not in statuses:
        remedy = "look at the log of tigera-operator/tigera-operator"
        verdicts.insert(
            0, inconclusive("calico/operator/calico", "there is no TigeraStatus calico yet", remedy)
        )
    return tuple(verdicts)


def datastore(inventory: Inventory) -> Verdict:
    """Whether Calico's datastore is open: its ClusterInformation says so, and while it is not nothing is networked."""
    check = "calico/datastore"
    found = next(iter(of_calico(inventory, "ClusterInformation")), None)
    if found is None:
        return failed(
            check, "there is no ClusterInformation: no calico-node has started yet", "wait for calico-node"
        )
    version = dig(found, "spec", "calicoVersion", default="unknown")
    if dig(found, "spec", "datastoreReady") is not True:
        return failed(
            check, "ClusterInformation says datastoreReady: false", "calicoctl datastore migrate unlock"
        )
    return passed(check, f"the datastore is ready, Calico {version}")


def nodes_up(inventory: Inventory) -> Verdict:
    """Whether Calico has cleared NetworkUnavailable on every Linux node.

    The condition outlives an uninstalled Calico, so that it counts only beside a calico-node DaemonSet.
    """
    check = "calico/nodes"
    nodes = [node for node in inventory.of("Node") if _is_linux(node)]
    if not nodes:
        return inconclusive(check, "there are no Linux nodes", "join nodes to green")
    if _daemon(inventory) is None:
        return failed(check, "there is no calico-node that could bring a node up", "install Calico")
    down = []
    for node in nodes:
        found = condition(node, "NetworkUnavailable")
        if found.get("status") != "False" or found.get("reason") != "CalicoIsUp":
            down.append(f"{name_of(node)} ({found.get('reason') or 'no word yet'})")
    if down:
        return failed(
            check, f"Calico is not up on {', '.join(sorted(down))}", "look at calico-node on those nodes"
        )
    return passed(check, f"NetworkUnavailable is False (CalicoIsUp) on {len(nodes)} nodes")


def blocks(inventory: Inventory) -> Verdict:
    """Whether every node that runs calico-node has a confirmed block of addresses."""
    check = "calico/blocks"
    confirmed = {
        str(dig(affinity, "spec", "node"))
        for affinity in of_calico(inventory, "BlockAffinity")
        if dig(affinity, "spec", "state") == "confirmed" and not _is_true(dig(affinity, "spec", "deleted"))
    }
    daemon = _daemon(inventory)
    nodes = {name_of(n) for n in inventory.of("Node") if daemon is not None and selects(daemon, n)}
    without = sorted(nodes - confirmed)
    if not nodes:
        return inconclusive(check, "no node can run calico-node", "join nodes to green")
    if not without:
        return passed(check, f"{len(nodes)} nodes have a confirmed block")
    remedy = "look at the pools' room, and at calico-node's log on those nodes"
    return failed(check, f"no confirmed block on {', '.join(without)}", remedy)


def condition(obj: Object, kind: str) -> Mapping[str, Any]:
    """The condition of that type in an object's status; empty where it has none."""
    for found in dig(obj, "status", "conditions", default=None) or ():
        if found.get("type") == kind:
            result: Mapping[str, Any] = found
            return result
    return {}


def _tigera(name: str, status: Object) -> Verdict:
    check = f"calico/operator/{name}"
    words = {kind: condition(status, kind) for kind in ("Available", "Progressing", "Degraded")}
    message = "; ".join(
        str(w["message"]) for w in words.values() if w.get("status") == "True" and w.get("message")
    )
    if words["Degraded"].get("status") == "True":
        remedy = f"kubectl get tigerastatus {name} -o yaml, and the log of tigera-operator"
        return failed(check, f"TigeraStatus {name} is Degraded: {message or 'no message'}", remedy)
    if words["Available"].get("status") != "True":
        return inconclusive(
            check, f"TigeraStatus {name} is not Available yet{': ' + message if message else ''}", "wait"
        )
    if words["Progressing"].get("status") == "True":
        return inconclusive(check, f"TigeraStatus {name} is Available, and changes: {message}", "wait")
    return passed(check, f"TigeraStatus {name} is Available")


def _rollout_gap(daemon: Object) -> str:
    """Why a DaemonSet is not fully updated and available (as kube-controllers' feed asks); empty where it is."""
    status: Mapping[str, Any] = dig(daemon, "status", default={}) or {}
    desired = int(status.get("desiredNumberScheduled") or 0)
    if int(status.get("observedGeneration") or 0) < int(metadata_of(daemon).get("generation") or 1):
        return "its last change has not been seen by the controller yet"
    if not desired:
        return "no pod of it is scheduled"
    for name, word in (
        ("currentNumberScheduled", "scheduled"),
        ("updatedNumberScheduled", "up to date"),
        ("numberReady", "ready"),
        ("numberAvailable", "available"),
    ):
        have = int(status.get(name) or 0)
        if have < desired:
            return f"{have} of {desired} are {word}"
    if int(status.get("numberMisscheduled") or 0):
        return f"{status['numberMisscheduled']} run where they should not"
    return ""


def _feed_note(inventory: Inventory, deployment: Object) -> str:
    """Say when kube-controllers started before calico-node was ready everywhere: its feed began only after that."""
    namespace = namespace_of(deployment)
    started = max((_started(p) for p in _pods(inventory, namespace, "calico-kube-controllers")), default="")
    ready = [
        condition(p, "Ready").get("lastTransitionTime") or ""
        for p in _pods(inventory, namespace, "calico-node")
    ]
    last = max(ready, default="")
    if started and last and started < last:
        return f"; it started at {started}, and its data feed only once calico-node was ready everywhere, at {last}"
    return "; its data feed found calico-node ready everywhere"


def _started(pod: Object) -> str:
    statuses = dig(pod, "status", "containerStatuses", default=None) or ()
    times = [str(dig(status, "state", "running", "startedAt", default="")) for status in statuses]
    return max(times, default="") or str(dig(pod, "status", "startTime", default=""))


def _stale_affinities(inventory: Inventory) -> list[str]:
    nodes = {name_of(node) for node in inventory.of("Node")}
    return sorted(
        f"{dig(affinity, 'spec', 'cidr')} of {dig(affinity, 'spec', 'node')}"
        for affinity in of_calico(inventory, "BlockAffinity")
        if dig(affinity, "spec", "type", default="host") in {"host", ""}
        and dig(affinity, "spec", "node") not in nodes
    )


def _unready_nodes(inventory: Inventory, daemon: Object) -> list[str]:
    ready = {
        str(dig(pod, "spec", "nodeName"))
        for pod in _pods(inventory, namespace_of(daemon), "calico-node")
        if condition(pod, "Ready").get("status") == "True"
    }
    return sorted(name_of(n) for n in inventory.of("Node") if selects(daemon, n) and name_of(n) not in ready)


def _pods(inventory: Inventory, namespace: str, app: str) -> list[Object]:
    return [pod for pod in inventory.in_namespace("Pod", namespace) if labels_of(pod).get("k8s-app") == app]


def _daemon(inventory: Inventory) -> Object | None:
    return _named(inventory, "DaemonSet", "calico-node")


def _named(inventory: Inventory, kind: str, name: str) -> Object | None:
    for namespace in NAMESPACES:
        found = inventory.named(kind, name, namespace, "apps")
        if found is not None:
            return found
    return None


def _is_linux(node: Object) -> bool:
    system = labels_of(node).get("kubernetes.io/os") or dig(node, "status", "nodeInfo", "operatingSystem")
    return system in {None, "linux"}


def _is_true(value: object) -> bool:
    # BlockAffinity.spec.deleted is the text "false" in v1 and a boolean in v3.
    return value is True or value == "true"
