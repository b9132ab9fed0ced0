"""What a controller made and will make again."""

from __future__ import annotations

from migrate.model.groups import BUILT_IN_GROUPS
from migrate.model.ids import RuleId
from migrate.model.objects import annotations_of, controller_of, group_of
from migrate.replay import kinds, runs
from migrate.replay.rule import Rule, Subject, ask, skip
from migrate.replay.surroundings import Surroundings

OWNED = RuleId("owner.controller")
ONE_SHOT_RULE = RuleId("finished.one-shot")
OVER = frozenset(RuleId(f"finished.{what}") for what in ("terminating", "job", "pod", "run"))
"""Rules that leave a controller because it is over: what it made is over with it."""

MIRROR = "kubernetes.io/config.mirror"
"""Annotation that the kubelet puts on the Pod that shows a static pod: well-known annotations, Kubernetes."""


def _mirror(subject: Subject, _surroundings: Surroundings) -> str | None:
    owner = controller_of(subject.obj)
    static = MIRROR in annotations_of(subject.obj) or (owner is not None and owner.get("kind") == "Node")
    return "" if static else None


def _stays(subject: Subject, surroundings: Surroundings) -> str | None:
    """Match what an operator made for a custom resource that stays: with it, or without, it may be wanted on green."""
    owner = surroundings.blue.controller_of(subject.obj)
    rule = surroundings.left.get(owner) if owner else None
    if owner is None or rule is None:
        return None
    if rule == ONE_SHOT_RULE:
        wanted = subject.kind == kinds.CLAIM  # what it holds outlives the run that it was made for
    else:
        kind = owner.group, owner.kind
        built_in = owner.group in BUILT_IN_GROUPS or kind in kinds.WORKLOADS or kind in runs.BELOW
        over = rule in OVER or subject.kind in {kinds.POD, *kinds.ONE_SHOT}
        wanted = not (built_in or over)
    return f"owned by {owner}, left by {rule}" if wanted else None


def _left(subject: Subject, surroundings: Surroundings) -> str | None:
    owner = surroundings.blue.controller_of(subject.obj)
    rule = surroundings.left.get(owner) if owner else None
    return f"owned by {owner}, left by {rule}" if rule else None


def _owned(subject: Subject, surroundings: Surroundings) -> str | None:
    owner = surroundings.blue.controller_of(subject.obj)
    return f"owned by {owner}" if owner else None


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
    ask(
        "owner.stays",
        "what a custom resource controls that stays on blue; claims of one that is carried out once",
        "its controller would not make it again; say replay (it stands on its own) or skip (it stays, too)",
        when=_stays,
    ),
    skip(
        "owner.left",
        "other objects whose controller stays on blue",
        "it goes with its controller, and that stays",
        when=_left,
    ),
    skip(
        OWNED,
        "objects whose controller moves",
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
