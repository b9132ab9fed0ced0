"""What a controller made and will make again."""

from __future__ import annotations

from migrate.model.objects import annotations_of, controller_of, group_of
from migrate.replay import kinds
from migrate.replay.rule import Rule, Subject, ask, skip
from migrate.replay.surroundings import Surroundings

MIRROR = "kubernetes.io/config.mirror"
"""Annotation that the kubelet puts on the Pod that shows a static pod: well-known annotations, Kubernetes."""


def _mirror(subject: Subject, _surroundings: Surroundings) -> str | None:
    owner = controller_of(subject.obj)
    static = MIRROR in annotations_of(subject.obj) or (owner is not None and owner.get("kind") == "Node")
    return "" if static else None


def _owned(subject: Subject, surroundings: Surroundings) -> str | None:
    owner = controller_of(subject.obj)
    # a StatefulSet controls the claims that it may delete, but does not make them anew with their data's size
    if owner is None or (subject.kind == kinds.CLAIM and owner.get("kind") == "StatefulSet"):
        return None
    found = surroundings.blue.by_uid.get(str(owner.get("uid")))
    return f"owned by {found}" if found else None


def _orphaned(subject: Subject, surroundings: Surroundings) -> str | None:
    owner = controller_of(subject.obj)
    if owner is None or (subject.kind == kinds.CLAIM and owner.get("kind") == "StatefulSet"):
        return None
    kind = (group_of(owner), str(owner.get("kind", "")))
    state = "is not on blue any more" if kind in surroundings.blue.kinds else "could not be read"
    return f"its controller {owner.get('kind')} {owner.get('name')} {state}"


RULES: tuple[Rule, ...] = (
    skip(
        "owner.mirror-pod",
        "Pods that show a static pod",
        "a kubelet makes it from a file on a node of blue",
        kinds.POD,
        when=_mirror,
    ),
    skip(
        "owner.controller",
        "objects whose controller is on blue too",
        "its controller makes it again",
        when=_owned,
    ),
    ask(
        "owner.missing",
        "objects whose controller is not there",
        "nothing would make it again, and nothing looks after it; say replay or skip",
        when=_orphaned,
    ),
)
