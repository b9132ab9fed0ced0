"""Turns: in which order the cutover lets go of what is held, so that nothing acts on a half-moved cluster.

What would undo a move from blue's side (pauses, autoscalers, GitOps, writers of DNS) goes off on blue before the first
writer moves; on green each comes back in its own turn. Between the second turn and the third the traffic is switched.
"""

from __future__ import annotations

from enum import IntEnum

from migrate.replay import kinds
from migrate.replay.kinds import Kind
from migrate.replay.replications import KINDS as REPLICATIONS
from migrate.replay.runs import BELOW


class Turn(IntEnum):
    """One turn of the cutover; what is in a later one needs those before it, or would act against them."""

    WRITERS = 1  # what was held by the operator's word and makes nothing run, workloads, Jobs, CronJobs
    ADDRESSES = 2  # Services with an address that both clusters would announce
    WAYS_IN = 3  # load balancers and who gives them addresses, Ingresses, autoscalers of workloads
    NAMES = 4  # writers of DNS and of certificates: green's addresses and routes must be there
    GITOPS = 5  # what applies Git's state: all that it would make must be there
    LAST = 6  # machines, evictions, backups


TURNS = {
    Turn.WRITERS: "workloads, Jobs and CronJobs",
    Turn.ADDRESSES: "Services with an address of their own, one by one, then the routes that are switched; where who announces "
    "addresses, or their pool, moves as well, these Services follow that in the next turn",
    Turn.WAYS_IN: "who gives addresses, then load balancers, one by one, then Ingresses, Gateways, HPAs, "
    "KEDA's objects, runs of custom kinds, their schedules and the queues that let them go on",
    Turn.NAMES: "external-dns, cert-manager",
    Turn.GITOPS: "Argo CD and Flux: controllers and objects",
    Turn.LAST: "cluster autoscalers, Cluster API's Clusters, descheduler, backups, what copies volumes",
}
"""What each turn holds, in words."""

FLUX: frozenset[Kind] = frozenset(
    {
        ("kustomize.toolkit.fluxcd.io", "Kustomization"),
        ("helm.toolkit.fluxcd.io", "HelmRelease"),
        ("source.toolkit.fluxcd.io", "GitRepository"),
        ("source.toolkit.fluxcd.io", "OCIRepository"),
        ("source.toolkit.fluxcd.io", "HelmRepository"),
        ("source.toolkit.fluxcd.io", "HelmChart"),
        ("source.toolkit.fluxcd.io", "Bucket"),
        ("image.toolkit.fluxcd.io", "ImageRepository"),
        ("image.toolkit.fluxcd.io", "ImageUpdateAutomation"),
    }
)
"""What `flux suspend` knows; source: fluxcd.io/docs/cmd."""

FLUX_OPERATOR: frozenset[Kind] = frozenset({kinds.FLUX_INSTANCE, kinds.RESOURCE_SET, kinds.INPUT_PROVIDER})
"""What the Flux Operator makes Flux and its objects from."""

SCHEDULES: frozenset[Kind] = frozenset(
    {
        ("sparkoperator.k8s.io", "ScheduledSparkApplication"),
        ("ray.io", "RayCronJob"),
        ("apps.kruise.io", "AdvancedCronJob"),
    }
)
"""What makes runs in time, beside CronJobs and Argo's CronWorkflows."""

QUEUES: frozenset[Kind] = frozenset({("kueue.x-k8s.io", "ClusterQueue")})
"""What lets suspended Jobs go on by itself."""

MACHINES: frozenset[Kind] = frozenset({("cluster.x-k8s.io", "Cluster")})
"""What keeps machines elsewhere."""

BACKUPS: frozenset[Kind] = frozenset(
    {
        ("velero.io", "Schedule"),
        ("velero.io", "BackupStorageLocation"),
        ("postgresql.cnpg.io", "ScheduledBackup"),
    }
)
"""What makes backups in time, and where they go."""

POOLS = frozenset({"metallb.io", "purelb.io", "network.kubesphere.io"})
"""API groups of the pools of addresses, and of how they are announced."""

_WRITERS = kinds.WORKLOADS | {kinds.POD, kinds.JOB, kinds.CRON_JOB, ("argoproj.io", "CronWorkflow")}
_WAYS_IN = {
    kinds.SERVICE,
    kinds.INGRESS,
    kinds.GATEWAY,
    kinds.AUTOSCALER,
    kinds.VERTICAL_AUTOSCALER,
    kinds.SCALED_OBJECT,
    kinds.SCALED_JOB,
    kinds.API_SERVICE,
    kinds.MUTATING_WEBHOOKS,
    kinds.VALIDATING_WEBHOOKS,
    *BELOW,
    *QUEUES,
    *SCHEDULES,
}


def turn_of(kind: Kind, *, rests: bool, outside: Turn | None, awaited: bool) -> Turn:
    """The turn of a held or deferred object.

    `rests` says whether blue's twin is put to rest for it, `outside` the turn of a controller that acts on the outside
    world. What answers a webhook that others wait for (`awaited`) comes with the writers, whatever else it does.
    """
    if kind in FLUX | FLUX_OPERATOR or kind in {kinds.APPLICATION, kinds.APPLICATION_SET}:
        return Turn.GITOPS
    if kind in BACKUPS | REPLICATIONS | MACHINES:
        return Turn.LAST
    if kind in _WRITERS:
        return outside if outside is not None and not awaited else Turn.WRITERS
    if kind == kinds.SERVICE and rests:
        return Turn.ADDRESSES
    # what else somebody holds, a Secret or a database's custom resource, is what writers need
    return Turn.WAYS_IN if kind in _WAYS_IN or kind[0] in POOLS else Turn.WRITERS


def announces(kind: Kind, turn: int) -> bool:
    """Whether something held gives out or announces addresses: before it stands on green, no address answers there."""
    return turn == Turn.WAYS_IN and (kind in kinds.WORKLOADS or kind[0] in POOLS)


def off_first(kind: Kind, turn: int) -> bool:
    """Whether blue's twin goes off before the first writer moves, long before green's own turn.

    Who gives addresses (a workload of the third turn) goes on until the traffic has moved.
    """
    return turn > Turn.WAYS_IN or (turn == Turn.WAYS_IN and kind not in kinds.WORKLOADS)
