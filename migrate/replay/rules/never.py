"""Kinds that are never replayed: they describe blue itself, or the server makes them."""

from __future__ import annotations

from migrate.model import marks
from migrate.model.objects import annotations_of
from migrate.replay.replications import replication_of
from migrate.replay.rule import Rule, Subject, skip
from migrate.replay.surroundings import Surroundings

_COORDINATION = "coordination.k8s.io"
_STORAGE = "storage.k8s.io"

_LONGHORN = frozenset(
    ("longhorn.io", kind)
    for kind in (
        "InstanceManager", "Node", "Engine", "Replica", "EngineImage", "ShareManager", "BackingImageManager",
    )
)  # fmt: skip
"""Source: longhorn-manager, controller; some control the pods by which a node serves its volumes."""


def no_create(subject: Subject, _surroundings: Surroundings) -> str | None:
    """Match what nobody can create; a resource without verbs comes from a recording and says nothing."""
    verbs = subject.resource.verbs
    return f"verbs: {', '.join(sorted(verbs))}" if verbs and "create" not in verbs else None


def _metrics(subject: Subject, _surroundings: Surroundings) -> str | None:
    return "" if subject.ref.group.endswith("metrics.k8s.io") else None


def _reviews(subject: Subject, _surroundings: Surroundings) -> str | None:
    return "" if subject.ref.group in {"authentication.k8s.io", "authorization.k8s.io"} else None


def _internal(subject: Subject, _surroundings: Surroundings) -> str | None:
    return "" if subject.ref.group in {"internal.apiserver.k8s.io", "storagemigration.k8s.io"} else None


def _of_a_pass(subject: Subject, _surroundings: Surroundings) -> str | None:
    """Match what a mover of ours made on blue, and what a run that died in its pass has left of it."""
    name = annotations_of(subject.obj).get(marks.PASS)
    return f"pass {name}" if name else None


def _of_volsync(subject: Subject, _surroundings: Surroundings) -> str | None:
    whose = replication_of(subject.obj)
    return f"made for {whose}" if whose else None


NO_CREATE = skip(
    "never.no-create",
    "the kind has no `create` verb",
    "nobody can create objects of this kind",
    when=no_create,
)

RULES: tuple[Rule, ...] = (
    NO_CREATE,
    skip(
        "never.copying",
        "what copies a claim's data: objects with the annotation cnimigrate.io/pass",
        "a mover makes it for one pass, and takes it away again",
        when=_of_a_pass,
    ),
    skip(
        "never.volsync",
        "what VolSync made for a ReplicationSource or ReplicationDestination: objects that one controls, or owns with the label "
        "app.kubernetes.io/created-by=volsync; not claims that keep what a ReplicationDestination received",
        "VolSync makes it anew for a replication that goes on, a key with another value",
        when=_of_volsync,
    ),
    skip(
        "never.longhorn",
        "what longhorn-manager makes for its own nodes and volumes: longhorn.io InstanceManagers, Nodes, Engines, Replicas, "
        "EngineImages, ShareManagers, BackingImageManagers",
        "green's Longhorn makes its own; blue's serve volumes there until their pods are gone",
        *sorted(_LONGHORN),
    ),
    skip(
        "never.events",
        "Events",
        "events tell what happened on blue",
        ("", "Event"),
        ("events.k8s.io", "Event"),
    ),
    skip(
        "never.leases",
        "Leases and lease candidates",
        "a lease is held by something that runs on blue",
        (_COORDINATION, "Lease"),
        (_COORDINATION, "LeaseCandidate"),
    ),
    skip("never.nodes", "Nodes", "green has its own nodes", ("", "Node")),
    skip(
        "never.csi-nodes",
        "CSINodes and CSIStorageCapacities",
        "they describe the drivers on blue's nodes",
        (_STORAGE, "CSINode"),
        (_STORAGE, "CSIStorageCapacity"),
    ),
    skip(
        "never.volume-attachments",
        "VolumeAttachments",
        "they attach volumes to blue's nodes",
        (_STORAGE, "VolumeAttachment"),
    ),
    skip(
        "never.addresses",
        "IPAddresses and ServiceCIDRs",
        "they account for blue's Service range",
        ("networking.k8s.io", "IPAddress"),
        ("networking.k8s.io", "ServiceCIDR"),
    ),
    skip(
        "never.devices",
        "ResourceSlices and DeviceTaintRules",
        "they describe the devices of blue's nodes",
        ("resource.k8s.io", "ResourceSlice"),
        ("resource.k8s.io", "DeviceTaintRule"),
    ),
    skip(
        "never.certificate-requests",
        "CertificateSigningRequests and PodCertificateRequests",
        "blue's authority answers them",
        ("certificates.k8s.io", "CertificateSigningRequest"),
        ("certificates.k8s.io", "PodCertificateRequest"),
    ),
    skip(
        "never.component-status",
        "ComponentStatuses",
        "they describe blue's control plane",
        ("", "ComponentStatus"),
    ),
    skip("never.metrics", "the metrics APIs", "they are measured, not stored", when=_metrics),
    skip(
        "never.reviews",
        "authentication and authorization reviews",
        "they are questions, not objects",
        when=_reviews,
    ),
    skip(
        "never.api-server", "the API server's own records", "green's API server keeps its own", when=_internal
    ),
    skip(
        "never.revisions",
        "ControllerRevisions",
        "green's controllers make them from the workload",
        ("apps", "ControllerRevision"),
    ),
    skip("never.bindings", "Bindings", "they place pods on blue's nodes", ("", "Binding")),
)
