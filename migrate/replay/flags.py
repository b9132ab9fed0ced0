"""What is worth knowing of an object that moves, although it does not keep it from moving."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from migrate.model.decision import Literal
from migrate.model.groups import BUILT_IN_GROUPS
from migrate.model.objects import Object, annotations_of, dig, labels_of
from migrate.replay import kinds
from migrate.replay.identity import cloud_identity
from migrate.replay.missed import unread
from migrate.replay.pods import state_annotation
from migrate.replay.rule import Subject
from migrate.replay.sanitising.everywhere import too_long
from migrate.replay.storage_classes import classes_named, renamed_classes
from migrate.replay.surroundings import Surroundings

SHOWN = 3
"""How many addresses of blue a text lists; `Decision.literals` has all."""


def flags(subject: Subject, surroundings: Surroundings, literals: Sequence[Literal]) -> Iterator[str]:
    """Say who else keeps the object, what was left behind, and what of it names blue (see `literals`)."""
    if subject.ref in surroundings.blue.inventory.converted:
        yield surroundings.blue.inventory.converted[subject.ref]
    yield from _keepers(subject.obj)
    if too_long(annotations_of(subject.obj)):
        yield "last-applied is not carried over: with our marks its annotations would be above 256 KiB"
    yield from _networking(subject)
    yield from _pod(subject)
    if subject.kind == kinds.DEPLOYMENT and dig(subject.obj, "spec", "paused"):
        yield "is paused: on green it makes no pods until it is resumed"
    if literals:
        yield named(literals)
    retention = dig(subject.obj, "spec", "persistentVolumeClaimRetentionPolicy", default={})
    if subject.kind == kinds.STATEFUL_SET and "Delete" in retention.values():
        yield "claims are retained until it is released; blue deletes them with the set"
    reclaim = dig(subject.obj, "spec", "persistentVolumeReclaimPolicy")
    if subject.kind == kinds.PERSISTENT_VOLUME and reclaim not in (None, "Retain"):
        yield f"reclaim policy {reclaim} becomes Retain on green, and stays so: blue has the same volume"
    if subject.kind == kinds.DEFINITION:
        yield from _definition(subject.obj)
    yield from _renamed(subject, surroundings)
    if subject.kind == kinds.SERVICE_ACCOUNT:
        yield from cloud_identity(subject.obj)
    if subject.kind == kinds.CRON_JOB:
        yield from unread(subject.obj)


def _renamed(subject: Subject, surroundings: Surroundings) -> Iterator[str]:
    """What a custom resource names under blue's name: only in kinds that we know are classes renamed."""
    names = renamed_classes(surroundings.blue.migration)
    if not names or subject.ref.group in BUILT_IN_GROUPS or kinds.pod_path(subject.kind) is not None:
        return
    for name in sorted(names.keys() & set(classes_named(subject.obj))):
        yield f"names storage class {name}, which is {names[name]} on green"


def _definition(obj: Object) -> Iterator[str]:
    served = {version.get("name") for version in dig(obj, "spec", "versions", default=()) or ()}
    gone = [name for name in dig(obj, "status", "storedVersions", default=()) or () if name not in served]
    if gone:
        yield f"blue may still store {', '.join(gone)}, which it does not serve: such objects cannot be read"


def _keepers(obj: Object) -> Iterator[str]:
    annotations, labels = annotations_of(obj), labels_of(obj)
    if "argocd.argoproj.io/tracking-id" in annotations:
        yield f"kept by Argo CD ({annotations['argocd.argoproj.io/tracking-id'].partition(':')[0]})"
    for key, what in (("kustomize", "Kustomization"), ("helm", "HelmRelease")):
        if f"{key}.toolkit.fluxcd.io/name" in labels:
            space = labels.get(f"{key}.toolkit.fluxcd.io/namespace", "")
            yield f"kept by Flux ({what} {space}/{labels[f'{key}.toolkit.fluxcd.io/name']})"
    if "meta.helm.sh/release-name" in annotations:
        yield f"part of Helm release {annotations['meta.helm.sh/release-name']}"


def _pod(subject: Subject) -> Iterator[str]:
    pod = kinds.pod_of(subject.kind, subject.obj)
    if not pod:
        return
    spec = pod.get("spec") or {}
    if spec.get("nodeName") and subject.kind != kinds.POD:
        yield f"nodeName {spec['nodeName']} is dropped"
    for field in ("hostNetwork", "hostAliases", "dnsConfig"):
        if spec.get(field):
            yield f"uses {field}"
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    ports = sorted({p["hostPort"] for c in containers for p in c.get("ports") or () if p.get("hostPort")})
    if ports:
        yield f"uses hostPort {', '.join(map(str, ports))}"
    paths = sorted({str(dig(v, "hostPath", "path")) for v in spec.get("volumes") or () if v.get("hostPath")})
    if paths:
        yield f"uses hostPath {', '.join(paths)}"


def _networking(subject: Subject) -> Iterator[str]:
    """What a person asked of blue's network on a pod, a template or a namespace."""
    keys = {*annotations_of(subject.obj), *annotations_of(kinds.pod_of(subject.kind, subject.obj))}
    asked = sorted(key for key in keys if state_annotation(key) and not _written_by_cni(key))
    if asked:
        yield f"annotation {', '.join(asked)} is dropped"


def _written_by_cni(key: str) -> bool:
    return key.endswith(("/podIP", "/podIPs", "/containerID", "status", "/pod-networks")) or key.startswith(
        "k8s.ovn.org/"
    )


def named(literals: Sequence[Literal]) -> str:
    """Say which addresses of blue an object names: the first, and how many more there are."""
    more = len(literals) - SHOWN
    said = ", ".join(map(str, literals[:SHOWN])) + (f" and {more} more" if more > 0 else "")
    return f"names addresses of blue: {said}"
